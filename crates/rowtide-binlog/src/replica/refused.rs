//! Why a server ends a stream. Most reasons come under one error number and differ in their texts, which are those of
//! `sql/rpl_binlog_sender.cc` (MariaDB's `sql/sql_repl.cc`), before and after the words "master" and "slave" were replaced.

use crate::wire::response::ServerError;

/// Why the server ended the stream, each with the server's own text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DumpRefused {
    /// The binlog no longer goes back so far, or never had the file.
    #[error(
        "the server no longer has the binlog to start from: {0}. What was purged cannot be had from this server any more; \
         keep binlogs longer (binlog_expire_logs_seconds)"
    )]
    Purged(ServerError),
    /// The place to start from lies in a future that the server does not have.
    #[error(
        "the server lacks transactions that were read before: {0}. It is another server, was restored from a backup, or \
         lost its tail in a crash"
    )]
    ReplicaAhead(ServerError),
    /// Another replica has the same server id and uuid.
    #[error("another replica with the same server id and name has connected and replaces this one: {0}")]
    DuplicateReplica(ServerError),
    /// The server has checksums that were not agreed upon.
    #[error("the server's checksum was changed while the stream began: {0}")]
    Checksum(ServerError),
    /// An event is larger than the server may send.
    #[error(
        "an event exceeds what the server may send, or the position is not the start of an event: {0}. Raise \
         max_allowed_packet on the server, or correct the position"
    )]
    EventTooLarge(ServerError),
    /// The position is not one that the file has.
    #[error("the position to start from is not one of the file: {0}")]
    ImpossiblePosition(ServerError),
    /// GTIDs are off.
    #[error(
        "the server cannot start from a GTID set: {0}. Turn GTIDs on (gtid_mode), or start from a position"
    )]
    GtidsOff(ServerError),
    /// The binlog has transactions without GTIDs and they are on, or the other way round.
    #[error(
        "what comes next in the binlog is from before gtid_mode was changed, and the server does not send it: {0}. SET GLOBAL \
         gtid_mode = ON_PERMISSIVE (OFF_PERMISSIVE if it is OFF now) until all of it is read, then go back; or start behind it"
    )]
    GtidMode(ServerError),
    /// There is no binlog.
    #[error("the server writes no binlog: {0}. Start it with log_bin")]
    BinlogOff(ServerError),
    /// The file is damaged.
    #[error("the server cannot read its own binlog: {0}")]
    Corrupt(ServerError),
    /// The account may not read the binlog.
    #[error("the account may not read the binlog: {0}. Run GRANT REPLICATION SLAVE ON *.* TO the account")]
    NoPrivilege(ServerError),
    /// Anything else.
    #[error("the server ended the stream: {0}")]
    Other(ServerError),
}

const ACCESS_DENIED: u16 = 1045;
const SPECIFIC_ACCESS_DENIED: u16 = 1227;

type Reason = fn(ServerError) -> DumpRefused;

/// Phrases by which the reasons are told apart, in lower case; the first that occurs counts.
const PHRASES: &[(&str, Reason)] = &[
    ("purged required binary logs", DumpRefused::Purged),
    ("has purged binary logs containing gtids", DumpRefused::Purged),
    ("could not find first log file name", DumpRefused::Purged),
    ("more gtids than the", DumpRefused::ReplicaAhead),
    // MariaDB's (sql_repl.cc): the state is older than any file, is not the server's, or has a gap.
    ("could not find gtid state requested", DumpRefused::Purged),
    ("not in the master's binlog", DumpRefused::ReplicaAhead),
    ("missing the gtid", DumpRefused::ReplicaAhead),
    ("same server_uuid", DumpRefused::DuplicateReplica),
    (
        "can not handle replication events with the checksum",
        DumpRefused::Checksum,
    ),
    ("exceeded max_allowed_packet", DumpRefused::EventTooLarge),
    ("impossible position", DumpRefused::ImpossiblePosition),
    ("position > file size", DumpRefused::ImpossiblePosition),
    ("cannot start in auto_position mode", DumpRefused::GtidsOff),
    ("cannot replicate anonymous transaction", DumpRefused::GtidMode),
    ("cannot replicate gtid-transaction", DumpRefused::GtidMode),
    ("binary log is not open", DumpRefused::BinlogOff),
    ("truncated in the middle", DumpRefused::Corrupt),
    ("bogus data in log event", DumpRefused::Corrupt),
    ("corrupted data in log event", DumpRefused::Corrupt),
    ("logically corrupted", DumpRefused::Corrupt),
    ("event checksum verification failed", DumpRefused::Corrupt),
];

