//! Waits for what is in librdkafka's hands.

use std::time::{Duration, Instant};

use rdkafka::producer::Producer;
use rowtide_event::encode::RecordBatch;

use super::Publisher;
use crate::error::KafkaError;
use crate::flush::flush;

impl Publisher {
    /// Waits until everything is acknowledged.
    pub(super) fn flush(&mut self) -> Result<(), KafkaError> {
        self.drain_to(0)?;
        self.poll()
    }

    /// Waits until at most so many records are in flight.
    ///
    /// Whole batches go by themselves. What is left waits for `linger.ms` unless librdkafka is told to flush; but while
    /// it flushes and waits for an answer, its thread asks again and again and leaves nothing of a core to others.
    pub(super) fn drain_to(&mut self, at_most: usize) -> Result<(), KafkaError> {
        let mut look_at_state = Instant::now() + STATE_INTERVAL;
        let (mut before, mut moved) = (usize::MAX, Instant::now());
        loop {
            let waiting = usize::try_from(self.producer().in_flight_count()).unwrap_or_default();
            if waiting <= at_most {
                return Ok(());
            }
            if waiting != before {
                (before, moved) = (waiting, Instant::now());
            }
            if waiting > LAST_BATCHES && moved.elapsed() < STANDSTILL {
                std::thread::sleep(ACKNOWLEDGEMENT_WAIT);
            } else {
                flush(self.producer().client(), FLUSH_SLICE);
            }
            self.poll()?;
            if Instant::now() >= look_at_state {
                look_at_state = Instant::now() + STATE_INTERVAL;
                self.transaction_state()?;
            }
        }
    }

    /// Waits until there is room for a batch, where so many topics are written to: what librdkafka holds is a copy, and more
    /// than a few requests' worth of it makes nothing faster. But a request of librdkafka has records of one partition, so
    /// that many topics need more, or each request has hardly a record.
    pub(super) fn await_room(&mut self, batch: &RecordBatch, topics: usize) -> Result<(), KafkaError> {
        let bytes_a_record = batch
            .bytes
            .len()
            .checked_div(batch.records.len())
            .unwrap_or_default();
        let bytes = topics
            .saturating_mul(IN_FLIGHT_OF_A_TOPIC)
            .clamp(IN_FLIGHT_BYTES, MOST_IN_FLIGHT_BYTES);
        self.drain_to(bytes.checked_div(bytes_a_record).unwrap_or(usize::MAX))
    }
}

/// How often to look whether the transaction is still good while waiting for acknowledgements.
const STATE_INTERVAL: Duration = Duration::from_millis(100);
/// How often to look how much is acknowledged: small beside a round trip to the broker and its disk.
const ACKNOWLEDGEMENT_WAIT: Duration = Duration::from_micros(200);
/// Records that may be less than a batch together.
pub(super) const LAST_BATCHES: usize = 1_500;
/// Without an acknowledgement for so long, more than [`LAST_BATCHES`] are many small batches that wait to be filled.
const STANDSTILL: Duration = Duration::from_millis(5);
/// How long librdkafka flushes before its reports are served.
const FLUSH_SLICE: Duration = Duration::from_millis(10);
/// Bytes of keys and values in librdkafka's hands: one batch on its way, and some to fill the next from.
const IN_FLIGHT_BYTES: usize = 4 << 20;
/// The same for each of many topics, and for all of them.
const IN_FLIGHT_OF_A_TOPIC: usize = 16 << 10;
const MOST_IN_FLIGHT_BYTES: usize = 32 << 20;
