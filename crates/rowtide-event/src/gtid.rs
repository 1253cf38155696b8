//! MySQL's global transaction ids and sets of them.

/// One transaction's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gtid;

/// A set of transaction ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GtidSet;