impl From<ServerError> for DumpRefused {
    fn from(error: ServerError) -> Self {
        match error.code {
            ACCESS_DENIED | SPECIFIC_ACCESS_DENIED => Self::NoPrivilege(error),
            _ => {
                let text = error.message.to_lowercase();
                match PHRASES.iter().find(|(phrase, _)| text.contains(phrase)) {
                    Some((_, reason)) => reason(error),
                    None => Self::Other(error),
                }
            }
        }
    }
}

impl DumpRefused {
    /// What the server said.
    pub fn server(&self) -> &ServerError {
        match self {
            Self::Purged(e)
            | Self::ReplicaAhead(e)
            | Self::DuplicateReplica(e)
            | Self::Checksum(e)
            | Self::EventTooLarge(e)
            | Self::ImpossiblePosition(e)
            | Self::GtidsOff(e)
            | Self::GtidMode(e)
            | Self::BinlogOff(e)
            | Self::Corrupt(e)
            | Self::NoPrivilege(e)
            | Self::Other(e) => e,
        }
    }

    /// Whether the same again may succeed with nothing changed: a changed checksum is agreed upon anew, and a server
    /// that shuts down comes back.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Checksum(_) => true,
            Self::Other(e) => crate::client::ClientError::from(e.clone()).is_retriable(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, message: &str) -> DumpRefused {
        DumpRefused::from(ServerError {
            code,
            sqlstate: "HY000".into(),
            message: message.into(),
        })
    }

    #[test]
    fn reasons_are_told_apart_by_the_servers_texts() {
        use DumpRefused as R;
        type Is = fn(&R) -> bool;
        let cases: &[(&str, Is)] = &[
            (
                "Cannot replicate because the source purged required binary logs. Replicate",
                |r| matches!(r, R::Purged(_)),
            ),
            (
                "the master has purged binary logs containing GTIDs that the slave requires.",
                |r| matches!(r, R::Purged(_)),
            ),
            (
                "Could not find first log file name in binary log index file",
                |r| matches!(r, R::Purged(_)),
            ),
            ("Replica has more GTIDs than the source has, using the", |r| {
                matches!(r, R::ReplicaAhead(_))
            }),
            ("Slave has more GTIDs than the master has, using the", |r| {
                matches!(r, R::ReplicaAhead(_))
            }),
            ("A replica with the same server_uuid/server_id as", |r| {
                matches!(r, R::DuplicateReplica(_))
            }),
            ("A slave with the same server_uuid/server_id as", |r| {
                matches!(r, R::DuplicateReplica(_))
            }),
            (
                "Replica can not handle replication events with the checksum that",
                |r| matches!(r, R::Checksum(_)),
            ),
            ("log event entry exceeded max_allowed_packet; Increase", |r| {
                matches!(r, R::EventTooLarge(_))
            }),
            (
                "Client requested source to start replication from impossible position",
                |r| matches!(r, R::ImpossiblePosition(_)),
            ),
            (
                "The replication sender thread cannot start in AUTO_POSITION mode: this",
                |r| matches!(r, R::GtidsOff(_)),
            ),
            (
                "Cannot replicate anonymous transaction when @@GLOBAL.GTID_MODE = ON, at file",
                |r| matches!(r, R::GtidMode(_)),
            ),
            (
                "Cannot replicate GTID-transaction when @@GLOBAL.GTID_MODE = OFF, at file",
                |r| matches!(r, R::GtidMode(_)),
            ),
            ("Binary log is not open", |r| matches!(r, R::BinlogOff(_))),
            ("binlog truncated in the middle of event; consider", |r| {
                matches!(r, R::Corrupt(_))
            }),
            (
                "Client requested source to start replication from position > file size",
                |r| matches!(r, R::ImpossiblePosition(_)),
            ),
            (
                "Replication event checksum verification failed while reading from a log file",
                |r| matches!(r, R::Corrupt(_)),
            ),
            ("something new", |r| matches!(r, R::Other(_))),
        ];
        for (text, expected) in cases {
            let reason = refused(1236, text);
            assert!(expected(&reason), "{reason:?}");
            assert!(reason.to_string().contains(text));
        }
        assert!(matches!(refused(1227, "Access denied"), R::NoPrivilege(_)));
        assert!(matches!(refused(1236, ""), R::Other(_)));
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        assert!(refused(1236, "can not handle replication events with the checksum").is_retriable());
        assert!(refused(1053, "Server shutdown in progress").is_retriable());
        assert!(!refused(1236, "more GTIDs than the source").is_retriable());
        assert_eq!(refused(1236, "more GTIDs than the source").server().code, 1236);
    }
}
