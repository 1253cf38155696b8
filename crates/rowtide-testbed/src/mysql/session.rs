//! A connection that stays open.

use std::io::{BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::client::Row;
use super::rows::{Piece, Reader};
use crate::error::{Result, TestbedError};

/// A `mysql` program fed through a pipe: one connection, with its session variables and transactions.
///
/// A statement that the server refuses is an error and leaves the session usable; a lost connection is not renewed.
pub struct Session {
    child: Child,
    input: ChildStdin,
    output: Reader<BufReader<ChildStdout>>,
    statements: u64,
}

impl Session {
    /// Opens a session of a `mysql` program that was given where to connect and as whom.
    pub fn open(client: &Command) -> Result<Session> {
        let mut child = spawn_with_errors_in_output(client)?;
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (input, output) = pipes.ok_or_else(|| ended("it has no pipes"))?;
        let mut session = Session {
            child,
            input,
            output: Reader::new(BufReader::new(output)),
            statements: 0,
        };
        session.query("SELECT 1")?;
        Ok(session)
    }

    /// Executes statements separated by `;`; returns when the server has confirmed the last.
    pub fn execute(&mut self, statements: &str) -> Result<()> {
        self.query(statements).map(|_| ())
    }

    /// As [`Session::execute`], with the rows of all results.
    pub fn query(&mut self, statements: &str) -> Result<Vec<Row>> {
        self.statements += 1;
        let mark = format!("rowtide-statement-{}", self.statements);
        let statements = statements.trim_end().trim_end_matches(';');
        let text = format!("{statements}\n;\nSELECT '{mark}';\n");
        self.input
            .write_all(text.as_bytes())
            .and_then(|()| self.input.flush())
            .map_err(ended)?;
        self.read_until(&mark)
    }

    fn read_until(&mut self, mark: &str) -> Result<Vec<Row>> {
        let mut rows: Vec<Row> = Vec::new();
        let mut messages = Vec::new();
        loop {
            match self.output.next_piece()? {
                Some(Piece::Row(row)) => rows.push(row),
                Some(Piece::Message(message)) if is_lost(&message) => return Err(ended(message)),
                Some(Piece::Message(message)) => messages.push(message),
                Some(Piece::ResultEnd) => {
                    let last = rows.last().and_then(|row| row.first()).and_then(Option::as_deref);
                    if last == Some(mark) {
                        rows.pop();
                        break;
                    }
                }
                None => return Err(ended(messages.join("; "))),
            }
        }
        if messages.is_empty() {
            Ok(rows)
        } else {
            Err(TestbedError::Sql(messages.join("; ")))
        }
    }
}

/// Errors come through the same pipe as rows, so that they stand where their statement stands.
fn spawn_with_errors_in_output(client: &Command) -> Result<Child> {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$@\" 2>&1", "sh"])
        .arg(client.get_program())
        .args(client.get_args());
    for (name, value) in client.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.args(["--xml", "--quick", "--unbuffered", "--force", "--skip-reconnect"]);
    shell.stdin(Stdio::piped()).stdout(Stdio::piped());
    shell.spawn().map_err(|source| TestbedError::Spawn {
        command: "sh".to_owned(),
        source,
        advice: "a POSIX shell is needed",
    })
}

/// Whether a message is an error of the client itself, `ERROR 2013 (HY000) …`: there is no connection any more.
fn is_lost(message: &str) -> bool {
    let number = message
        .strip_prefix("ERROR ")
        .and_then(|rest| rest.split_once(' '))
        .map(|(number, _)| number);
    number.is_some_and(|number| number.len() == 4 && number.starts_with('2'))
}

fn ended(why: impl std::fmt::Display) -> TestbedError {
    TestbedError::Sql(format!("the session ended: {why}"))
}

impl Drop for Session {
    fn drop(&mut self) {
        // The connection ends with its client; an open transaction is rolled back by the server.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
