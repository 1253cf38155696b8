//! Writes the corpus that fuzzing begins with, `fuzz/corpus`, from testdata and from bytes written here:
//! `cargo run -p rowtide-fuzz --example seeds`. Inputs that once failed, `fuzz/corpus/*/found-*`, stay as they are.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use kafka_protocol::messages::{
    AddPartitionsToTxnResponse, ApiVersionsResponse, BrokerId, FindCoordinatorResponse, MetadataResponse,
    ProduceResponse, SaslAuthenticateResponse, SaslHandshakeResponse, TopicName,
    add_partitions_to_txn_response, api_versions_response, metadata_response, produce_response,
};
use kafka_protocol::protocol::{Encodable, StrBytes};
use rowtide_binlog::event::file::BinlogFile;
use rowtide_binlog::event::{EventType, RowsOperation};
use rowtide_fuzz::append_frame;

type Done = Result<(), Box<dyn Error>>;

/// Bytes of the largest seed: small ones are mutated and minimised sooner.
const MAX_SEED: usize = 4096;

fn main() -> Done {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut corpus = Corpus {
        folder: root.join("fuzz/corpus"),
        kinds: BTreeSet::new(),
    };
    corpus.clear()?;
    for path in files(&root.join("testdata/binlog"), "binlog")? {
        binlog_file(&mut corpus, &path)?;
    }
    for path in files(&root.join("testdata/ddl"), "sql")? {
        statements(&mut corpus, &path)?;
    }
    json(&mut corpus)?;
    texts(&mut corpus)?;
    connections(&mut corpus)?;
    kafka_answers(&mut corpus)
}

fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths = fs::read_dir(folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.retain(|path| path.extension().is_some_and(|is| is == extension));
    paths.sort();
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

struct Corpus {
    folder: PathBuf,
    /// What there is already, of whatever file.
    kinds: BTreeSet<(&'static str, Vec<u8>)>,
}

impl Corpus {
    /// Removes what an earlier run wrote.
    fn clear(&self) -> Done {
        for target in rowtide_fuzz::TARGETS {
            let folder = self.folder.join(target.name);
            fs::create_dir_all(&folder)?;
            for entry in fs::read_dir(folder)? {
                let path = entry?.path();
                if !stem(&path).starts_with("found-") {
                    fs::remove_file(path)?;
                }
            }
        }
        Ok(())
    }

    /// Whether a target has no seed of this kind yet.
    fn lacks(&mut self, target: &'static str, kind: &[u8]) -> bool {
        self.kinds.insert((target, kind.to_vec()))
    }

    fn add(&mut self, target: &str, name: &str, seed: &[u8]) -> Done {
        Ok(fs::write(self.folder.join(target).join(name), seed)?)
    }
}

/// An event of a file, without its checksum.
struct Event {
    pos: u64,
    event_type: EventType,
    body: Vec<u8>,
}

fn binlog_file(corpus: &mut Corpus, path: &Path) -> Done {
    let bytes = fs::read(path)?;
    let mut file = BinlogFile::open(&bytes[..], 1 << 30)?;
    let mut events = Vec::new();
    while let Some(event) = file.next_event()? {
        events.push(Event {
            pos: event.pos,
            event_type: event.header.event_type,
            body: event.body.to_vec(),
        });
    }
    let name = stem(path);
    transactions(corpus, &name, &events)?;
    tables(corpus, &name, &events)?;
    for event in events.iter().filter(|event| event.body.len() < MAX_SEED) {
        let (target, how) = match event.event_type {
            EventType::PreviousGtids => ("gtid_set", &[][..]),
            EventType::TransactionPayload => ("payload", &[0][..]),
            _ => continue,
        };
        if corpus.lacks(target, &event.body) {
            let seed = [how, &event.body].concat();
            corpus.add(target, &format!("{name}-{}", event.pos), &seed)?;
        }
    }
    Ok(())
}

/// Each sequence of events once, behind the file's FORMAT_DESCRIPTION; and as the inside of a payload.
fn transactions(corpus: &mut Corpus, name: &str, events: &[Event]) -> Done {
    let begins = |event: &Event| {
        use EventType as E;
        matches!(
            event.event_type,
            E::Gtid | E::GtidTagged | E::AnonymousGtid | E::MariadbGtid | E::FormatDescription
        )
    };
    let mut format = Vec::new();
    for group in events.chunk_by(|_, next| !begins(next)) {
        let Some(first) = group.first() else { continue };
        let types: Vec<u8> = group.iter().map(|event| event.event_type.number()).collect();
        let frames = appended(group);
        if first.event_type == EventType::FormatDescription {
            format.clone_from(&frames);
        }
        if frames.len() > MAX_SEED || !corpus.lacks("events", &types) {
            continue;
        }
        let place = format!("{name}-{}", first.pos);
        corpus.add("events", &place, &[&format[..], &frames].concat())?;
        if group.iter().any(|event| event.event_type == EventType::TableMap) {
            let inside = appended(group.get(1..).unwrap_or_default());
            corpus.add("payload", &place, &[&[3], &inside[..]].concat())?;
        }
    }
    Ok(())
}

fn appended(events: &[Event]) -> Vec<u8> {
    let mut frames = Vec::new();
    for event in events {
        append_frame(event.event_type, &event.body, &mut frames);
    }
    frames
}

/// Rows with their table map, each table once for each kind of change.
fn tables(corpus: &mut Corpus, name: &str, events: &[Event]) -> Done {
    let mut map: Option<&Event> = None;
    for event in events {
        if event.event_type == EventType::TableMap {
            map = Some(event);
        }
        let Some(map) = map.filter(|_| RowsOperation::of(event.event_type).is_some()) else {
            continue;
        };
        let number = event.event_type.number();
        let small = map.body.len() + event.body.len() < MAX_SEED / 2;
        // All but the table's number and its name.
        let columns = map.body.get(map.body.len().min(24)..).unwrap_or_default();
        if !small || !corpus.lacks("rows", &[&[number], columns].concat()) {
            continue;
        }
        let len = u16::try_from(map.body.len())?.to_le_bytes();
        let place = format!("{name}-{}", event.pos);
        let seed = [&len[..], &map.body, &[number], &event.body].concat();
        corpus.add("rows", &place, &seed)?;
        let compressed = compressed(event.event_type).filter(|_| name.starts_with("mariadb"));
        if let Some(compressed) = compressed {
            let seed = [&len[..], &map.body, &[compressed.number(), 10], &event.body].concat();
            corpus.add("mariadb_compression", &place, &seed)?;
        }
    }
    let query = [
        &[0, 0, EventType::QueryCompressed.number(), 14][..],
        &[0; 13],
        b"\0DROP TABLE t",
    ]
    .concat();
    corpus.add("mariadb_compression", "query", &query)
}

fn compressed(event_type: EventType) -> Option<EventType> {
    match event_type {
        EventType::WriteRowsV1 | EventType::WriteRowsCompressed => Some(EventType::WriteRowsCompressed),
        EventType::UpdateRowsV1 | EventType::UpdateRowsCompressed => Some(EventType::UpdateRowsCompressed),
        EventType::DeleteRowsV1 | EventType::DeleteRowsCompressed => Some(EventType::DeleteRowsCompressed),
        _ => None,
    }
}

/// A file's statements, eight at a time.
fn statements(corpus: &mut Corpus, path: &Path) -> Done {
    let text = fs::read_to_string(path)?;
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("-- ")).collect();
    let joined = lines.join("\n");
    let all: Vec<&str> = joined.split(";\n").collect();
    let create = *all.first().unwrap_or(&"");
    let how = if path.to_string_lossy().contains("mariadb") {
        2
    } else {
        0
    };
    for (number, some) in all.chunks(8).enumerate() {
        let seed = format!("{create}\0{}", some.join("\0"));
        corpus.add(
            "statement",
            &format!("{}-{number}", stem(path)),
            &[&[how], seed.as_bytes()].concat(),
        )?;
    }
    Ok(())
}

/// `{"a": 1, "l": [true, "x"]}`, and what can be done to it.
fn json(corpus: &mut Corpus) -> Done {
    let array = [&[2, 0, 13, 0, 4, 1, 0, 12, 10, 0, 1, b'x', 0][..]].concat();
    let head = [0, 2, 0, 20 + 13, 0, 18, 0, 1, 0, 19, 0, 1, 0, 5, 1, 0, 2, 20, 0];
    let document = [&head[..], b"al", &array].concat();
    corpus.add("json", "object", &document)?;
    let scalars: [(&str, &[u8]); 5] = [
        ("double", b"\x0b\0\0\0\0\0\0\xf8\x3f"),
        ("string", b"\x0c\x04\xc3\xa9\"\n"),
        ("decimal", b"\x0f\xf6\x04\x03\x02\x81\x05"),
        ("datetime", b"\x0f\x0c\x08\0\0\0\0\0\x14\xb5\x19"),
        ("large_array", b"\x03\x01\0\0\0\x0d\0\0\0\x07\x40\x42\x0f\0"),
    ];
    for (name, scalar) in scalars {
        corpus.add("json", name, scalar)?;
    }
    let diffs: [(&str, &[u8]); 4] = [
        ("replace", b"\0\x03$.a\x03\x05\x02\0"),
        ("insert", b"\x01\x06$.l[0]\x02\x04\x01\x01\x03$.b\x02\x04\0"),
        ("remove", b"\x02\x06$.l[0]"),
        (
            "several",
            b"\0\x06$.l[1]\x03\x0c\x01y\x02\x03$.a\x01\x03$.b\x02\x04\x02",
        ),
    ];
    let len = u16::try_from(document.len())?.to_le_bytes();
    for (name, diff) in diffs {
        corpus.add("json_diff", name, &[&len[..], &document, diff].concat())?;
    }
    Ok(())
}

fn texts(corpus: &mut Corpus) -> Done {
    let mysql = "\x003e11fa47-71ca-11e1-9e33-c80aa9429562:1-5:7:tag:1-3,4e11fa47-71ca-11e1-9e33-c80aa9429562:1\0\
                 3e11fa47-71ca-11e1-9e33-c80aa9429562:4-9\0";
    corpus.add("gtid_text", "mysql", mysql.as_bytes())?;
    corpus.add("gtid_text", "mariadb", b"\x010-1-100,1-2-7\x000-1-101")?;
    let checkpoint = br#"{"format_version":1,"source":"shop","flavour":"mysql","server_uuid":"3e11fa47","gtid_set":"3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5","file":"binlog.000001","pos":4,"in_transaction":{"gtid":null,"file":"binlog.000001","pos":4,"rows":7,"filter":"0f"},"prepared_xa":[{"xid":"X'61',X'',1","rows":{"gtid":null,"file":"binlog.000001","pos":4}}],"source_ts_ms":null,"written_ts_ms":1,"rowtide_version":"0.1.0"}"#;
    corpus.add("checkpoint", "all_fields", checkpoint)?;
    history(corpus)
}

fn history(corpus: &mut Corpus) -> Done {
    let place = r#""source":{"server":"shop"},"position":{"ts_sec":1700000000,"file":"binlog.000001","pos":157,"gtids":"u:1-3","server_id":97},"ts_ms":1700000000123"#;
    let column = r#"{"name":"id","jdbcType":4,"typeName":"INT","typeExpression":"INT","charsetName":null,"length":11,"position":1,"optional":false,"autoIncremented":true,"generated":false,"comment":null,"hasDefaultValue":false,"enumValues":["a"]}"#;
    let created = format!(
        r#"[{{"type":"CREATE","id":"\"shop\".\"t\"","table":{{"defaultCharsetName":"utf8mb4","primaryKeyColumnNames":["id"],"columns":[{column}],"attributes":[{{"name":"a","value":"b"}}]}},"comment":null}}]"#
    );
    let value = |ddl: &str, changes: &str| {
        format!(r#"{{{place},"databaseName":"shop","ddl":"{ddl}","tableChanges":{changes}}}"#)
    };
    let create = value("CREATE TABLE t (id int)", &created);
    let drop = value("DROP TABLE t", r#"[{"type":"DROP","id":"\"shop\".\"t\""}]"#);
    let image = r#"["image_begins",{"database":{"name":"shop","collation":"utf8mb4_bin"}},{"table":{"database":"shop","table":"t","definition":"CREATE TABLE `t` (`id` int)"}},"image_ends"]"#;
    let gone = r#"[{"table_dropped":{"database":"shop","table":"t"}},{"table_unclear":{"database":"shop","table":"u"}},{"database_dropped":{"name":"shop"}},"all_unclear"]"#;
    corpus.add("history", "debezium", create.as_bytes())?;
    corpus.add("history", "image", format!("{image}\0{create}").as_bytes())?;
    corpus.add("history", "gone", format!("{gone}\0{drop}").as_bytes())
}

fn connections(corpus: &mut Corpus) -> Done {
    const EOF: &[u8] = &[0xfe, 0, 0, 2, 0];
    let column = b"\x03def\0\0\0\x05Value\0\x0c\x2d\0\0\x01\0\0\xfd\0\0\0\0\0";
    let packets: [&[u8]; 9] = [
        &[1],
        column,
        EOF,
        b"\x03one",
        b"\xfb",
        EOF,
        &[0, 0, 0, 2, 0, 0, 0],
        b"\xff\x14\x04#HY000no",
        &[1],
    ];
    let mut stream = vec![40];
    for (sequence, packet) in (0u8..).zip(packets) {
        stream.extend([u8::try_from(packet.len())?, 0, 0, sequence]);
        stream.extend(packet);
    }
    corpus.add("packets", "results", &stream)?;
    let logins: [(&str, [&[u8]; 3]); 5] = [
        (
            "caching_sha2_password",
            [&[1, 4], &[1, 0x2d], &[0, 0, 0, 2, 0, 0, 0]],
        ),
        (
            "mysql_native_password",
            [b"\xfemysql_native_password\0abcdefghijklmnopqrst\0", &[0], &[]],
        ),
        (
            "sha256_password",
            [b"\xfesha256_password\0abcdefghijklmnopqrst\0", &[1, 0x2d], &[0]],
        ),
        (
            "client_ed25519",
            [b"\xfeclient_ed25519\0abcdefghijklmnopqrstuvwxyz012345", &[0], &[]],
        ),
        (
            "parsec",
            [
                b"\xfeparsec\0abcdefghijklmnopqrstuvwxyz012345",
                b"P\x02abcdefghijklmnopqr",
                &[0],
            ],
        ),
    ];
    for (name, packets) in logins {
        let mut seed = vec![0];
        for packet in [&greeting()[..], packets[0], packets[1]] {
            seed.extend(u16::try_from(packet.len())?.to_le_bytes());
            seed.extend(packet);
        }
        seed.extend(packets[2]);
        corpus.add("login", name, &seed)?;
    }
    Ok(())
}

fn greeting() -> Vec<u8> {
    [
        &b"\x0a9.7.4\0\x07\0\0\0abcdefgh\0\xff\xff\xff\x02\0\xff\xff\x15"[..],
        &[0; 10],
        b"ijklmnopqrst\0caching_sha2_password\0",
    ]
    .concat()
}

/// Of each request that has an array or a string in its answer, with the numbers that the target has for it.
fn kafka_answers(corpus: &mut Corpus) -> Done {
    let (host, topic) = (
        StrBytes::from_static_str("host"),
        TopicName(StrBytes::from_static_str("topic")),
    );
    let broker = metadata_response::MetadataResponseBroker::default().with_host(host.clone());
    let partition =
        metadata_response::MetadataResponsePartition::default().with_replica_nodes(vec![BrokerId(1)]);
    let described = metadata_response::MetadataResponseTopic::default()
        .with_name(Some(topic.clone()))
        .with_partitions(vec![partition]);
    let metadata = MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_topics(vec![described]);
    let appended = produce_response::TopicProduceResponse::default()
        .with_name(topic.clone())
        .with_partition_responses(vec![produce_response::PartitionProduceResponse::default(); 2]);
    let produced = ProduceResponse::default().with_responses(vec![appended]);
    let added = add_partitions_to_txn_response::AddPartitionsToTxnPartitionResult::default();
    let added = add_partitions_to_txn_response::AddPartitionsToTxnTopicResult::default()
        .with_name(topic)
        .with_results_by_partition(vec![added.with_partition_error_code(3)]);
    let added = AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(vec![added]);
    let versions = api_versions_response::ApiVersion::default().with_max_version(9);
    let versions = ApiVersionsResponse::default().with_api_keys(vec![versions]);
    let mechanisms = SaslHandshakeResponse::default().with_mechanisms(vec![host.clone()]);
    let login = SaslAuthenticateResponse::default().with_error_message(Some(host.clone()));
    let coordinator = FindCoordinatorResponse::default().with_host(host);
    seed(corpus, "produce", [0, 7], &produced)?;
    seed(corpus, "metadata_4", [1, 4], &metadata)?;
    seed(corpus, "metadata_7", [1, 7], &metadata)?;
    seed(corpus, "find_coordinator", [2, 2], &coordinator)?;
    seed(corpus, "sasl_handshake", [3, 1], &mechanisms)?;
    seed(corpus, "api_versions", [4, 0], &versions)?;
    seed(corpus, "add_partitions", [6, 2], &added)?;
    seed(corpus, "sasl_authenticate", [8, 1], &login)
}

fn seed(corpus: &mut Corpus, name: &str, [request, version]: [u8; 2], answer: &impl Encodable) -> Done {
    let mut seed = vec![request, version];
    answer.encode(&mut seed, i16::from(version))?;
    corpus.add("kafka_answers", name, &seed)
}
