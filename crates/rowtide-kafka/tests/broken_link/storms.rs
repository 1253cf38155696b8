//! Many transactions while connections break.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rowtide_event::encode::record::RecordBatch;
use rowtide_kafka::{
    Checkpoint, CheckpointStore, Delivery, KafkaError, KafkaOptions, Publisher, Recovery, TopicSpec,
};

use crate::fixtures::{batch, checkpoint, history, longer, message, tables};
use crate::stage::{Stage, stage};

const TOPICS: usize = 4;
const PARTITIONS: i32 = 3;

/// What is sent, and how the link behaves.
struct Storm {
    source: &'static str,
    delivery: Delivery,
    config: &'static [(&'static str, &'static str)],
    records: u64,
    seed: u64,
    /// Bytes of requests and of answers after which a connection ends.
    requests: RangeInclusive<u64>,
    answers: RangeInclusive<u64>,
    /// Nothing passes now and then, for longer than the publisher waits.
    silences: bool,
}

#[test]
fn exactly_once_while_connections_break() {
    let configs: [(_, _, &[_]); 3] = [
        ("storm-a", 1, &[]),
        ("storm-b", 2, &[("batch.size", "3000")]),
        // Batches are sent for want of memory, each partition's in its turn.
        ("storm-g", 7, &[("queue.buffering.max.kbytes", "64")]),
    ];
    for (source, seed, config) in configs {
        Storm {
            source,
            delivery: Delivery::ExactlyOnce,
            config,
            records: 30_000,
            seed,
            requests: 20_000..=400_000,
            answers: 700..=8_000,
            silences: false,
        }
        .ride();
    }
}

#[test]
fn exactly_once_while_hardly_a_connection_is_of_use() {
    Storm {
        source: "storm-c",
        delivery: Delivery::ExactlyOnce,
        config: &[("batch.size", "10000"), ("retry.backoff.ms", "20")],
        records: 5_000,
        seed: 3,
        // A request is often larger than what passes, though not always.
        requests: 10..=500_000,
        answers: 10..=4_000,
        silences: false,
    }
    .ride();
}

#[test]
fn exactly_once_though_requests_arrive_late() {
    Storm {
        source: "storm-d",
        delivery: Delivery::ExactlyOnce,
        config: &[("batch.size", "3000"), ("request.timeout.ms", "200")],
        records: 20_000,
        seed: 4,
        requests: 100_000..=1_000_000,
        answers: 4_000..=20_000,
        silences: true,
    }
    .ride();
}

#[test]
fn at_least_once_doubles_nothing_while_one_publisher_lasts() {
    for (source, seed, silences) in [("storm-e", 5, false), ("storm-f", 6, true)] {
        Storm {
            source,
            delivery: Delivery::AtLeastOnce,
            config: match silences {
                true => &[("batch.size", "3000"), ("request.timeout.ms", "200")],
                false => &[("batch.size", "3000")],
            },
            records: 20_000,
            seed,
            requests: 20_000..=400_000,
            answers: 700..=8_000,
            silences,
        }
        .ride();
    }
}

impl Storm {
    fn ride(self) {
        let stage = stage();
        let options = stage.source(self.source, self.delivery, self.config);
        let spec = TopicSpec {
            partitions: PARTITIONS,
            ..TopicSpec::default()
        };
        let topics = stage.topics(&options, TOPICS, &spec);
        let broken = stage.link.broken();
        let is_over = AtomicBool::new(false);
        let publishers = thread::scope(|scope| {
            if self.silences {
                scope.spawn(|| self.fall_silent(&stage, &is_over));
            }
            let publishers = self.produce(&stage, &options, &topics);
            is_over.store(true, Ordering::Relaxed);
            publishers
        });
        let broken = stage.link.broken() - broken;
        println!(
            "{}: {publishers} publishers, {broken} broken connections",
            self.source
        );
        assert!(broken > 5 || self.silences, "{broken} connections broke");
        stage.link.pass_all();
        if self.delivery == Delivery::ExactlyOnce {
            // Ends what is still being written of the last commits.
            drop(Publisher::connect(&options).unwrap());
        }
        let range = CheckpointStore::read(&options).unwrap().unwrap().history.unwrap();
        let once = self.delivery == Delivery::ExactlyOnce || publishers == 1;
        let positions = history(&options, &range);
        assert!(
            positions.is_sorted() && positions.first() == Some(&0),
            "{positions:?}"
        );
        assert_eq!(positions.len() as u64, range.records);
        self.check(&stage, &topics, once);
    }

