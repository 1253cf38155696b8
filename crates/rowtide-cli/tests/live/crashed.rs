//! A server that crashed while it wrote a transaction: the binlog file ends inside it, and another follows.

use std::fs::{self, OpenOptions};
use std::path::Path;

use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};

use crate::stage::{self, assert_says, fail, records, succeed};

#[test]
fn a_transaction_that_was_not_written_to_its_end_appears_nowhere_or_stops() {
    let options = MySqlOptions {
        gtid: false,
        ..MySqlOptions::of(ServerVersion::MySql97)
    };
    let server = MySql::start(options).unwrap();
    let kafka = stage::kafka();
    // A parcel is handed over at 256 KiB.
    for (name, rows) in [("crash_small", 2), ("crash_large", 2_000)] {
        let row = "(REPEAT('x', 500))";
        server
            .sql(&format!(
                "CREATE DATABASE {name}; USE {name};
                 CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, pad VARCHAR(500)); FLUSH BINARY LOGS"
            ))
            .unwrap();
        let start = stage::position(&server);
        server
            .sql(&format!("INSERT INTO {name}.t (pad) VALUES ('first')"))
            .unwrap();
        server
            .sql(&format!(
                "INSERT INTO {name}.t (pad) VALUES {}",
                vec![row; rows].join(",")
            ))
            .unwrap();
        let file = start.split(':').nth(1).unwrap();
        server.stop().unwrap();
        cut_before_last_commit(&server.datadir().join(file));
        server.start_again().unwrap();
        server
            .sql(&format!("INSERT INTO {name}.t (pad) VALUES ('last')"))
            .unwrap();
        let mut run = stage::run(&server, kafka, name, name);
        run.args(["--start", &start, "--until-idle", "1s"]);
        if rows < 10 {
            succeed(&mut run);
            let pads = records(kafka, &format!("{name}.{name}.t"));
            let pads: Vec<_> = pads
                .iter()
                .map(|record| stage::after(record)["pad"].clone())
                .collect();
            assert_eq!(pads, ["first", "last"]);
        } else {
            let said = fail(&mut run, 7);
            let words = [
                "the server crashed before",
                file,
                "rows of it were handed over that are not real",
                "rowtide checkpoint set",
            ];
            assert_says(&said, &words);
        }
    }
}

/// Takes the last XID event and all behind it off a binlog file.
fn cut_before_last_commit(path: &Path) {
    const XID: u8 = 16;
    let bytes = fs::read(path).unwrap();
    let (mut at, mut commit) = (4, None);
    while let Some(header) = bytes.get(at..at + 19) {
        if header[4] == XID {
            commit = Some(at);
        }
        at += u32::from_le_bytes(header[9..13].try_into().unwrap()) as usize;
    }
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(commit.unwrap() as u64).unwrap();
}
