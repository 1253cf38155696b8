//! Reads topics from their beginning to where they end now.

use std::thread;
use std::time::{Duration, Instant};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{BorrowedMessage, Headers, Message};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::error::{Result, TestbedError, kafka};
use crate::server_process::POLL;

const TIMEOUT: Duration = Duration::from_secs(30);

/// A record as a consumer gets it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// Its place in the partition; transactions' markers take places too.
    pub offset: i64,
    /// The key, or none.
    pub key: Option<Vec<u8>>,
    /// The value; none is a tombstone.
    pub value: Option<Vec<u8>>,
    /// Headers in their order.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
    /// Milliseconds since 1970.
    pub timestamp: Option<i64>,
}

/// Tells how far topics have grown; see [`crate::Kafka::ends`].
pub struct Ends {
    consumer: BaseConsumer,
}

impl Ends {
    pub(super) fn new(bootstrap: &str, read_committed: bool) -> Result<Ends> {
        Ok(Ends {
            consumer: consumer(bootstrap, read_committed)?,
        })
    }

    /// The sum of the ends of a topic's partitions, 0 if it is not there. Transactions' markers count as records.
    pub fn of(&self, topic: &str) -> Result<i64> {
        let mut sum = 0;
        for (topic, partition) in partitions(&self.consumer, &[topic])? {
            sum += watermarks(&self.consumer, &topic, partition)?.1;
        }
        Ok(sum)
    }
}

/// The first and the end offset of a partition.
///
/// A new partition, and one whose broker has just started, has no leader for a moment: it is asked again.
fn watermarks(consumer: &BaseConsumer, topic: &str, partition: i32) -> Result<(i64, i64)> {
    let begun = Instant::now();
    loop {
        match consumer.fetch_watermarks(topic, partition, TIMEOUT) {
            Ok(offsets) => return Ok(offsets),
            Err(error) if has_no_leader_yet(&error) && begun.elapsed() < TIMEOUT => thread::sleep(POLL),
            Err(error) => {
                let action = format!("look for the end of {topic}, partition {partition}");
                return Err(kafka(action)(error));
            }
        }
    }
}

fn has_no_leader_yet(error: &KafkaError) -> bool {
    let code = error.rdkafka_error_code();
    code.is_some_and(|code| {
        matches!(
            code,
            RDKafkaErrorCode::NotLeaderForPartition | RDKafkaErrorCode::LeaderNotAvailable
        )
    })
}

/// All records of the topics up to where they end now, in the order of each partition.
///
/// A topic that is not there has no records. With `read_committed`, records of transactions that are open
/// or were aborted are not seen, and "now" is the end of what is stable.
pub fn read_all(bootstrap: &str, topics: &[&str], read_committed: bool) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    consume(bootstrap, topics, read_committed, |record| {
        records.push(record);
        Ok(())
    })?;
    Ok(records)
}

/// As [`read_all`], handing each record over as it comes.
pub fn consume(
    bootstrap: &str,
    topics: &[&str],
    read_committed: bool,
    mut on_record: impl FnMut(Record) -> Result<()>,
) -> Result<()> {
    let consumer = consumer(bootstrap, read_committed)?;
    for (topic, partition) in partitions(&consumer, topics)? {
        consume_partition(&consumer, &topic, partition, &mut on_record)?;
    }
    Ok(())
}

/// The topics that are there, Kafka's own left out.
pub(super) fn topics(bootstrap: &str) -> Result<Vec<String>> {
    let metadata = consumer(bootstrap, true)?
        .fetch_metadata(None, TIMEOUT)
        .map_err(kafka("list topics"))?;
    let mut names: Vec<String> = metadata
        .topics()
        .iter()
        .map(|topic| topic.name().to_owned())
        .collect();
    names.retain(|name| !name.starts_with("__"));
    names.sort();
    Ok(names)
}

/// How many partitions a topic has.
pub(super) fn partitions_of(bootstrap: &str, topic: &str) -> Result<usize> {
    Ok(partitions(&consumer(bootstrap, true)?, &[topic])?.len())
}

/// The end of a partition is an event that names no topic; so partitions are read one after the other.
fn consume_partition(
    consumer: &BaseConsumer,
    topic: &str,
    partition: i32,
    on_record: &mut impl FnMut(Record) -> Result<()>,
) -> Result<()> {
    let failed = || kafka(format!("consume {topic}, partition {partition}"));
    let (low, high) = watermarks(consumer, topic, partition)?;
    if low == high {
        return Ok(());
    }
    let mut assignment = TopicPartitionList::new();
    assignment
        .add_partition_offset(topic, partition, Offset::Beginning)
        .map_err(failed())?;
    consumer.assign(&assignment).map_err(failed())?;
    loop {
        match consumer.poll(TIMEOUT) {
            Some(Ok(message)) if message.offset() < high => on_record(Record::from(&message))?,
            // The end, or records that came after this began.
            Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok(()),
            Some(Err(error)) => return Err(failed()(error)),
            None => {
                let place = format!("{topic}, partition {partition}, which ends at {high}");
                return Err(TestbedError::Unexpected(format!(
                    "nothing for {TIMEOUT:?} from {place}"
                )));
            }
        }
    }
}

/// The partitions of the topics; a topic that is not there has none. Of one topic nothing else is asked for: a broker with
/// thousands of others is not to be kept busy by those who look at it.
fn partitions(consumer: &BaseConsumer, topics: &[&str]) -> Result<Vec<(String, i32)>> {
    let alone = match topics {
        [topic] => Some(*topic),
        _ => None,
    };
    let metadata = consumer
        .fetch_metadata(alone, TIMEOUT)
        .map_err(kafka("list topics"))?;
    let mut partitions = Vec::new();
    for topic in metadata.topics() {
        if topics.iter().any(|wanted| *wanted == topic.name()) {
            let of_topic = topic
                .partitions()
                .iter()
                .map(|partition| (topic.name().to_owned(), partition.id()));
            partitions.extend(of_topic);
        }
    }
    partitions.sort();
    Ok(partitions)
}

fn consumer(bootstrap: &str, read_committed: bool) -> Result<BaseConsumer> {
    let isolation = if read_committed {
        "read_committed"
    } else {
        "read_uncommitted"
    };
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "rowtide-testbed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("isolation.level", isolation)
        .set("fetch.wait.max.ms", "10")
        // Also how long the client waits before it connects to the broker that its bootstrap names.
        .set("reconnect.backoff.ms", "20")
        .set("fetch.message.max.bytes", "16777216")
        .set_log_level(RDKafkaLogLevel::Emerg)
        .create()
        .map_err(kafka("make a consumer"))
}

impl From<&BorrowedMessage<'_>> for Record {
    fn from(message: &BorrowedMessage<'_>) -> Record {
        let headers = message.headers().map(|headers| {
            let pair = |header: rdkafka::message::Header<'_, &[u8]>| {
                (header.key.to_owned(), header.value.map(<[u8]>::to_vec))
            };
            headers.iter().map(pair).collect()
        });
        Record {
            topic: message.topic().to_owned(),
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().map(<[u8]>::to_vec),
            value: message.payload().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
            timestamp: message.timestamp().to_millis(),
        }
    }
}
