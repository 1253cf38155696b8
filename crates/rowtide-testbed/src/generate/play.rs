//! Runs a round on a server.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;

use super::Round;
use crate::MySql;
use crate::error::{Result, TestbedError};

/// What the server said of a round's statements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Played {
    /// How many statements there were, BEGIN and COMMIT included.
    pub statements: usize,
    /// Those that the server refused, by the number of the error.
    pub refused: BTreeMap<u32, Refused>,
}

/// Statements that the server refused for the same reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refused {
    /// How many.
    pub count: usize,
    /// What the server said of the first.
    pub example: String,
}

impl Round {
    /// Sets the server and makes the tables.
    pub fn prepare(&self, server: &MySql) -> Result<()> {
        server.sql(&script(&self.setup)).map(|_| ())
    }

    /// Changes the rows, in one session that goes on when a statement is refused.
    pub fn play(&self, server: &MySql) -> Result<Played> {
        let mut client = server.client();
        client
            .args(["--force", "--batch", "--default-character-set=utf8mb4"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = client.spawn().map_err(|source| TestbedError::Spawn {
            command: "mysql".to_owned(),
            source,
            advice: "remove the testbed's cache to fetch it anew",
        })?;
        let script = script(&self.changes);
        let input = child.stdin.take();
        let writer = std::thread::spawn(move || input.map(|mut input| input.write_all(script.as_bytes())));
        let output = child
            .wait_with_output()
            .map_err(|error| TestbedError::Sql(error.to_string()))?;
        // What the client did not take shows in its messages.
        let _ = writer.join();
        Ok(Played {
            statements: self.changes.len(),
            refused: refused(&String::from_utf8_lossy(&output.stderr))?,
        })
    }
}

fn script(statements: &[String]) -> String {
    let mut script = statements.join(";\n");
    script.push_str(";\n");
    script
}

/// Counts messages such as `ERROR 1062 (23000) at line 3: …`; those of the client itself, as of a lost connection, are an
/// error.
fn refused(messages: &str) -> Result<BTreeMap<u32, Refused>> {
    let mut refused: BTreeMap<u32, Refused> = BTreeMap::new();
    for line in messages.lines() {
        let number = line
            .strip_prefix("ERROR ")
            .and_then(|rest| rest.split_once(' '))
            .and_then(|(number, _)| number.parse().ok());
        match number {
            Some(2000..=2999) => return Err(TestbedError::Sql(line.to_owned())),
            Some(number) => {
                let same = refused.entry(number).or_insert_with(|| Refused {
                    count: 0,
                    example: line.to_owned(),
                });
                same.count += 1;
            }
            None => {}
        }
    }
    Ok(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_counted_and_a_lost_connection_is_an_error() {
        let messages =
            "mysql: [Warning] x\nERROR 1062 (23000) at line 3: Duplicate\nERROR 1062 (23000) at line 9: D\n";
        let found = refused(messages).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[&1062].count, 2);
        assert_eq!(found[&1062].example, "ERROR 1062 (23000) at line 3: Duplicate");
        assert!(refused("ERROR 2013 (HY000) at line 1: Lost connection").is_err());
    }
}
