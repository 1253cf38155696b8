//! Rowtide measured on real servers, beside what bounds it: every figure is a ratio of two things that ran in turn on the
//! same machine.
//!
//! - one file a part: [`drain`], [`decode`], [`latency`], [`tables`], [`process`], [`start_history`], [`workers`],
//!   [`instructions`], [`peers`]
//! - what all of them need: [`servers`], [`follower`], [`usage`], [`statistics`]
//! - [`report`]: the parts' results as a page and a plot

pub mod decode;
pub mod drain;
pub mod follower;
pub mod instructions;
pub mod latency;
pub mod peers;
pub mod process;
pub mod report;
pub mod servers;
pub mod start_history;
pub mod statistics;
pub mod tables;
pub mod usage;
pub mod workers;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    /// How often each thing runs.
    pub rounds: usize,
    /// The size of the workloads in percent of the full one.
    pub percent: u64,
}

impl Extent {
    /// A number of the full extent, brought to this one.
    pub fn of(&self, full: u64) -> u64 {
        (full * self.percent / 100).max(1)
    }
}
