//! Runs a program to its end and explains its failure.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::error::{Result, TestbedError, file};

/// How much of a failed command's output is shown, in bytes from its end.
const SHOWN_OUTPUT: usize = 4096;

/// Runs the command without input; returns what it wrote to its standard output.
///
/// `advice` is said when the program is not there at all.
pub(crate) fn run(command: &mut Command, advice: &'static str) -> Result<Vec<u8>> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| TestbedError::Spawn {
        command: command_line(command),
        source,
        advice,
    })?;
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(failure(command, &output))
    }
}

/// Runs the command with this input; returns what it wrote to its standard output.
pub(crate) fn run_with_input(command: &mut Command, input: Vec<u8>, advice: &'static str) -> Result<Vec<u8>> {
    let spawned = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = spawned.map_err(|source| TestbedError::Spawn {
        command: command_line(command),
        source,
        advice,
    })?;
    let pipe = child.stdin.take();
    // A program that ends without reading its input says why by its status.
    let writer = std::thread::spawn(move || pipe.map(|mut pipe| pipe.write_all(&input)));
    let output = child
        .wait_with_output()
        .map_err(file("read what was written by", Path::new(command.get_program())))?;
    // It returned when the pipe was closed; its error is what the status tells.
    let _ = writer.join();
    if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(failure(command, &output))
    }
}

/// The error of a command that ended badly.
pub(crate) fn failure(command: &Command, output: &Output) -> TestbedError {
    let mut said = tail(&output.stdout);
    said.push_str(&tail(&output.stderr));
    TestbedError::Command {
        command: command_line(command),
        status: output.status,
        output: said,
    }
}

/// The end of some output, as text.
pub(crate) fn tail(bytes: &[u8]) -> String {
    let from = bytes.len().saturating_sub(SHOWN_OUTPUT);
    String::from_utf8_lossy(bytes.get(from..).unwrap_or_default()).into_owned()
}

/// Copies a folder with everything in it, holes kept where the file system can.
pub(crate) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    run(
        Command::new("cp")
            .args(["-R", "--sparse=auto", "--reflink=auto"])
            .arg(from)
            .arg(to),
        "coreutils are needed",
    )?;
    Ok(())
}

/// The size of a folder in bytes, as it lies on the disk's directory.
pub(crate) fn folder_size(folder: &Path) -> Result<u64> {
    let mut size = 0;
    for entry in std::fs::read_dir(folder).map_err(file("list", folder))? {
        let entry = entry.map_err(file("list", folder))?;
        let path = entry.path();
        let metadata = entry.metadata().map_err(file("examine", &path))?;
        size += if metadata.is_dir() {
            folder_size(&path)?
        } else {
            metadata.len()
        };
    }
    Ok(size)
}

fn command_line(command: &Command) -> String {
    let mut line = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        line.push(' ');
        line.push_str(&argument.to_string_lossy());
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_command_is_named_with_what_it_said() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"]), "").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("sh -c echo why"), "{text}");
        assert!(text.contains("exit status: 3"), "{text}");
        assert!(text.contains("why\n"), "{text}");
    }

    #[test]
    fn a_program_is_given_its_input() {
        let input = vec![b'x'; 1 << 20];
        assert_eq!(
            run_with_input(&mut Command::new("cat"), input.clone(), "").unwrap(),
            input
        );
        let error = run_with_input(Command::new("sh").args(["-c", "exit 3"]), input, "").unwrap_err();
        assert!(error.to_string().contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named_with_advice() {
        let error = run(&mut Command::new("rowtide-no-such-program"), "install it").unwrap_err();
        assert!(error.to_string().ends_with("install it"), "{error}");
    }
}
