//! The load that throughput and fault tests drain: 60 % inserts, 30 % updates, 10 % deletes.

use std::io::{self, BufWriter, Write};
use std::process::{Command, Stdio};

use crate::command;
use crate::error::{Result, TestbedError};
use crate::random::Random;

/// Changes of one transaction: one statement of inserts, single-row updates, single-row deletes.
const INSERTS: u64 = 60;
const UPDATES: u64 = 30;
const DELETES: u64 = 10;

/// A load on one table of sysbench's shape; the same seed gives the same statements.
#[derive(Clone, Debug)]
pub struct Workload {
    /// The database, made if missing.
    pub database: String,
    /// The table, made by the load.
    pub table: String,
    /// How many changes: rounded up to whole transactions of 100.
    pub changes: u64,
    /// What the choice of rows and their contents come from.
    pub seed: u64,
}

/// What a load did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows inserted.
    pub inserts: u64,
    /// Rows updated, each by a statement of its own.
    pub updates: u64,
    /// Rows deleted, each by a statement of its own.
    pub deletes: u64,
}

impl Changes {
    /// All changes.
    pub fn total(&self) -> u64 {
        self.inserts + self.updates + self.deletes
    }
}

impl Default for Workload {
    fn default() -> Self {
        Workload {
            database: "load".to_owned(),
            table: "sbtest".to_owned(),
            changes: 1_000_000,
            seed: 1,
        }
    }
}

impl Workload {
    /// Runs the load through a `mysql` program: see [`crate::MySql::client`].
    pub fn run(&self, mut client: Command) -> Result<Changes> {
        client
            .arg("--batch")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = client.spawn().map_err(|source| TestbedError::Spawn {
            command: "mysql".to_owned(),
            source,
            advice: "remove the testbed's cache to fetch it anew",
        })?;
        let input = child.stdin.take();
        let written = input.map_or(Ok(Changes::default()), |input| self.write(input));
        let output = child
            .wait_with_output()
            .map_err(|error| TestbedError::Sql(error.to_string()))?;
        if !output.status.success() {
            return Err(command::failure(&client, &output));
        }
        written.map_err(|error| TestbedError::Sql(error.to_string()))
    }

    /// Writes the load as SQL.
    pub fn write(&self, output: impl Write) -> io::Result<Changes> {
        let mut output = BufWriter::with_capacity(1 << 16, output);
        let (database, table) = (format!("`{}`", self.database), format!("`{}`", self.table));
        writeln!(
            output,
            "CREATE DATABASE IF NOT EXISTS {database};\nUSE {database};"
        )?;
        writeln!(
            output,
            "CREATE TABLE {table} (id INT NOT NULL PRIMARY KEY, k INT NOT NULL DEFAULT 0, \
             c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '');"
        )?;
        let mut rows = Rows {
            random: Random::new(self.seed),
            live: Vec::new(),
            last: 0,
        };
        let mut changes = Changes::default();
        while changes.total() < self.changes {
            writeln!(output, "BEGIN;")?;
            rows.write_transaction(&mut output, &table)?;
            writeln!(output, "COMMIT;")?;
            changes.inserts += INSERTS;
            changes.updates += UPDATES;
            changes.deletes += DELETES;
        }
        output.flush()?;
        Ok(changes)
    }
}

/// The rows that are there, and the source of new ones.
struct Rows {
    random: Random,
    live: Vec<u64>,
    last: u64,
}

impl Rows {
    fn write_transaction(&mut self, output: &mut impl Write, table: &str) -> io::Result<()> {
        write!(output, "INSERT INTO {table} VALUES ")?;
        for row in 0..INSERTS {
            self.last += 1;
            self.live.push(self.last);
            let (k, separator) = (self.random.below(1_000_000), if row == 0 { "" } else { "," });
            write!(output, "{separator}({},{k},'", self.last)?;
            write_groups(&mut self.random, output, 10)?;
            write!(output, "','")?;
            write_groups(&mut self.random, output, 5)?;
            write!(output, "')")?;
        }
        writeln!(output, ";")?;
        for _ in 0..UPDATES {
            let place = self.any();
            let id = self.live[place];
            write!(output, "UPDATE {table} SET k=k+1,c='")?;
            write_groups(&mut self.random, output, 10)?;
            writeln!(output, "' WHERE id={id};")?;
        }
        for _ in 0..DELETES {
            let place = self.any();
            let id = self.live.swap_remove(place);
            writeln!(output, "DELETE FROM {table} WHERE id={id};")?;
        }
        Ok(())
    }

    fn any(&mut self) -> usize {
        self.random.below(self.live.len() as u64) as usize
    }
}

/// Groups of eleven digits with dashes between, as sysbench fills its columns.
fn write_groups(random: &mut Random, output: &mut impl Write, groups: u32) -> io::Result<()> {
    for group in 0..groups {
        let separator = if group == 0 { "" } else { "-" };
        write!(output, "{separator}{:011}", random.below(100_000_000_000))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seed: u64) -> (String, Changes) {
        let mut bytes = Vec::new();
        let workload = Workload {
            changes: 250,
            seed,
            ..Workload::default()
        };
        let changes = workload.write(&mut bytes).unwrap();
        (String::from_utf8(bytes).unwrap(), changes)
    }

    #[test]
    fn the_mix_is_kept_and_transactions_are_whole() {
        let (sql, changes) = text(1);
        assert_eq!(
            changes,
            Changes {
                inserts: 180,
                updates: 90,
                deletes: 30
            }
        );
        let lines = |start: &str| sql.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!((lines("BEGIN"), lines("COMMIT"), lines("INSERT")), (3, 3, 3));
        assert_eq!((lines("UPDATE"), lines("DELETE")), (90, 30));
    }

    #[test]
    fn a_seed_gives_the_same_load() {
        assert_eq!(text(7), text(7));
        assert_ne!(text(7).0, text(8).0);
    }
}
