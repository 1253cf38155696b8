//! What stops a stream, and whether starting it again helps.

use rowtide_binlog::client::ClientError;
use rowtide_binlog::decoder::DecodeError;
use rowtide_binlog::replica::ReplicaError;
use rowtide_binlog::server::ServerInfoError;
use rowtide_event::encode::EncodeError;
use rowtide_event::{GtidSet, TableId};
use rowtide_kafka::{KafkaError, Recovery};

use crate::resume::ResumeRefused;

/// Why a pipeline stopped. Its text says what, where and what the operator can do; it never holds row contents or
/// secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting that cannot be used.
    #[error("{0}")]
    Config(String),
    /// The connection to the source, or a query on it.
    #[error("the source: {0}")]
    Client(#[from] ClientError),
    /// What the source says of itself.
    #[error("the source: {0}")]
    ServerInfo(#[from] ServerInfoError),
    /// The source has ended the stream.
    #[error("the source has ended the stream: it is shutting down, or this replica was disconnected")]
    SourceEnded,
    /// The stream of events from the source.
    #[error("the source's binlog: {0}")]
    Replica(#[from] ReplicaError),
    /// The server is not set up for this; one line for each finding.
    #[error("the source cannot be captured as it is set up:\n{}", .0.join("\n"))]
    SourceUnfit(Vec<String>),
    /// A table that was named in full does not exist.
    #[error(
        "the source has no table {0}, which --include-table names, or its account does not see it; check the spelling, \
         create it first, grant SELECT on it (`rowtide check` has the statement), or give a pattern such as \
         `{database}\\..*`", database = .0.database
    )]
    UnknownTable(TableId),
    /// Another replica uses the server id.
    #[error(
        "another replica of the source already has the server id {0}; give this one a --server-id of its own \
         (SHOW REPLICAS lists those in use)"
    )]
    ServerIdInUse(u32),
    /// The place to go on from is not there.
    #[error(transparent)]
    Resume(#[from] ResumeRefused),
    /// A position to start from that lies inside a transaction.
    #[error(
        "the position to start from, {asked}, lies inside the transaction from {start} to {end}; give one of the two"
    )]
    InsideTransaction {
        /// The position asked for.
        asked: u64,
        /// Where the transaction starts.
        start: u64,
        /// Where it ends.
        end: u64,
    },
    /// Kafka.
    #[error("Kafka: {0}")]
    Kafka(#[from] KafkaError),
    /// An event that cannot be decoded.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// Transactions were not sent.
    #[error(
        "transactions {missing} are in the source's binlog files before the one that begins behind {position}, and did not \
         come: they were lost on the way, or gtid_purged was set on the source by hand. Starting again asks for them"
    )]
    TransactionsMissing {
        /// Which.
        missing: GtidSet,
        /// File and position that the stream had come to.
        position: String,
    },
    /// A row that cannot be written down.
    #[error("a row of {table} at {position} cannot be encoded: {cause}")]
    Encode {
        /// The table.
        table: String,
        /// File and position of the rows event.
        position: String,
        /// What is wrong, with the column.
        cause: EncodeError,
    },
    /// A table whose shape is not known here, and may be known when the server is asked again. Taking up the stream again
    /// asks it.
    #[error("the shape of {table} is not known at {position}: {why}, and its table map has no names")]
    ShapeStale {
        /// The table.
        table: TableId,
        /// File and position of the table map.
        position: String,
        /// What happened to its shape.
        why: String,
    },
    /// The binlog and the statements in it say different things of a table.
    #[error(
        "the binlog says at {position} that {table} has the shape {logged}, and by its CREATE TABLE and the statements since \
         it has the shape {tracked}. A statement was run with sql_log_bin=0 or on another server, or Rowtide has misread \
         one (please report it). `rowtide schema verify` compares all tables with the server; to go on by what the binlog \
         says, run once with --schema-disagreement trust-binlog"
    )]
    SchemaDisagreement {
        /// The table.
        table: TableId,
        /// File and position of the table map.
        position: String,
        /// What the table map says.
        logged: String,
        /// What the statements make of it.
        tracked: String,
    },
    /// A table whose shape is not known at this position.
    #[error(
        "the shape of {table} is not known at {position}: {why}. With binlog_row_metadata=FULL the binlog carries it: run \
         `SET PERSIST binlog_row_metadata = FULL` on the source. For changes already logged without it, set a checkpoint \
         behind them with `rowtide checkpoint set`"
    )]
    ShapeUnknown {
        /// The table.
        table: TableId,
        /// File and position of the table map.
        position: String,
        /// What happened to its shape.
        why: String,
    },
    /// A table of MariaDB with columns whose types the binlog does not tell apart, at a position of which the server's
    /// answer says nothing.
    #[error(
        "the types of {table} are not known at {position}: {why}. MariaDB logs UUID, INET4 and INET6 as BINARY, VECTOR as \
         VARBINARY, and times in the format of MariaDB 5.3 without their digits, so that the server must be asked. Exclude \
         the table, or set a checkpoint behind the statement with `rowtide checkpoint set`"
    )]
    TypesUnknown {
        /// The table.
        table: TableId,
        /// File and position of the table map.
        position: String,
        /// What happened to its shape.
        why: String,
    },
    /// The table map and the known shape contradict each other.
    #[error("{table} at {position}: {why}")]
    ShapeMismatch {
        /// The table.
        table: TableId,
        /// File and position of the table map.
        position: String,
        /// Both shapes.
        why: String,
    },
    /// A change that was logged as a statement.
    #[error(
        "a change of {} at {position} was logged as a statement ({verb}), so its rows are not in the binlog. Set \
         binlog_format=ROW on the source, for all sessions, and exclude the table or set a checkpoint behind the change",
        table_or_unknown(.table.as_ref())
    )]
    StatementFormat {
        /// The table, if it can be told.
        table: Option<TableId>,
        /// File and position.
        position: String,
        /// INSERT, UPDATE and so on.
        verb: String,
    },
    /// XA COMMIT of a transaction whose rows were not read.
    #[error(
        "XA COMMIT {xid} at {position} is of a transaction that was prepared before the place where this stream was \
         started, or before a statement that has changed a table of its rows, so that they were not read. If none of them \
         is in a captured table, set a checkpoint at {end} with `rowtide checkpoint set`; else start from before its XA PREPARE"
    )]
    PreparedBefore {
        /// The transaction.
        xid: String,
        /// File and position of XA COMMIT.
        position: String,
        /// File and position behind it.
        end: String,
    },
    /// The rows of XA transactions that are prepared and not decided take too much memory.
    #[error(
        "the rows at {position}{of} are of an XA transaction, and rows that wait for XA COMMIT or XA ROLLBACK take \
         more than {limit} bytes. Raise --xa-held-bytes, or decide prepared transactions (XA RECOVER lists them)",
        of = .gtid.as_ref().map(|gtid| format!(" (transaction {gtid})")).unwrap_or_default()
    )]
    TooMuchHeld {
        /// File and position.
        position: String,
        /// The transaction, where the server has GTIDs.
        gtid: Option<String>,
        /// Bytes that may be held.
        limit: usize,
    },
    /// Rows of captured tables were rolled back after they had been handed over.
    #[error(
        "rows of captured tables that the transaction at {start} has logged are rolled back at {position}, after they were \
         handed over: not more than {limit} bytes of a transaction that may be rolled back wait for its end. Raise \
         --xa-held-bytes to more than eight times the size of the transaction, and start again. If `rowtide checkpoint show` \
         names a place inside this transaction, some of these rows were delivered and are not real: compare its tables with \
         the server, and set a checkpoint behind the transaction with `rowtide checkpoint set`"
    )]
    RolledBack {
        /// File and position of the rollback.
        position: String,
        /// File and position of the transaction's start.
        start: String,
        /// Bytes that may wait.
        limit: usize,
    },
    /// The server crashed while it wrote a transaction, a part of which was handed over.
    #[error(
        "the server crashed before {position} while it wrote the transaction at {start}, and rows of it were handed over that \
         are not real. If `rowtide checkpoint show` names a place inside this transaction, some were delivered: compare its \
         tables with the server. Then set a checkpoint at {position} with `rowtide checkpoint set`"
    )]
    CutShort {
        /// File and position where the stream goes on.
        position: String,
        /// File and position of the transaction's start.
        start: String,
    },
    /// Two tables would share a topic.
    #[error(
        "the tables {first} and {second} would both be written to the topic {topic}: characters that Kafka does not allow \
         become `_`. Exclude one of them"
    )]
    TopicCollision {
        /// The topic.
        topic: String,
        /// The table that has it.
        first: TableId,
        /// The table that would get it too.
        second: TableId,
    },
    /// A table's name is too long for a topic.
    #[error("{table} has no topic name: {why}")]
    TopicName {
        /// The table.
        table: TableId,
        /// What is wrong with the name.
        why: String,
    },
    /// The checkpoint says something that cannot be.
    #[error("the checkpoint cannot be used: {0}; set a new one with `rowtide checkpoint set`")]
    Checkpoint(String),
    /// The tables at a place are not known.
    #[error("the tables are not known there: {0}")]
    SchemaNotKnown(String),
    /// A source that has no checkpoint.
    #[error(
        "the source {source_name} has no checkpoint in the topic {topic}: it never ran, or under another --topic-prefix"
    )]
    NoCheckpoint {
        /// The source's name.
        source_name: String,
        /// The checkpoint topic.
        topic: String,
    },
    /// Rows that were not decoded as they came: what stands before them may not have been handed over.
    #[error("{0}")]
    LaidAside(Box<Error>),
    /// The other half of the stream has stopped; its error is the one that tells why.
    #[error("interrupted")]
    Interrupted,
    /// A thread or runtime of the operating system.
    #[error("the operating system refuses a thread or its runtime: {0}")]
    System(#[from] std::io::Error),
    /// Flushing at the end took too long.
    #[error(
        "not everything could be committed within {0} s of the stop; the next start resumes at the last commit"
    )]
    StopTimeout(u64),
    /// A fault of Rowtide itself.
    #[error("a fault in Rowtide itself: {0}; please report it")]
    Fault(&'static str),
}

