//! Which events are shown.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::anyhow;
use clap::Args;
use rowtide::TableFilter;
use rowtide::binlog::event::describe::Description;
use rowtide::event::GtidSet;

/// What an event must be like to be shown: all that is given.
#[derive(Debug, Args)]
pub(super) struct FilterArguments {
    /// Only rows, table maps and DDL of tables whose `database.table` matches this regular expression as a whole; may be
    /// given several times or as a list separated by commas
    #[arg(long, value_name = "REGEX")]
    include_table: Vec<String>,

    /// Only rows, table maps and DDL of tables that this regular expression does not match
    #[arg(long, value_name = "REGEX")]
    exclude_table: Vec<String>,

    /// Only events of this time or later: 2026-11-21T10:00:00Z, or without T and Z, always in UTC
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    since: Option<SystemTime>,

    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
    until: Option<SystemTime>,

    /// Only events of transactions in this GTID set
    #[arg(long, value_name = "SET")]
    gtid: Option<String>,

    /// Only events that start at this position of the first file, or behind it
    #[arg(long, value_name = "POS")]
    from_position: Option<u64>,

    /// Only events that start before this position of the last file, which is not read further
    #[arg(long, value_name = "POS")]
    to_position: Option<u64>,
}

/// The filter for one file.
pub(super) struct Filter {
    tables: Option<TableFilter>,
    since: SystemTime,
    until: Option<SystemTime>,
    gtids: Option<GtidSet>,
    from: u64,
    to: Option<u64>,
}

impl Filter {
    /// # Errors
    /// If a pattern or the GTID set cannot be read.
    pub(super) fn new(given: &FilterArguments, is_first: bool, is_last: bool) -> anyhow::Result<Self> {
        let has_tables = !given.include_table.is_empty() || !given.exclude_table.is_empty();
        let tables = TableFilter::new(&given.include_table, &given.exclude_table)?;
        let gtids = given.gtid.as_deref().map(str::parse).transpose();
        Ok(Self {
            tables: has_tables.then_some(tables),
            since: given.since.unwrap_or(UNIX_EPOCH),
            until: given.until,
            gtids: gtids.map_err(|e| anyhow!("--gtid: {e}"))?,
            from: given.from_position.filter(|_| is_first).unwrap_or(0),
            to: given.to_position.filter(|_| is_last),
        })
    }

    /// Whether no event from here on is shown.
    pub(super) fn ends_at(&self, pos: u64) -> bool {
        self.to.is_some_and(|to| pos >= to)
    }

    /// Whether an event is shown. One inside a payload stands where the payload does.
    pub(super) fn shows(&self, pos: u64, event: &Description<'_>) -> bool {
        let time = UNIX_EPOCH + Duration::from_secs(u64::from(event.header.timestamp));
        let in_tables = |filter: &TableFilter| event.tables.iter().any(|id| filter.matches(id));
        let in_gtids = |set: &GtidSet| event.gtid.as_ref().is_some_and(|gtid| set.contains(gtid));
        pos >= self.from
            && time >= self.since
            && self.until.is_none_or(|until| time < until)
            && self.tables.as_ref().is_none_or(in_tables)
            && self.gtids.as_ref().is_none_or(in_gtids)
    }
}
