//! `rowtide check`: what would keep `run` from running, and the SQL that mends it.

use std::io::Write;

use anyhow::Context;
use rowtide::binlog::server::{Finding, Severity};
use rowtide::check::Report;

use crate::settings::Settings;
use crate::{exit, options};

/// Connects to the source, reads its settings and grants, and to Kafka if one is named. Prints what it finds.
///
/// # Errors
/// What would keep `run` from running: of several things the first decides the exit code.
pub fn run(settings: Settings) -> anyhow::Result<()> {
    let settings = settings.with_file().map_err(exit::usage)?;
    options::check(&settings).map_err(exit::usage)?;
    let report = source(&settings)?;
    // Not println!, which panics where nobody reads.
    let mut out = std::io::stdout();
    writeln!(out, "source: {}", report.server)?;
    for finding in &report.findings {
        writeln!(out, "{}", lines(finding))?;
    }
    writeln!(out, "{}", captured(report.captured_tables))?;
    let kafka = kafka(&settings, &mut out)?;
    let errors = report.errors() + usize::from(kafka.is_err());
    if errors > 0 {
        let summary = format!("`rowtide run` would not start: {}", counted(errors, "error"));
        return Err(exit::told(summary, &report.verdict().and(kafka)));
    }
    writeln!(out, "ok")?;
    Ok(())
}

fn source(settings: &Settings) -> anyhow::Result<Report> {
    let source = options::source(&settings.source).map_err(exit::usage)?;
    let tables = options::tables(&settings.tables).map_err(exit::usage)?;
    let server_id = options::server_id(&settings.replica).map_err(exit::usage)?;
    let prefix = settings.name.topic_prefix.as_deref();
    if settings.kafka.kafka.is_some() {
        // Settings that cannot be used are told before anything connects.
        options::pipeline(settings).map_err(exit::usage)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    Ok(runtime.block_on(rowtide::check::source(&source, server_id, prefix, &tables))?)
}

/// The outer result is about the settings, the inner one about Kafka.
fn kafka(settings: &Settings, out: &mut impl Write) -> anyhow::Result<Result<(), rowtide::Error>> {
    if settings.kafka.kafka.is_none() {
        return Ok(Ok(()));
    }
    let pipeline = options::pipeline(settings).map_err(exit::usage)?;
    let checked = pipeline.check_kafka();
    match &checked {
        Ok(()) => writeln!(out, "Kafka: reachable, and fit to be written to")?,
        Err(error) => writeln!(out, "error: {error}")?,
    }
    Ok(checked)
}

/// What is found, and below it what mends it.
fn lines(finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let what = finding.what.trim_end_matches('.');
    format!("{severity}: {what}\n    {}", finding.remedy)
}

fn captured(tables: usize) -> String {
    match tables {
        0 => "captured: none of the tables that the account sees".to_owned(),
        _ => format!("captured: {}", counted(tables, "table")),
    }
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_not_many() {
        assert_eq!(captured(0), "captured: none of the tables that the account sees");
        assert_eq!(captured(1), "captured: 1 table");
        assert_eq!(captured(1_200), "captured: 1200 tables");
        assert_eq!(counted(2, "error"), "2 errors");
    }
}
