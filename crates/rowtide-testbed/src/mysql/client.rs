//! Statements through the `mysql` program, one process a script.

use std::io::{BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::thread;

use super::rows::{Piece, Reader};
use crate::error::{Result, TestbedError};

/// A row as text, a column each; NULL is `None`.
pub type Row = Vec<Option<String>>;

/// Runs a script and returns the rows of all its results.
pub(super) fn run_script(client: Command, script: &str) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    stream_rows(client, script, |row| {
        rows.push(row);
        Ok(())
    })?;
    Ok(rows)
}

/// Runs a script and hands over the rows of all its results as they come.
pub(super) fn stream_rows(
    mut client: Command,
    script: &str,
    mut on_row: impl FnMut(Row) -> Result<()>,
) -> Result<()> {
    client.args(["--xml", "--quick"]);
    let mut child = spawn(&mut client)?;
    let input = child.stdin.take();
    let errors = child.stderr.take();
    let output = child.stdout.take();
    // Three pipes, each of which may fill up: one thread each.
    let (read, errors) = thread::scope(|scope| {
        scope.spawn(move || input.map(|mut input| input.write_all(script.as_bytes())));
        let errors = scope.spawn(move || read_text(errors));
        let read = output.map_or(Ok(()), |output| each_row(output, &mut on_row));
        (read, errors.join().unwrap_or_default())
    });
    let status = child
        .wait()
        .map_err(|error| TestbedError::Sql(error.to_string()))?;
    read?;
    if status.success() {
        Ok(())
    } else {
        Err(TestbedError::Sql(errors.trim().to_owned()))
    }
}

pub(super) fn spawn(client: &mut Command) -> Result<Child> {
    client
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    client.spawn().map_err(|source| TestbedError::Spawn {
        command: "mysql".to_owned(),
        source,
        advice: "remove the testbed's cache to fetch it anew",
    })
}

fn each_row(output: impl Read, on_row: &mut impl FnMut(Row) -> Result<()>) -> Result<()> {
    let mut reader = Reader::new(BufReader::with_capacity(1 << 16, output));
    while let Some(piece) = reader.next_piece()? {
        if let Piece::Row(row) = piece {
            on_row(row)?;
        }
    }
    Ok(())
}

fn read_text(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        // What was read before a failure is still the best explanation there is.
        let _ = pipe.read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
