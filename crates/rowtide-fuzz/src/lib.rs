//! What the fuzz targets do with the bytes that they are given: each reads them as what may come from outside, and must
//! neither panic, nor hang, nor take memory without bound. Where two ways lead to the same, both are gone and compared.
//!
//! The programs that a fuzzer runs are in `fuzz/`, a line each; `tests/corpus.rs` runs the same functions over the
//! committed corpus by the stable toolchain. `examples/seeds.rs` writes that corpus.

#[cfg(feature = "kafka")]
mod checkpoint;
mod events;
mod frames;
mod gtid;
#[cfg(feature = "kafka")]
mod history;
mod json;
mod kafka_answers;
// Only answers are read here.
#[allow(dead_code)]
mod kafka_wire;
mod rows;
mod statement;
mod watch;
mod wire;

#[cfg(feature = "kafka")]
pub use checkpoint::checkpoint;
pub use events::{describe, events, mariadb_compression, payload};
pub use frames::{Frame, append_frame, frames, sections};
pub use gtid::{gtid_set, gtid_text};
#[cfg(feature = "kafka")]
pub use history::history;
pub use json::{json, json_diff};
pub use kafka_answers::kafka_answers;
pub use rows::rows;
pub use statement::statement;
pub use watch::{Watch, decoder};
pub use wire::{login, packets};

/// A fuzz target.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The name of its program and of its folder in the corpus.
    pub name: &'static str,
    /// What it does.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("packets", packets),
    target("login", login),
    target("events", events),
    target("rows", rows),
    target("payload", payload),
    target("mariadb_compression", mariadb_compression),
    target("json", json),
    target("json_diff", json_diff),
    target("gtid_set", gtid_set),
    target("gtid_text", gtid_text),
    target("statement", statement),
    target("kafka_answers", kafka_answers),
    #[cfg(feature = "kafka")]
    target("checkpoint", checkpoint),
    #[cfg(feature = "kafka")]
    target("history", history),
];

const fn target(name: &'static str, run: fn(&[u8])) -> Target {
    Target { name, run }
}
