//! The captured records.

use std::io::Read;

use rowtide::kafka::HistoryRecord;
use serde_json::Value;

/// The records of a topic in a file of `testdata/golden`.
pub fn records(file: &str, topic: &str) -> Vec<Value> {
    let path = format!("{}/../../testdata/golden/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut lines = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap())
        .read_to_string(&mut lines)
        .unwrap();
    let records = lines.lines().map(|line| serde_json::from_str(line).unwrap());
    records
        .filter(|record: &Value| record["topic"] == topic)
        .collect()
}

/// The schema-history records of a topic.
pub fn history(file: &str, topic: &str) -> Vec<HistoryRecord> {
    records(file, topic)
        .iter()
        .map(|record| serde_json::from_str(record["value"].as_str().unwrap()).unwrap())
        .collect()
}
