//! The numbers and names of events (`codecs`, `binlog_event.h`; MariaDB's `log_event.h` from 160 on).

use std::fmt;

macro_rules! event_types {
    ($($(#[$doc:meta])* $variant:ident = $number:literal, $name:literal;)*) => {
        /// Which event it is: the fifth byte of its header.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EventType {
            $($(#[$doc])* $variant,)*
            /// A number that this version of Rowtide does not know.
            Unknown(u8),
        }

        impl EventType {
            /// The type with this number.
            #[inline(always)]
            pub fn from_number(number: u8) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    other => Self::Unknown(other),
                }
            }

            /// The number that stands in the header.
            pub fn number(self) -> u8 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Unknown(number) => number,
                }
            }

            /// The server's name for it, as `SHOW BINLOG EVENTS` readers know it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown(_) => "UNKNOWN",
                }
            }
        }
    };
}

event_types! {
    /// Only in files of MySQL 4.1 and older.
    StartV3 = 1, "START_V3";
    /// A statement, or what frames a transaction.
    Query = 2, "QUERY";
    /// The server was shut down.
    Stop = 3, "STOP";
    /// The stream goes on in another file.
    Rotate = 4, "ROTATE";
    /// LAST_INSERT_ID or INSERT_ID of the statement that follows.
    Intvar = 5, "INTVAR";
    /// LOAD DATA of MySQL 3.23.
    Load = 6, "LOAD";
    /// Never written.
    Slave = 7, "SLAVE";
    /// LOAD DATA of MySQL 4.0.
    CreateFile = 8, "CREATE_FILE";
    /// A further block of a file that LOAD DATA reads.
    AppendBlock = 9, "APPEND_BLOCK";
    /// LOAD DATA of MySQL 4.0.
    ExecLoad = 10, "EXEC_LOAD";
    /// The file of a LOAD DATA that failed.
    DeleteFile = 11, "DELETE_FILE";
    /// LOAD DATA of MySQL 4.0.
    NewLoad = 12, "NEW_LOAD";
    /// RAND's seed for the statement that follows.
    Rand = 13, "RAND";
    /// A user variable that the statement that follows reads.
    UserVar = 14, "USER_VAR";
    /// How the events of this file are laid out.
    FormatDescription = 15, "FORMAT_DESCRIPTION";
    /// COMMIT of a transaction in a transactional engine.
    Xid = 16, "XID";
    /// The first block of a file that LOAD DATA reads.
    BeginLoadQuery = 17, "BEGIN_LOAD_QUERY";
    /// LOAD DATA as a statement.
    ExecuteLoadQuery = 18, "EXECUTE_LOAD_QUERY";
    /// Names and types of the table that the rows events after it are of.
    TableMap = 19, "TABLE_MAP";
    /// Rows of MySQL 5.1.0 to 5.1.15.
    PreGaWriteRows = 20, "PRE_GA_WRITE_ROWS";
    /// Rows of MySQL 5.1.0 to 5.1.15.
    PreGaUpdateRows = 21, "PRE_GA_UPDATE_ROWS";
    /// Rows of MySQL 5.1.0 to 5.1.15.
    PreGaDeleteRows = 22, "PRE_GA_DELETE_ROWS";
    /// Inserted rows, version 1.
    WriteRowsV1 = 23, "WRITE_ROWS_V1";
    /// Updated rows, version 1.
    UpdateRowsV1 = 24, "UPDATE_ROWS_V1";
    /// Deleted rows, version 1.
    DeleteRowsV1 = 25, "DELETE_ROWS_V1";
    /// Events were lost on the server.
    Incident = 26, "INCIDENT";
    /// The server is alive and has nothing to send.
    Heartbeat = 27, "HEARTBEAT";
    /// May be skipped.
    Ignorable = 28, "IGNORABLE";
    /// The statement whose rows follow.
    RowsQuery = 29, "ROWS_QUERY";
    /// Inserted rows.
    WriteRows = 30, "WRITE_ROWS";
    /// Updated rows.
    UpdateRows = 31, "UPDATE_ROWS";
    /// Deleted rows.
    DeleteRows = 32, "DELETE_ROWS";
    /// A transaction begins, with its id.
    Gtid = 33, "GTID";
    /// A transaction begins, without an id.
    AnonymousGtid = 34, "ANONYMOUS_GTID";
    /// The transactions in the files before this one.
    PreviousGtids = 35, "PREVIOUS_GTIDS";
    /// Certification data of Group Replication.
    TransactionContext = 36, "TRANSACTION_CONTEXT";
    /// Group Replication's members changed.
    ViewChange = 37, "VIEW_CHANGE";
    /// XA PREPARE.
    XaPrepare = 38, "XA_PREPARE";
    /// Updated rows with differences of JSON documents (`binlog_row_value_options=PARTIAL_JSON`).
    PartialUpdateRows = 39, "PARTIAL_UPDATE_ROWS";
    /// A whole transaction's events, compressed.
    TransactionPayload = 40, "TRANSACTION_PAYLOAD";
    /// As HEARTBEAT, with a 64-bit position.
    HeartbeatV2 = 41, "HEARTBEAT_V2";
    /// A transaction begins, with an id that has a tag.
    GtidTagged = 42, "GTID_TAGGED";
    /// MariaDB: the statement whose rows follow.
    AnnotateRows = 160, "ANNOTATE_ROWS";
    /// MariaDB: the oldest file needed for crash recovery.
    BinlogCheckpoint = 161, "BINLOG_CHECKPOINT";
    /// MariaDB: a transaction begins, with its id.
    MariadbGtid = 162, "MARIADB_GTID";
    /// MariaDB: the newest transactions in the files before this one.
    GtidList = 163, "GTID_LIST";
    /// MariaDB: the rest of the file is encrypted.
    StartEncryption = 164, "START_ENCRYPTION";
    /// MariaDB: QUERY, compressed.
    QueryCompressed = 165, "QUERY_COMPRESSED";
    /// MariaDB: WRITE_ROWS_V1, compressed.
    WriteRowsCompressedV1 = 166, "WRITE_ROWS_COMPRESSED_V1";
    /// MariaDB: UPDATE_ROWS_V1, compressed.
    UpdateRowsCompressedV1 = 167, "UPDATE_ROWS_COMPRESSED_V1";
    /// MariaDB: DELETE_ROWS_V1, compressed.
    DeleteRowsCompressedV1 = 168, "DELETE_ROWS_COMPRESSED_V1";
    /// MariaDB: WRITE_ROWS, compressed.
    WriteRowsCompressed = 169, "WRITE_ROWS_COMPRESSED";
    /// MariaDB: UPDATE_ROWS, compressed.
    UpdateRowsCompressed = 170, "UPDATE_ROWS_COMPRESSED";
    /// MariaDB: DELETE_ROWS, compressed.
    DeleteRowsCompressed = 171, "DELETE_ROWS_COMPRESSED";
    /// MariaDB: a piece of a rows event.
    PartialRowData = 172, "PARTIAL_ROW_DATA";
}

impl EventType {
    /// Whether only MariaDB writes it.
    pub fn is_mariadb(self) -> bool {
        matches!(self.number(), 160..=172)
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(number) => write!(f, "event type {number}"),
            known => f.write_str(known.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_one_type_and_comes_back() {
        for number in 0..=255 {
            assert_eq!(EventType::from_number(number).number(), number);
        }
        assert_eq!(EventType::from_number(30), EventType::WriteRows);
        assert_eq!(EventType::from_number(42).name(), "GTID_TAGGED");
        assert_eq!(EventType::from_number(99).to_string(), "event type 99");
        assert!(EventType::MariadbGtid.is_mariadb() && !EventType::GtidTagged.is_mariadb());
    }
}
