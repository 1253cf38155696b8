//! A consumer that shows each change as it arrives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rowtide_testbed::{Record, Result, TestbedError};
use serde_json::Value;

use super::SHOP;
use super::ledger::{Change, Ledger, change_of};

/// The consumer's thread.
pub(super) struct Watcher {
    ending: Arc<AtomicBool>,
    thread: JoinHandle<Result<()>>,
}

impl Watcher {
    pub(super) fn start(bootstrap: &str, ledger: Arc<Ledger>) -> Result<Watcher> {
        let consumer = subscribe(bootstrap).map_err(|source| failed("subscribe", source))?;
        let ending = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ending);
        let thread = std::thread::spawn(move || watch(&consumer, &ledger, &end));
        Ok(Watcher { ending, thread })
    }

    pub(super) fn stop(self) -> Result<()> {
        self.ending.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .map_err(|_| TestbedError::Unexpected("the consumer's thread panicked".to_owned()))?
    }
}

/// A consumer as an application has it, but that it looks for new topics more often.
fn subscribe(bootstrap: &str) -> std::result::Result<BaseConsumer, KafkaError> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", format!("rowtide-demo-{}", std::process::id()))
        .set("isolation.level", "read_committed")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("topic.metadata.refresh.interval.ms", "250")
        // Also how long the client waits before it connects to the broker that its bootstrap names.
        .set("reconnect.backoff.ms", "20")
        .set_log_level(RDKafkaLogLevel::Emerg)
        .create()?;
    consumer.subscribe(&[&format!("^{SHOP}\\.{SHOP}\\..*")])?;
    Ok(consumer)
}

fn watch(consumer: &BaseConsumer, ledger: &Ledger, ending: &AtomicBool) -> Result<()> {
    while !ending.load(Ordering::Relaxed) {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let at = Instant::now();
                if let Some((change, event)) = change_of(&Record::from(&message))? {
                    show(&change, &event, ledger.arrived(&change, at));
                }
            }
            // A pattern that matches nothing yet.
            Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::UnknownTopicOrPartition))) | None => {}
            Some(Err(source)) => return Err(failed("consume", source)),
        }
    }
    Ok(())
}

fn show(change: &Change, event: &Value, latency: Duration) {
    let Change { table, op, id, .. } = change;
    let verb = match op.as_str() {
        "c" => "+ insert",
        "u" => "~ update",
        _ => "- delete",
    };
    let row = event
        .get(if op == "d" { "before" } else { "after" })
        .and_then(Value::as_object);
    let cells = row
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name != "id" && *name != "version");
    let text: Vec<String> = cells
        .map(|(name, value)| format!("{name}={}", plain(value)))
        .collect();
    println!(
        "{:7.1} ms  {verb}  {table:<6} {id:>5}  {}",
        latency.as_secs_f64() * 1000.0,
        text.join(" ")
    );
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn failed(action: &str, source: KafkaError) -> TestbedError {
    TestbedError::Kafka {
        action: action.to_owned(),
        source,
    }
}
