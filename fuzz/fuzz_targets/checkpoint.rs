#![no_main]

//! librdkafka cannot be built with the sanitizer, and with it the crate that this module is of.

#[path = "../../crates/rowtide-kafka/src/checkpoint/format.rs"]
mod format;

use format::Checkpoint;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::from_json(data) {
        let written = checkpoint.to_json();
        assert_eq!(Checkpoint::from_json(written.as_bytes()), Ok(checkpoint));
    }
});
