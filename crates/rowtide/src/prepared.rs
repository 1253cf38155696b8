//! XA transactions between XA PREPARE and the decision: their rows wait here, encoded, and go out with XA COMMIT.

use std::collections::HashMap;

use rowtide_event::encode::RecordBatch;

/// The records of an XA transaction that is not decided yet.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// The records, in order.
    pub(crate) batch: RecordBatch,
    /// How many records there are after each row change.
    pub(crate) ends: Vec<usize>,
}

impl Held {
    fn bytes(&self) -> usize {
        let records = self
            .batch
            .records
            .len()
            .saturating_mul(size_of::<rowtide_event::encode::Record>());
        self.batch
            .bytes
            .len()
            .saturating_add(records)
            .saturating_add(self.ends.len().saturating_mul(size_of::<usize>()))
    }
}

/// All that are prepared, by their xid as XA statements write it.
#[derive(Debug)]
pub(crate) struct PreparedTransactions {
    waiting: HashMap<String, Held>,
    bytes: usize,
    limit: usize,
}

/// More would have to be held than is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMuchHeld {
    /// The limit, in bytes.
    pub(crate) limit: usize,
}

impl PreparedTransactions {
    /// Nothing yet, but the xids in `without_rows`, and at most `limit` bytes of records at any time.
    pub(crate) fn new(without_rows: impl Iterator<Item = String>, limit: usize) -> Self {
        Self {
            waiting: without_rows.map(|xid| (xid, Held::default())).collect(),
            bytes: 0,
            limit,
        }
    }

    /// Whether another transaction of which `held` was read so far can go on waiting.
    pub(crate) fn check(&self, held: &Held) -> Result<(), TooMuchHeld> {
        if self.bytes.saturating_add(held.bytes()) > self.limit {
            Err(TooMuchHeld { limit: self.limit })
        } else {
            Ok(())
        }
    }

    /// XA PREPARE.
    pub(crate) fn insert(&mut self, xid: &str, held: Held) {
        self.bytes = self.bytes.saturating_add(held.bytes());
        if let Some(old) = self.waiting.insert(xid.to_owned(), held) {
            self.bytes = self.bytes.saturating_sub(old.bytes());
        }
    }

    /// XA COMMIT or XA ROLLBACK; none if its XA PREPARE was not seen.
    pub(crate) fn remove(&mut self, xid: &str) -> Option<Held> {
        let held = self.waiting.remove(xid)?;
        self.bytes = self.bytes.saturating_sub(held.bytes());
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(bytes: usize) -> Held {
        Held {
            batch: RecordBatch {
                bytes: vec![0; bytes],
                ..RecordBatch::default()
            },
            ..Held::default()
        }
    }

    #[test]
    fn what_is_held_is_bounded() {
        let mut prepared = PreparedTransactions::new(["none".to_owned()].into_iter(), 100);
        assert_eq!(prepared.check(&held(100)), Ok(()));
        prepared.insert("a", held(60));
        assert_eq!(prepared.check(&held(40)), Ok(()));
        assert_eq!(prepared.check(&held(41)), Err(TooMuchHeld { limit: 100 }));
        prepared.insert("a", held(50));
        assert_eq!(prepared.check(&held(50)), Ok(()));
        assert_eq!(prepared.remove("a").map(|h| h.batch.bytes.len()), Some(50));
        assert!(prepared.remove("a").is_none());
        assert_eq!(prepared.remove("none").map(|h| h.ends.len()), Some(0));
        assert_eq!(prepared.check(&held(100)), Ok(()));
    }
}
