//! What Rowtide says of statements against what a real Debezium wrote for the same ones: `testdata/golden/README.md` tells
//! where the records come from.

// Whatever goes wrong in a test, its helpers included, is a failure of the test.
#![allow(clippy::unwrap_used, clippy::panic)]

mod captured;
mod followed;
mod replay;
mod schema_changes;
mod table_changes;
