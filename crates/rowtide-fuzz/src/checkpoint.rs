//! The checkpoint's record.

use rowtide_kafka::Checkpoint;

/// A record's value: what is read is written and read again.
pub fn checkpoint(data: &[u8]) {
    if let Ok(checkpoint) = Checkpoint::from_json(data) {
        let written = checkpoint.to_json();
        assert_eq!(Checkpoint::from_json(written.as_bytes()), Ok(checkpoint));
    }
}
