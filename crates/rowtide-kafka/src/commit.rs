//! Commits a transaction by librdkafka's own call.

use std::ffi::{CStr, c_int};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings as native;
use rdkafka::client::Client;

use crate::error::StepError;

/// Why a transaction is not committed.
#[derive(Debug)]
pub(crate) struct CommitError {
    pub error: StepError,
    /// Calling again goes on where this call was when its time was up.
    pub is_retriable: bool,
}

/// Flushes and commits. Who calls it serves the producer's reports between two slices.
#[expect(
    unsafe_code,
    reason = "rdkafka's own commit flushes once more before it calls this, by a loop that wakes all of librdkafka's \
              threads or waits 100 ms: see docs/decisions/0012-flush-by-librdkafka.md"
)]
pub(crate) fn commit<C: ClientContext>(client: &Client<C>, slice: Duration) -> Result<(), CommitError> {
    let ms = c_int::try_from(slice.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the pointer is that of a client which lives as long as the borrow, and the function may be called from any
    // thread. The error, where there is one, is this function's own: it is read, its text is copied, and it is given
    // back once. Its text is a C string that lives as long as it does.
    unsafe {
        let error = native::rd_kafka_commit_transaction(client.native_ptr(), ms);
        if error.is_null() {
            return Ok(());
        }
        let commit_error = CommitError {
            error: StepError {
                code: native::rd_kafka_error_code(error).into(),
                reason: CStr::from_ptr(native::rd_kafka_error_string(error))
                    .to_string_lossy()
                    .into_owned(),
                requires_abort: native::rd_kafka_error_txn_requires_abort(error) != 0,
            },
            is_retriable: native::rd_kafka_error_is_retriable(error) != 0,
        };
        native::rd_kafka_error_destroy(error);
        Err(commit_error)
    }
}
