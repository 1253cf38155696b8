//! The binlog files of `testdata/binlog`, written again by real servers from the SQL beside them.

use std::path::Path;

use crate::error::{Result, TestbedError, file};
use crate::{MySql, MySqlOptions, ServerVersion};

use ServerVersion::{MariaDb118, MariaDb1011, MySql57, MySql80, MySql97};

/// A file and how it is made.
#[derive(Debug, Clone, Copy)]
struct Binlog {
    server: ServerVersion,
    /// What is in it. With the server before it this is the file's name.
    name: &'static str,
    /// The scripts, one after the other, each by a client of its own.
    scripts: &'static [&'static str],
    /// Arguments of the server.
    arguments: &'static [&'static str],
    /// Which of the server's files it is.
    number: u8,
}

const FILES: [Binlog; 22] = [
    of(MySql57, "types", &["types.sql"]),
    of(MySql80, "types", &["types.sql"]),
    of(MySql97, "types", &["types.sql", "types-new.mysql-9.7.sql"]),
    of(MariaDb1011, "types", &["types.sql", "types-new.mariadb.sql"]),
    of(MariaDb118, "types", &["types.sql", "types-new.mariadb.sql"]),
    of(
        MySql97,
        "types-minimal",
        &["types.sql", "types-new.mysql-9.7.sql"],
    )
    .with(&["--binlog-row-metadata=MINIMAL"]),
    of(MySql80, "types-minimal", &["types.sql"]).with(&["--binlog-row-metadata=MINIMAL"]),
    of(
        MariaDb118,
        "types-minimal",
        &["types.sql", "types-new.mariadb.sql"],
    )
    .with(&["--binlog-row-metadata=MINIMAL"]),
    of(
        MariaDb118,
        "types-no-log",
        &["types.sql", "types-new.mariadb.sql"],
    )
    .with(&["--binlog-row-metadata=NO_LOG"]),
    of(MySql80, "corners", &["corners.mysql-8.0.sql"]),
    of(MySql57, "rows-v1", &["big.sql"]).with(&[
        "--log-bin-use-v1-row-events=ON",
        "--binlog-row-event-max-size=1024",
    ]),
    of(
        MySql97,
        "golden",
        &[
            "../golden/01-types.sql",
            "../golden/02-dml.sql",
            "../golden/03-ddl.sql",
        ],
    ),
    of(MySql97, "shapes", &["mysql-9.7-shapes.sql"]),
    of(MySql97, "row-images", &["mysql-9.7-row-images.sql"]),
    of(MySql97, "compressed", &["compressed.mysql-9.7.sql"]),
    of(MySql97, "tags", &["tags.mysql-9.7.sql"]).file(2),
    of(MySql97, "big", &["big.sql"]).with(&["--binlog-row-event-max-size=1024"]),
    of(MySql97, "no-checksum", &["big.sql"]).with(&["--binlog-checksum=NONE"]),
    of(MariaDb1011, "transactions", &["transactions.mariadb.sql"]),
    of(MariaDb118, "transactions", &["transactions.mariadb.sql"]),
    of(MariaDb118, "old-times", &["old-times.mariadb.sql"]),
    of(MariaDb118, "no-checksum", &["big.sql"]).with(&["--binlog-checksum=NONE"]),
];

const fn of(server: ServerVersion, name: &'static str, scripts: &'static [&'static str]) -> Binlog {
    Binlog {
        server,
        name,
        scripts,
        arguments: &[],
        number: 1,
    }
}

/// Writes the files into `folder`, which has the SQL; of those only the ones that are named, if any are.
pub fn write(folder: &Path, only: &[String]) -> Result<()> {
    let known = FILES.map(|file| file.file_name());
    if let Some(unknown) = only.iter().find(|name| !known.contains(name)) {
        let message = format!("there is no {unknown}; there are {}", known.join(", "));
        return Err(TestbedError::Machine(message));
    }
    for file in FILES {
        if only.is_empty() || only.contains(&file.file_name()) {
            file.write(folder)?;
            println!("{}", folder.join(file.file_name()).display());
        }
    }
    Ok(())
}

impl Binlog {
    const fn with(mut self, arguments: &'static [&'static str]) -> Binlog {
        self.arguments = arguments;
        self
    }

    const fn file(mut self, number: u8) -> Binlog {
        self.number = number;
        self
    }

    fn file_name(&self) -> String {
        format!("{}-{}.binlog", self.server, self.name)
    }

    fn write(&self, folder: &Path) -> Result<()> {
        let usual = MySqlOptions::of(self.server).with("--default-time-zone=+00:00");
        let options = self
            .arguments
            .iter()
            .fold(usual, |options, argument| options.with(argument));
        let server = MySql::start(options)?;
        server.sql(match self.server {
            MySql97 => "RESET BINARY LOGS AND GTIDS",
            _ => "RESET MASTER",
        })?;
        for script in self.scripts {
            let path = folder.join(script);
            let sql = std::fs::read_to_string(&path).map_err(file("read", &path))?;
            server.sql(&sql)?;
        }
        server.sql("FLUSH BINARY LOGS")?;
        let from = server.datadir().join(format!("binlog.{:06}", self.number));
        let to = folder.join(self.file_name());
        let bytes = std::fs::read(&from).map_err(file("read", &from))?;
        std::fs::write(&to, bytes).map_err(file("write", &to))?;
        server.stop()
    }
}
