//! The schema-history records of a real Debezium, read and written again: not a byte may differ.

// clippy's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader};

use flate2::read::GzDecoder;
use rowtide_kafka::HistoryRecord;

const RECORDS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../testdata/golden/debezium-a.jsonl.gz"
);

#[test]
fn debeziums_records_are_written_again_byte_for_byte() {
    let file = std::fs::File::open(RECORDS).unwrap();
    let (mut records, mut created, mut dropped, mut members) = (0, 0, 0, 0);
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        if line["topic"] != "sh.gA" {
            continue;
        }
        let value = line["value"].as_str().unwrap();
        let record: HistoryRecord = serde_json::from_str(value).unwrap();
        assert_eq!(record.to_json(), value);
        records += 1;
        created += value.matches("\"type\" : \"CREATE\"").count();
        dropped += value.matches("\"type\" : \"DROP\"").count();
        members += value.matches("\"enumValues\" : [ \"").count();
    }
    assert!(
        records > 90 && created > 0 && dropped > 0 && members > 0,
        "{records} {created} {dropped} {members}"
    );
}