    /// Passes nothing now and then until it is over.
    fn fall_silent(&self, stage: &Stage, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(300));
            stage.link.pass_nothing();
            thread::sleep(Duration::from_millis(700));
            self.begin(stage);
        }
    }

    fn begin(&self, stage: &Stage) {
        stage
            .link
            .break_after(self.seed, self.requests.clone(), self.answers.clone());
    }

    /// Sends all records, by as many publishers as it takes; their number.
    fn produce(&self, stage: &Stage, options: &KafkaOptions, topics: &[String]) -> usize {
        let mut done = 0;
        for publishers in 1.. {
            let result = self.run_on(stage, options, topics, &mut done);
            match result {
                Ok(()) => return publishers,
                Err(error) => {
                    println!("{}: at {done}: {error}", self.source);
                    assert_eq!(error.recovery(), Recovery::Restart, "seed {}: {error}", self.seed);
                }
            }
            assert!(publishers < 50, "seed {}", self.seed);
        }
        unreachable!()
    }

    /// Resumes at the checkpoint and goes on until all is done or something fails.
    fn run_on(
        &self,
        stage: &Stage,
        options: &KafkaOptions,
        topics: &[String],
        done: &mut u64,
    ) -> Result<(), KafkaError> {
        self.begin(stage);
        let mut publisher = Publisher::connect(options)?;
        // The client that reads it is not the one that is tried here.
        stage.link.pass_all();
        let found = CheckpointStore::read(options)?;
        self.begin(stage);
        *done = found.as_ref().map_or(0, |checkpoint| checkpoint.pos);
        let mut range = found.and_then(|checkpoint| checkpoint.history);
        while *done < self.records {
            publisher.begin()?;
            let ticket = publisher.send_history(&message(&options.source_name, *done))?;
            let count = (*done * 7 + self.seed * 131) % 1_500 + 1;
            let end = (*done + count).min(self.records);
            let half = (*done + end) / 2;
            for (from, to) in [(*done, half), (half, end)] {
                let batch = records(from..to);
                publisher.send(&tables(topics), &batch, 0..batch.records.len())?;
                publisher.settle_history()?;
            }
            let longer = longer(range, publisher.history_offset(ticket).unwrap());
            publisher.commit(&Checkpoint {
                history: Some(longer.clone()),
                ..checkpoint(&options.source_name, end)
            })?;
            range = Some(longer);
            *done = end;
        }
        Ok(())
    }

    /// Every record is there, in the order of its partition, and, if so it is to be, once.
    fn check(&self, stage: &Stage, topics: &[String], once: bool) {
        let names: Vec<&str> = topics.iter().map(String::as_str).collect();
        let mut by_partition: HashMap<(String, i32), Vec<u64>> = HashMap::new();
        for record in stage.kafka.read_all(&names, true).unwrap() {
            let value = String::from_utf8(record.value.unwrap()).unwrap();
            let number: u64 = value.split(' ').next().unwrap().parse().unwrap();
            assert_eq!(value, text(number), "{} {}", record.topic, record.offset);
            by_partition
                .entry((record.topic, record.partition))
                .or_default()
                .push(number);
        }
        assert_eq!(by_partition.len(), TOPICS * PARTITIONS as usize);
        let mut all = Vec::new();
        for (partition, numbers) in by_partition {
            let is_ascending = numbers.is_sorted_by(|a, b| a < b);
            let wrong = numbers.windows(2).find(|pair| pair[0] >= pair[1]);
            assert!(
                is_ascending || !once,
                "seed {}: {partition:?} {wrong:?}",
                self.seed
            );
            all.extend(numbers);
        }
        all.sort_unstable();
        all.dedup();
        assert!(
            all.iter().copied().eq(0..self.records),
            "seed {}: {} records",
            self.seed,
            all.len()
        );
    }
}

/// Records with these numbers.
fn records(numbers: std::ops::Range<u64>) -> RecordBatch {
    let texts: Vec<_> = numbers.map(|n| (n, (n % 37).to_string(), text(n))).collect();
    let topic = |n| (n % TOPICS as u64) as u32;
    batch(
        texts
            .iter()
            .map(|(n, key, value)| (topic(*n), Some(key.as_str()), Some(value.as_str()))),
    )
}

/// A value that does not become much smaller when it is compressed.
fn text(number: u64) -> String {
    let mut state = number;
    let mut text = format!("{number} ");
    for _ in 0..number % 30 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:x}", state >> 8));
    }
    text
}
