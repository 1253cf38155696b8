//! A consumer of one topic that tells when each record arrived.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use rowtide_testbed::Kafka;

/// Reads a topic of one partition from where it ends when the follower is made.
pub struct Follower {
    consumer: BaseConsumer,
}

/// A record's key, and when it came.
pub struct Arrival {
    /// The key.
    pub key: Vec<u8>,
    /// When the consumer handed it over.
    pub at: Instant,
}

const PATIENCE: Duration = Duration::from_secs(60);

impl Follower {
    /// Follows partition 0 of a topic that is there.
    pub fn new(kafka: &Kafka, topic: &str, read_committed: bool) -> Result<Follower> {
        let isolation = if read_committed {
            "read_committed"
        } else {
            "read_uncommitted"
        };
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", kafka.bootstrap())
            .set("group.id", format!("rowtide-bench-{topic}"))
            .set("isolation.level", isolation)
            .set("enable.auto.commit", "false")
            .create()?;
        let (_, end) = consumer.fetch_watermarks(topic, 0, PATIENCE)?;
        let mut from = TopicPartitionList::new();
        from.add_partition_offset(topic, 0, Offset::Offset(end))?;
        consumer.assign(&from)?;
        Ok(Follower { consumer })
    }

    /// The next record, or nothing if none comes in time.
    pub fn next_within(&self, time: Duration) -> Result<Option<Arrival>> {
        let deadline = Instant::now() + time;
        loop {
            match self
                .consumer
                .poll(deadline.saturating_duration_since(Instant::now()))
            {
                Some(message) => {
                    let (message, at) = (message?, Instant::now());
                    let key = message.key().unwrap_or_default().to_vec();
                    return Ok(Some(Arrival { key, at }));
                }
                None if Instant::now() >= deadline => return Ok(None),
                None => {}
            }
        }
    }

    /// The next record, which must come.
    pub fn next(&self) -> Result<Arrival> {
        let arrival = self.next_within(PATIENCE)?;
        arrival.with_context(|| format!("no record came in {} s", PATIENCE.as_secs()))
    }
}

/// The number in a key such as `{"id":12}`.
pub fn id_of(key: &[u8]) -> Result<usize> {
    let digits: Vec<u8> = key.iter().copied().filter(u8::is_ascii_digit).collect();
    match std::str::from_utf8(&digits)?.parse() {
        Ok(id) => Ok(id),
        Err(_) => bail!("a key without a number: {}", String::from_utf8_lossy(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_number() {
        assert_eq!(id_of(br#"{"id":42}"#).unwrap(), 42);
        assert!(id_of(b"{}").is_err());
    }
}
