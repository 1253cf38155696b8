//! Judges what arrived in Kafka: every change once, in order, and the tables rebuilt from it equal to the source's.
//!
//! It reads Debezium's envelope as plain JSON, with or without its schema.

mod calendar;
mod column;
mod document;
mod keys;
mod rebuilt;
mod select;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

pub use keys::{Keys, of_database as keys};
use rebuilt::{Change, Place, Rebuilt, canonical_key};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Result, TestbedError};
use crate::{MySql, Record};

/// What was found in the records so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Records that tell a change; tombstones are not among them.
    pub changes: u64,
    /// Tombstones.
    pub tombstones: u64,
    /// Changes whose place in the binary log (GTID, file, position, row, table) and kind were seen before.
    pub duplicates: u64,
    /// Changes that stand in a partition behind one that is later in the binary log.
    pub out_of_order: u64,
    /// Changes whose row before is not what the earlier changes of its key left.
    pub wrong_before: u64,
    /// The first few faults, in words, without row contents.
    pub examples: Vec<String>,
}

impl Findings {
    /// Whether nothing was doubled, out of order, or at odds with what came before.
    pub fn is_clean(&self) -> bool {
        self.duplicates == 0 && self.out_of_order == 0 && self.wrong_before == 0
    }
}

/// Rebuilds tables from change records, fed in the order of their partitions.
#[derive(Debug, Default)]
pub struct Oracle {
    /// What was found so far.
    pub findings: Findings,
    seen: HashSet<u64>,
    last: HashMap<(String, i32), Place>,
    tables: HashMap<String, Rebuilt>,
    images_are_partial: bool,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    before: Option<&'a RawValue>,
    #[serde(borrow)]
    after: Option<&'a RawValue>,
    source: Source,
    op: String,
}

#[derive(Deserialize, Hash)]
struct Source {
    db: String,
    table: String,
    gtid: Option<String>,
    file: String,
    pos: u64,
    row: u64,
}

#[derive(Deserialize)]
struct WithSchema<'a> {
    #[serde(borrow)]
    payload: Option<&'a RawValue>,
}

impl Oracle {
    /// For streams whose images leave out columns (`--absent-columns omit`): what is not there is as it was.
    pub fn of_partial_images() -> Oracle {
        Oracle {
            images_are_partial: true,
            ..Oracle::default()
        }
    }

    /// Takes one record of a change topic.
    pub fn observe(&mut self, record: &Record) -> Result<()> {
        let Some(value) = &record.value else {
            self.findings.tombstones += 1;
            return Ok(());
        };
        let envelope: Envelope<'_> = parse(without_schema(value), record)?;
        let key = record
            .key
            .as_deref()
            .map(|key| parse(without_schema(key), record));
        self.change(record, &envelope, key.transpose()?);
        Ok(())
    }

    /// Takes a change as a line of JSON, as `rowtide tail` writes it, where all tables are in one order.
    pub fn observe_line(&mut self, line: &[u8], keys: &Keys) -> Result<()> {
        let record = Record {
            topic: "the lines".to_owned(),
            offset: self.findings.changes.cast_signed(),
            ..Record::default()
        };
        let envelope: Envelope<'_> = parse(line, &record)?;
        let key = match keys.get(&envelope.table()) {
            Some(columns) => Some(key_of(columns, &envelope, &record)?),
            None => None,
        };
        self.change(&record, &envelope, key);
        Ok(())
    }

    /// How many rows the table `database.table` has, as rebuilt.
    pub fn rows(&self, table: &str) -> usize {
        self.tables.get(table).map_or(0, Rebuilt::len)
    }

    /// Compares a rebuilt table with `SELECT`, value for value; returns what differs, in words, with values, at most some
    /// ten.
    ///
    /// Types whose form in JSON the oracle does not know are an error.
    pub fn differences(&self, server: &MySql, database: &str, table: &str) -> Result<Vec<String>> {
        let empty = Rebuilt::default();
        let rebuilt = self.tables.get(&format!("{database}.{table}")).unwrap_or(&empty);
        select::differences(server, database, table, rebuilt, self.images_are_partial)
    }

    fn change(&mut self, record: &Record, envelope: &Envelope<'_>, key: Option<BTreeMap<String, Value>>) {
        self.findings.changes += 1;
        let known = !self.seen.insert(identity(envelope));
        if known {
            self.findings.duplicates += 1;
            self.note("doubled", record, envelope);
        }
        self.check_order(record, envelope, known);
        self.apply(key.map(canonical_key), record, envelope);
    }

    fn check_order(&mut self, record: &Record, envelope: &Envelope<'_>, known: bool) {
        let place = envelope.source.place();
        let partition = (record.topic.clone(), record.partition);
        let earlier = self.last.insert(partition, place.clone());
        if !known && earlier.is_some_and(|earlier| earlier > place) {
            self.findings.out_of_order += 1;
            self.note("out of order", record, envelope);
        }
    }

    fn apply(&mut self, key: Option<String>, record: &Record, envelope: &Envelope<'_>) {
        let follows = self.tables.entry(envelope.table()).or_default().apply(Change {
            key,
            before: envelope.before.map(RawValue::get),
            after: envelope.after.map(RawValue::get),
            place: envelope.source.place(),
            is_partial: self.images_are_partial,
        });
        // A snapshot's rows may follow changes of the same rows.
        if envelope.op != "r" && !follows {
            self.findings.wrong_before += 1;
            self.note("does not follow from what came before", record, envelope);
        }
    }