fn table_or_unknown(table: Option<&TableId>) -> String {
    table.map_or_else(|| "a table that cannot be told".to_owned(), ToString::to_string)
}

/// Who is at fault, and so which exit code a program gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// A setting.
    Config,
    /// The source is unreachable or refuses the login.
    Source,
    /// The source is not set up for capture.
    SourceUnfit,
    /// Kafka is unreachable or refuses.
    Kafka,
    /// The checkpoint, or the place to resume from.
    Checkpoint,
    /// The stream holds something that cannot be followed.
    Stream,
    /// Another instance has taken over.
    Fenced,
    /// Anything else.
    Other,
}

impl Error {
    /// Who is at fault.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Config(_) => ErrorKind::Config,
            Self::Client(_) | Self::ServerInfo(_) | Self::SourceEnded => ErrorKind::Source,
            Self::Replica(e) if e.is_purged() => ErrorKind::Checkpoint,
            Self::Replica(e) if e.is_duplicate_server_id() => ErrorKind::SourceUnfit,
            Self::Replica(_) => ErrorKind::Source,
            Self::SourceUnfit(_) | Self::UnknownTable(_) | Self::ServerIdInUse(_) => ErrorKind::SourceUnfit,
            Self::Resume(_)
            | Self::InsideTransaction { .. }
            | Self::Checkpoint(_)
            | Self::SchemaNotKnown(_)
            | Self::NoCheckpoint { .. } => ErrorKind::Checkpoint,
            Self::Kafka(KafkaError::Fenced { .. }) => ErrorKind::Fenced,
            Self::Kafka(
                KafkaError::CheckpointCorrupt { .. }
                | KafkaError::CheckpointTooNew { .. }
                | KafkaError::HistoryMissing { .. }
                | KafkaError::HistoryIncomplete { .. }
                | KafkaError::HistoryCorrupt { .. }
                | KafkaError::HistoryForeign { .. }
                | KafkaError::HistoryTooNew { .. }
                | KafkaError::TopicUnfit { .. },
            ) => ErrorKind::Checkpoint,
            Self::Kafka(KafkaError::Setting { .. }) => ErrorKind::Config,
            Self::Kafka(_) => ErrorKind::Kafka,
            Self::Decode(_)
            | Self::TransactionsMissing { .. }
            | Self::Encode { .. }
            | Self::ShapeStale { .. }
            | Self::ShapeUnknown { .. }
            | Self::SchemaDisagreement { .. }
            | Self::TypesUnknown { .. }
            | Self::ShapeMismatch { .. }
            | Self::StatementFormat { .. }
            | Self::RolledBack { .. }
            | Self::CutShort { .. }
            | Self::PreparedBefore { .. }
            | Self::TooMuchHeld { .. }
            | Self::TopicCollision { .. }
            | Self::TopicName { .. } => ErrorKind::Stream,
            Self::LaidAside(cause) => cause.kind(),
            Self::Interrupted | Self::System(_) | Self::StopTimeout(_) | Self::Fault(_) => ErrorKind::Other,
        }
    }

    /// Whether taking up the stream again from the checkpoint may help: a lost connection does, a wrong password does
    /// not.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Client(e) | Self::ServerInfo(ServerInfoError::Client(e)) => e.is_retriable(),
            Self::SourceEnded | Self::ShapeStale { .. } => true,
            Self::LaidAside(cause) => cause.is_retriable(),
            Self::Replica(e) if e.is_retriable() => true,
            Self::Kafka(e) => e.recovery() == Recovery::Restart,
            _ => self.is_damage(),
        }
    }

    /// Whether the source has no connection left for the account: a second one, say.
    pub(crate) fn is_limit(&self) -> bool {
        match self {
            Self::Client(e) | Self::Replica(ReplicaError::Client(e)) => e.is_limit(),
            _ => false,
        }
    }

    /// Whether bytes or events were damaged, lost or doubled. What happened on the way is gone on the next reading; damage in
    /// the file is not, and stops after a few tries.
    pub(crate) fn is_damage(&self) -> bool {
        match self {
            Self::Decode(e) => e.cause.is_damage(),
            Self::Replica(e) => e.is_damage(),
            Self::TransactionsMissing { .. } => true,
            Self::LaidAside(cause) => cause.is_damage(),
            _ => false,
        }
    }
}
