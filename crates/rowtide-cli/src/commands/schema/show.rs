//! `rowtide schema show`: tables as SQL or as JSON.

use std::io::{BufWriter, Write};

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};
use rowtide::TableFilter;
use rowtide::event::{BinlogPosition, GtidSet};
use rowtide::known_schema::{At, KnownSchema, KnownTable};
use serde_json::json;

use super::Place;
use crate::exit;
use crate::settings::ConfigFile;

/// Which tables, and how they are shown.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Only tables whose `database.table` matches one of these regular expressions as a whole, as for --include-table
    #[arg(value_name = "TABLE")]
    tables: Vec<String>,

    /// The place at which the tables are shown in place of the checkpoint: FILE:POS, or a GTID set
    #[arg(long, value_name = "PLACE")]
    at: Option<String>,

    /// How tables are shown
    #[arg(long, value_enum, default_value = "sql")]
    format: Format,

    #[command(flatten)]
    place: Place,
}

/// The form of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// CREATE TABLE statements
    Sql,
    /// A JSON object a table and line: its database, name and definition, and Debezium's image of it
    Json,
}

/// Prints the tables; those that are unclear are named on standard error.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let (filter, at) = wanted(arguments).map_err(exit::usage)?;
    let kafka = ConfigFile::read(&arguments.place.config)
        .and_then(|file| arguments.place.options(&file))
        .map_err(exit::usage)?;
    let schema = match at {
        None => KnownSchema::at_checkpoint(&kafka)?,
        Some(at) => KnownSchema::at(&kafka, at)?,
    };
    let tables = schema.tables(&filter);
    let mut out = BufWriter::new(std::io::stdout().lock());
    match arguments.format {
        Format::Sql => sql(&kafka.source_name, schema.place(), &tables, &mut out)?,
        Format::Json => json(&tables, &mut out)?,
    }
    out.flush()?;
    report(&tables);
    match tables.is_empty() && !arguments.tables.is_empty() {
        true => Err(exit::otherwise(format!(
            "no table is known at {} that matches {}",
            schema.place(),
            arguments.tables.join(" or ")
        ))),
        false => Ok(()),
    }
}

fn wanted(arguments: &Arguments) -> anyhow::Result<(TableFilter, Option<At>)> {
    let filter = TableFilter::new(&arguments.tables, &[])?;
    Ok((filter, arguments.at.as_deref().map(place).transpose()?))
}

/// A set of one server's GTIDs looks much like a position.
fn place(text: &str) -> anyhow::Result<At> {
    if let Ok(gtids) = text.parse::<GtidSet>() {
        return Ok(At::Gtids(gtids));
    }
    let position = text.parse::<BinlogPosition>();
    position
        .map(At::Position)
        .map_err(|_| anyhow!("{text} is neither FILE:POS nor a GTID set"))
        .context("--at")
}

fn sql(source: &str, place: &str, tables: &[KnownTable], out: &mut impl Write) -> std::io::Result<()> {
    writeln!(out, "-- {source} at {place}")?;
    let mut database = None;
    for table in tables {
        let Some(definition) = table.definition() else {
            continue;
        };
        let own = &table.id().database;
        if database != Some(own) {
            database = Some(own);
            writeln!(out, "\nUSE `{}`;", own.replace('`', "``"))?;
        }
        writeln!(out, "\n{definition};")?;
    }
    Ok(())
}

fn json(tables: &[KnownTable], out: &mut impl Write) -> anyhow::Result<()> {
    for table in tables {
        let id = table.id();
        let image = table.image();
        let line = match table {
            KnownTable::Unclear(_) => json!({ "database": id.database, "name": id.table, "unclear": true }),
            KnownTable::Known(_) => json!({
                "database": id.database,
                "name": id.table,
                "id": image.as_ref().map(|image| &image.id),
                "table": image.as_ref().map(|image| &image.table),
                "comment": image.as_ref().map(|image| &image.comment),
                "definition": table.definition(),
            }),
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn report(tables: &[KnownTable]) {
    for table in tables {
        if let KnownTable::Unclear(id) = table {
            eprintln!("rowtide: {id} is unclear: a statement that could not be read may have changed it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_position_or_a_set() {
        let set = "9de2dde1-e55f-11f1-bc9f-02fc00000001:1-7";
        assert_eq!(place(set).unwrap(), At::Gtids(set.parse().unwrap()));
        assert_eq!(place("0-1-5").unwrap(), At::Gtids("0-1-5".parse().unwrap()));
        assert_eq!(
            place("binlog.000002:157").unwrap(),
            At::Position(BinlogPosition::new("binlog.000002", 157))
        );
        for bad in ["binlog.000002", "soon", "binlog.000002:3"] {
            let error = format!("{:#}", place(bad).unwrap_err());
            assert!(error.starts_with("--at: ") && error.contains(bad), "{error}");
        }
    }
}