    fn note(&mut self, fault: &str, record: &Record, envelope: &Envelope<'_>) {
        const SHOWN: usize = 10;
        if self.findings.examples.len() < SHOWN {
            let Source {
                db,
                table,
                file,
                pos,
                row,
                ..
            } = &envelope.source;
            let place = format!("partition {} offset {}", record.partition, record.offset);
            let change = format!("{} of {db}.{table} at {file}:{pos} row {row}", envelope.op);
            self.findings.examples.push(format!("{place}: {change} {fault}"));
        }
    }
}

impl Envelope<'_> {
    fn table(&self) -> String {
        format!("{}.{}", self.source.db, self.source.table)
    }
}

impl Source {
    fn place(&self) -> Place {
        (self.file.clone(), self.pos, self.row)
    }
}

/// The key of the row that a change makes, or of the one that it takes away.
fn key_of(columns: &[String], envelope: &Envelope<'_>, record: &Record) -> Result<BTreeMap<String, Value>> {
    let row = envelope.after.or(envelope.before).map_or("{}", RawValue::get);
    let mut row: BTreeMap<String, Value> = parse(row.as_bytes(), record)?;
    row.retain(|name, _| columns.contains(name));
    Ok(row)
}

/// A changed primary key is two changes of one place, a `d` and a `c`.
fn identity(envelope: &Envelope<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (&envelope.source, &envelope.op).hash(&mut hasher);
    hasher.finish()
}

fn without_schema(json: &[u8]) -> &[u8] {
    if !json.starts_with(b"{\"schema\":") {
        return json;
    }
    let parsed: Option<WithSchema<'_>> = serde_json::from_slice(json).ok();
    parsed
        .and_then(|parsed| parsed.payload)
        .map_or(json, |payload| payload.get().as_bytes())
}

fn parse<'a, T: Deserialize<'a>>(json: &'a [u8], record: &Record) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| {
        let place = format!(
            "{}, partition {}, offset {}",
            record.topic, record.partition, record.offset
        );
        TestbedError::Unexpected(format!("{place}: no change event in JSON: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(op: &str, pos: u64, before: &str, after: &str) -> Record {
        let source = format!(
            "{{\"db\":\"d\",\"table\":\"t\",\"gtid\":null,\"file\":\"binlog.000001\",\"pos\":{pos},\"row\":0}}"
        );
        let value = format!("{{\"before\":{before},\"after\":{after},\"source\":{source},\"op\":\"{op}\"}}");
        let (key, value) = (Some(b"{\"id\":1}".to_vec()), Some(value.into_bytes()));
        Record {
            topic: "p.d.t".to_owned(),
            key,
            value,
            ..Record::default()
        }
    }

    fn judged(records: &[Record]) -> Oracle {
        let mut oracle = Oracle::default();
        for record in records {
            oracle.observe(record).unwrap();
        }
        oracle
    }

    #[test]
    fn a_whole_life_of_a_row_is_clean() {
        let tombstone = Record {
            value: None,
            ..record("d", 0, "null", "null")
        };
        let oracle = judged(&[
            record("c", 1, "null", "{\"id\":1}"),
            record("d", 2, "{\"id\":1}", "null"),
            tombstone,
            record("c", 3, "null", "{\"id\":1}"),
        ]);
        assert!(oracle.findings.is_clean(), "{:?}", oracle.findings);
        assert_eq!(
            (
                oracle.findings.changes,
                oracle.findings.tombstones,
                oracle.rows("d.t")
            ),
            (3, 1, 1)
        );
    }

    #[test]
    fn a_doubled_change_is_found() {
        let change = record("c", 1, "null", "{\"id\":1}");
        let findings = judged(&[change.clone(), change]).findings;
        assert_eq!(
            (findings.duplicates, findings.out_of_order, findings.wrong_before),
            (1, 0, 1)
        );
        assert!(
            findings.examples[0].contains("c of d.t at binlog.000001:1 row 0 doubled"),
            "{findings:?}"
        );
    }

    #[test]
    fn a_lost_and_a_late_change_are_found() {
        let lost = judged(&[record("u", 2, "{\"id\":1,\"v\":1}", "{\"id\":1,\"v\":2}")]).findings;
        assert_eq!((lost.wrong_before, lost.out_of_order), (1, 0));
        let first = record("c", 5, "null", "{\"id\":1}");
        let late = judged(&[first, record("u", 4, "{\"id\":1}", "{\"id\":1}")]).findings;
        assert_eq!((late.wrong_before, late.out_of_order), (0, 1));
    }

    #[test]
    fn a_schema_around_the_payload_is_passed_over() {
        let mut with_schema = record("c", 1, "null", "{\"id\":1}");
        let plain = String::from_utf8(with_schema.value.unwrap()).unwrap();
        with_schema.value = Some(format!("{{\"schema\":{{}},\"payload\":{plain}}}").into_bytes());
        assert_eq!(judged(&[with_schema]).findings.changes, 1);
    }
}
