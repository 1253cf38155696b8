//! Makes librdkafka send at once what it holds back for fuller batches.

use std::ffi::c_int;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings::rd_kafka_flush;
use rdkafka::client::Client;

/// Sends everything that waits for `linger.ms`, and waits at most `slice` until all of it is acknowledged. Who calls it
/// serves the producer's reports between two slices.
#[expect(
    unsafe_code,
    reason = "rdkafka's own flush calls this with no time to wait, and is over before librdkafka's thread has noticed \
              it: see docs/decisions/0012-flush-by-librdkafka.md"
)]
pub(crate) fn flush<C: ClientContext>(client: &Client<C>, slice: Duration) {
    let ms = c_int::try_from(slice.as_millis()).unwrap_or(c_int::MAX);
    // What it returns is asked for in another way: how much is in flight.
    // SAFETY: the pointer is that of a client which lives as long as the borrow; the function may be called from any
    // thread and changes nothing that rdkafka keeps.
    let _ = unsafe { rd_kafka_flush(client.native_ptr(), ms) };
}
