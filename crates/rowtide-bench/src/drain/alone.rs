//! librdkafka by itself: it is handed prepared records, and nothing else is done.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde::{Deserialize, Serialize};

use super::records::{Entry, entries, headers};
use crate::usage::cpu_of_this_process;

/// What it took from the first record to the last commit.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Alone {
    /// Records.
    pub records: u64,
    /// Transactions.
    pub transactions: u64,
    /// Time on the clock, in seconds.
    pub wall_s: f64,
    /// Processor time of all threads, in seconds.
    pub cpu_s: f64,
}

/// Produces the records of a file, in the transactions in which they were read.
pub fn produce(file: &Path, bootstrap: &str, topic: &str) -> Result<Alone> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let producer = connect(bootstrap, topic)?;
    let mut run = Run {
        producer,
        topic,
        open: false,
        last_headers: (&[], None),
        records: 0,
        transactions: 0,
    };
    let (begun, before) = (Instant::now(), cpu_of_this_process()?);
    entries(&bytes, |entry| run.take(entry))?;
    Ok(Alone {
        records: run.records,
        transactions: run.transactions,
        wall_s: begun.elapsed().as_secs_f64(),
        cpu_s: cpu_of_this_process()?.saturating_sub(before).as_secs_f64(),
    })
}

/// As Rowtide sets it where that matters to the bytes and their safety. For the rest what was found best of lingering
/// for 0 to 500 ms and of queues of 4 to 64 MiB: with more in the queue than goes out while a record lingers, librdkafka's
/// thread does not sleep.
fn connect(bootstrap: &str, topic: &str) -> Result<BaseProducer> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", format!("alone-{topic}"))
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2")
        .set("compression.type", "lz4")
        .set("linger.ms", "10")
        .set("queue.buffering.max.kbytes", "4096")
        .set("delivery.report.only.error", "true")
        .create()?;
    producer.init_transactions(PATIENCE)?;
    Ok(producer)
}

const PATIENCE: Duration = Duration::from_secs(60);
/// How often to look how much is acknowledged, or whether there is room in the queue.
const WAIT: Duration = Duration::from_micros(200);
/// Records between two looks at reports of failures.
const SERVE_EVERY: u64 = 1_000;

struct Run<'a> {
    producer: BaseProducer,
    topic: &'a str,
    open: bool,
    last_headers: (&'a [u8], Option<OwnedHeaders>),
    records: u64,
    transactions: u64,
}

impl<'a> Run<'a> {
    fn take(&mut self, entry: Entry<'a>) -> Result<()> {
        match entry {
            Entry::Record { key, value, headers } => self.send(key, value, headers),
            Entry::Commit => self.commit(),
        }
    }

    /// All records are awaited before: rdkafka's `commit_transaction` takes 100 ms where it has to flush.
    fn commit(&mut self) -> Result<()> {
        while self.producer.in_flight_count() > 0 {
            std::thread::sleep(WAIT);
            self.producer.poll(Duration::ZERO);
        }
        self.open = false;
        self.transactions += 1;
        Ok(self.producer.commit_transaction(PATIENCE)?)
    }

    fn send(&mut self, key: Option<&[u8]>, value: Option<&[u8]>, raw_headers: &'a [u8]) -> Result<()> {
        if !self.open {
            self.producer.begin_transaction()?;
            self.open = true;
        }
        if self.last_headers.0 != raw_headers {
            self.last_headers = (raw_headers, Some(owned(raw_headers)?));
        }
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(self.topic);
        record.key = key;
        record.payload = value;
        record.headers = self.last_headers.1.clone();
        self.records += 1;
        if self.records.is_multiple_of(SERVE_EVERY) {
            self.producer.poll(Duration::ZERO);
        }
        self.hand_over(record)
    }

    fn hand_over(&self, mut record: BaseRecord<'_, [u8], [u8]>) -> Result<()> {
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), returned)) => {
                    record = returned;
                    std::thread::sleep(WAIT);
                }
                Err((error, _)) => return Err(error.into()),
            }
        }
    }
}

fn owned(raw: &[u8]) -> Result<OwnedHeaders> {
    let all = headers(raw)?;
    let fresh = OwnedHeaders::new_with_capacity(all.len());
    Ok(all
        .into_iter()
        .fold(fresh, |owned, (key, value)| owned.insert(Header { key, value })))
}
