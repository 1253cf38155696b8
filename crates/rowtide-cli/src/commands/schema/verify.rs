//! `rowtide schema verify`: tables that are known otherwise than the server has them.

use std::io::Write;

use anyhow::Context;
use clap::Args;
use rowtide::event::TableId;
use rowtide::verify::{Comparison, Finding, Verification};

use super::Place;
use crate::settings::{ConfigFile, SourceSettings, TableSettings};
use crate::{exit, options};

/// What is compared.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    source: SourceSettings,
    #[command(flatten)]
    tables: TableSettings,
    #[command(flatten)]
    place: Place,

    /// The server id under which this look joins the source: another than that of the run, so that it is not taken from
    /// the file or the environment
    #[arg(long, value_name = "N", default_value_t = 5_398, value_parser = clap::value_parser!(u32).range(1..))]
    server_id: u32,
}

/// Prints what differs, and how many tables agree.
///
/// # Errors
/// Also where a table differs.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let verification = verification(arguments).map_err(exit::usage)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let comparison = runtime.block_on(verification.run())?;
    print(&comparison, &mut std::io::stdout().lock())?;
    match comparison.findings.len() {
        0 => Ok(()),
        1 => Err(exit::otherwise("1 table does not agree".to_owned())),
        some => Err(exit::otherwise(format!("{some} tables do not agree"))),
    }
}

fn verification(arguments: &Arguments) -> anyhow::Result<Verification> {
    let file = ConfigFile::read(&arguments.place.config)?;
    Ok(Verification::new(
        options::source(&file.fill(arguments.source.clone())?)?,
        arguments.server_id,
        options::tables(&file.fill(arguments.tables.clone())?)?,
        arguments.place.options(&file)?,
    )?)
}

fn print(comparison: &Comparison, out: &mut impl Write) -> std::io::Result<()> {
    for (table, finding) in &comparison.findings {
        print_finding(table, finding, out)?;
    }
    let tables = match comparison.agreeing {
        1 => "1 table agrees".to_owned(),
        some => format!("{some} tables agree"),
    };
    writeln!(out, "{tables} at {}", comparison.place)
}

fn print_finding(table: &TableId, finding: &Finding, out: &mut impl Write) -> std::io::Result<()> {
    match finding {
        Finding::NotOnServer => writeln!(out, "{table}: the server does not have it, or does not show it"),
        Finding::NotKnown => writeln!(out, "{table}: the server has it, and Rowtide does not know it"),
        Finding::Unclear => writeln!(
            out,
            "{table}: unclear: a statement that could not be read may have changed it"
        ),
        Finding::NotCompared { why } => writeln!(out, "{table}: not compared: {why}"),
        Finding::Differs { known, server } => {
            writeln!(out, "{table}: differs (- as Rowtide knows it, + on the server)")?;
            for (mark, line) in side_by_side(known, server) {
                writeln!(out, "  {mark} {line}")?;
            }
            Ok(())
        }
    }
}

/// All lines of both, those that are the same once.
fn side_by_side<'a>(known: &'a [String], server: &'a [String]) -> Vec<(char, &'a str)> {
    let mut lines = Vec::new();
    let mut theirs = server;
    for line in known {
        let Some(at) = theirs.iter().position(|other| other == line) else {
            lines.push(('-', line.as_str()));
            continue;
        };
        let (before, rest) = theirs.split_at(at);
        lines.extend(before.iter().map(|other| ('+', other.as_str())));
        lines.push((' ', line.as_str()));
        theirs = rest.split_first().map_or(&[][..], |(_, rest)| rest);
    }
    lines.extend(theirs.iter().map(|other| ('+', other.as_str())));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(known: &[&str], server: &[&str]) -> String {
        let [known, server] =
            [known, server].map(|all| all.iter().map(|&l| l.to_owned()).collect::<Vec<_>>());
        let lines = side_by_side(&known, &server);
        lines.iter().map(|(mark, line)| format!("{mark}{line}")).collect()
    }

    #[test]
    fn lines_of_both_sides_are_told_apart() {
        assert_eq!(marked(&["a", "b", "c"], &["a", "x", "c", "d"]), " a-b+x c+d");
        assert_eq!(marked(&["a", "b"], &["b", "a"]), "+b a-b");
        assert_eq!(marked(&[], &["a"]), "+a");
        assert_eq!(marked(&["a"], &[]), "-a");
    }
}
