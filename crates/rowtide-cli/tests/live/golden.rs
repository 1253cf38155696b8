//! The same SQL as a real Debezium has seen, record by record: topic, key, value and headers.
//!
//! testdata/golden/README.md tells where the reference comes from. What must differ from run to run is masked by name.
//! What Rowtide writes differently on purpose stands in [`EXCEPTIONS`], one line for each value, and each line must be
//! needed.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use rowtide_testbed::Record;
use serde_json::Value;

use crate::golden_exceptions::{EXCEPTIONS, Exception, HISTORY_EXCEPTION, KEY_EXCEPTIONS};
use crate::stage;

/// A record in a form that can be compared.
#[derive(Debug, Clone, PartialEq)]
struct Comparable {
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(String, String)>,
}

/// Records by topic, in their order.
type Topics = BTreeMap<String, Vec<Comparable>>;

#[test]
fn every_record_is_debeziums_but_for_the_listed_exceptions() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let start = stage::executed(mysql);
    for script in ["01-types.sql", "02-dml.sql", "03-ddl.sql"] {
        let sql = std::fs::read_to_string(testdata(script)).unwrap();
        mysql.sql(&sql).unwrap();
    }
    // The reference's own mark of its end.
    mysql.sql("INSERT INTO golden.zz_end VALUES (1, 'end')").unwrap();
    let start = if start.is_empty() {
        "earliest".to_owned()
    } else {
        format!("gtid:{start}")
    };
    let mut run = stage::run(mysql, kafka, "gA", "golden");
    stage::succeed(run.args(["--start", &start, "--until-idle", "2s"]));

    let mut ours = Topics::new();
    let topics: Vec<String> = kafka
        .topics()
        .unwrap()
        .into_iter()
        .filter(|name| name == "gA" || name.starts_with("gA."))
        .collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    for record in kafka.read_all(&topics, true).unwrap() {
        ours.entry(record.topic.clone())
            .or_default()
            .push(comparable(&record));
    }
    // Other tests change other databases of the server.
    let schema_changes = ours.entry("gA".to_owned()).or_default();
    schema_changes.retain(|record| record.key.as_deref() == Some(r#"{"databaseName":"golden"}"#));
    let history = ours.remove("gA.schema-history").unwrap_or_default();
    assert_eq!(
        ours.remove("gA.checkpoint").map(|records| !records.is_empty()),
        Some(true)
    );

    let (theirs, their_history) = reference();
    assert_eq!(
        ours.keys().collect::<Vec<_>>(),
        theirs.keys().collect::<Vec<_>>(),
        "the topics"
    );
    let differing: Vec<String> = theirs
        .iter()
        .flat_map(|(topic, all)| differences(topic, all, &ours[topic]))
        .collect();
    assert!(
        differing.is_empty(),
        "{} records differ:\n{}",
        differing.len(),
        differing.join("\n")
    );
    let history: Vec<String> = history
        .iter()
        .filter_map(|record| history_line(record.value.as_deref()?))
        .collect();
    for (at, (own, their)) in history.iter().zip(&their_history).enumerate() {
        assert_eq!(own, their, "the schema history's record {at}");
    }
    assert_eq!(
        history.len(),
        their_history.len(),
        "records of the schema history"
    );
}

fn testdata(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/golden")
        .join(name)
}

/// What Debezium wrote: change records by topic with the exceptions put in, and the schema history.
fn reference() -> (Topics, Vec<String>) {
    let text = lines("debezium-a.jsonl.gz") + &lines("schema-changes.jsonl.gz");
    let mut topics = Topics::new();
    let mut history = Vec::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        let topic = record["topic"].as_str().unwrap().to_owned();
        if ["gD", "gH"].contains(&topic.as_str()) {
            continue;
        }
        let field = |name: &str| record[name].as_str().map(str::to_owned);
        if topic == "sh.gA" {
            history.extend(history_line(&field("value").unwrap()));
            continue;
        }
        let headers = record["headers"].as_array().unwrap().iter().map(|h| {
            (
                h[0].as_str().unwrap().to_owned(),
                h[1].as_str().unwrap().to_owned(),
            )
        });
        let value = field("value").map(|v| masked(&v));
        let headers = headers.map(masked_header).collect();
        topics.entry(topic).or_default().push(Comparable {
            key: field("key"),
            value,
            headers,
        });
    }
    for exception in EXCEPTIONS {
        apply(exception, &mut topics);
    }
    for exception in KEY_EXCEPTIONS {
        let records = topics.get_mut(&format!("gA.golden.{}", exception.table)).unwrap();
        let key = records[exception.record].key.replace(exception.key.to_owned());
        assert_eq!(key, None, "{}", exception.reason);
    }
    let (statement, debezium, rowtide) = HISTORY_EXCEPTION;
    let schema_changes = topics.get_mut("gA").unwrap().iter_mut();
    let told = schema_changes.filter_map(|record| record.value.as_mut());
    let mut excepted: Vec<&mut String> = history
        .iter_mut()
        .chain(told)
        .filter(|record| record.contains(statement))
        .collect();
    assert_eq!(excepted.len(), 2);
    for record in &mut excepted {
        assert!(record.contains(debezium));
        **record = record.replace(debezium, rowtide);
    }
    (topics, history)
}

