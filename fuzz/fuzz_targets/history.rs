#![no_main]

//! librdkafka cannot be built with the sanitizer, and with it the crate that these modules are of.

#[path = "../../crates/rowtide-kafka/src/history/effect.rs"]
mod effect;
#[path = "../../crates/rowtide-kafka/src/history/message.rs"]
mod message;
#[path = "../../crates/rowtide-kafka/src/history/record.rs"]
mod record;

use message::HistoryMessage;

// As `rowtide_fuzz::history`.
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (header, value) = match (parts.next(), parts.next()) {
        (Some(header), Some(value)) => (Some(header), value),
        (value, _) => (None, value.unwrap_or_default()),
    };
    if let Ok(message) = HistoryMessage::read(value, header) {
        let (value, header) = (message.value(), message.header());
        let again = HistoryMessage::read(value.as_bytes(), Some(&header));
        let written = again.map(|again| (again.value(), again.effects));
        assert_eq!(written, Ok((value, message.effects)));
    }
});
