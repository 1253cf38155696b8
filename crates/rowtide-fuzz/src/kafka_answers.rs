//! What a Kafka broker answers to a producer.

use crate::kafka_wire::api::{LENGTH_BYTES, whole_answer};
use crate::kafka_wire::{
    add_partitions, api_versions, end_txn, find_coordinator, init_producer_id, metadata, produce, sasl,
};

/// Bytes of the longest answer.
const LIMIT: usize = 1 << 16;

/// The body of an answer: the first byte says to which request, the second in which version. The body is also taken for
/// what comes on a connection, where answers follow one another.
pub fn kafka_answers(data: &[u8]) {
    let Some(([request, version], body)) = data.split_first_chunk::<2>() else {
        return;
    };
    let version = i16::from(version % 10);
    // What is read is of no interest; that it is read, or refused, is.
    let _is_read = match request % 9 {
        0 => produce::response(body, version, |_| {}).is_ok(),
        1 => metadata::response(body, version).is_ok(),
        2 => find_coordinator::response(body).is_ok(),
        3 => sasl::handshake_response(body).is_ok(),
        4 => api_versions::response(body).is_ok(),
        5 => init_producer_id::response(body).is_ok(),
        6 => add_partitions::response(body).is_ok(),
        7 => end_txn::response(body).is_ok(),
        _ => sasl::authenticate_response(body, version).is_ok(),
    };
    let mut rest = body;
    while let Ok(Some(answer)) = whole_answer(rest, LIMIT) {
        assert!(answer.len() <= LIMIT, "an answer is longer than the limit");
        rest = &rest[answer.len() + LENGTH_BYTES..];
    }
}