fn lines(file: &str) -> String {
    let file = std::fs::File::open(testdata(file)).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(file)
        .read_to_string(&mut text)
        .unwrap();
    text
}

/// Puts Rowtide's value in Debezium's record; the exception must fit as often as it says.
fn apply(exception: &Exception, topics: &mut Topics) {
    let topic = format!("gA.golden.{}", exception.table);
    let mut fitting = 0;
    for record in topics
        .get_mut(&topic)
        .unwrap_or_else(|| panic!("no topic {topic}"))
    {
        for part in [&mut record.key, &mut record.value].into_iter().flatten() {
            if part.contains(exception.debezium) {
                *part = part.replace(exception.debezium, exception.rowtide);
                fitting += 1;
            }
        }
        for (_, key) in &mut record.headers {
            *key = key.replace(exception.debezium, exception.rowtide);
        }
    }
    let Exception { debezium, reason, .. } = exception;
    assert_eq!(
        fitting, exception.records,
        "records of {topic} that hold {debezium} ({reason})"
    );
}

fn comparable(record: &Record) -> Comparable {
    let headers = record
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), stage::text(value).unwrap_or_default()));
    Comparable {
        key: stage::text(&record.key),
        value: stage::text(&record.value).map(|v| masked(&v)),
        headers: headers.map(masked_header).collect(),
    }
}

fn masked_header((name, value): (String, String)) -> (String, String) {
    if name == "__debezium.context.runId" {
        (name, "*".into())
    } else {
        (name, value)
    }
}

/// Replaces what differs from run to run, by name: of the source block the version, commit times, GTID, file, position
/// and thread, and after it the times of processing.
fn masked(envelope: &str) -> String {
    let Some(at) = envelope.rfind("\"source\":{") else {
        return envelope.to_owned();
    };
    let (row, mut rest) = (&envelope[..at], envelope[at..].to_owned());
    for name in [
        "version", "ts_ms", "ts_us", "ts_ns", "gtid", "file", "pos", "thread",
    ] {
        rest = mask(&rest, name);
    }
    format!("{row}{rest}")
}

/// Replaces each value of the field `name`: texts and numbers by a star that shows which of the two it was.
pub fn mask(json: &str, name: &str) -> String {
    let field = format!("\"{name}\":");
    let mut masked = String::new();
    let mut rest = json;
    while let Some(at) = rest.find(&field) {
        let (before, after) = rest.split_at(at + field.len());
        let end = after.find([',', '}']).unwrap();
        let star = match &after[..end] {
            "null" => "null",
            text if text.starts_with('"') => "\"*\"",
            _ => "*",
        };
        masked.push_str(before);
        masked.push_str(star);
        rest = &after[end..];
    }
    masked + rest
}

fn differences(topic: &str, theirs: &[Comparable], ours: &[Comparable]) -> Vec<String> {
    let mut all = Vec::new();
    if theirs.len() != ours.len() {
        all.push(format!(
            "{topic}: {} records in place of {}",
            ours.len(),
            theirs.len()
        ));
    }
    for (n, (their, our)) in theirs.iter().zip(ours).enumerate() {
        if their != our {
            all.push(format!(
                "{topic} #{n}\n  debezium {}\n  rowtide  {}",
                shown(their),
                shown(our)
            ));
        }
    }
    all
}

fn shown(record: &Comparable) -> String {
    format!(
        "{:?} {} {:?}",
        record.key,
        record.value.as_deref().unwrap_or("(none)"),
        record.headers
    )
}

/// A schema-history record without its place and time. Those of the start, which tell of tables that are there, are left
/// out.
fn history_line(record: &str) -> Option<String> {
    let mut record: Value = serde_json::from_str(record).unwrap();
    let of_snapshot = record["position"]["snapshot"].is_string();
    if of_snapshot || record["databaseName"] != "golden" {
        return None;
    }
    let fields = record.as_object_mut().unwrap();
    fields.remove("position");
    fields.remove("ts_ms");
    Some(record.to_string())
}
