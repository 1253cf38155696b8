//! Statements as the binlog has them.

use rowtide_binlog::schema::statement::{classify, history_entries, redacted};
use rowtide_binlog::schema::tracked::SchemaTracker;
use rowtide_binlog::schema::{NameCase, Session};
use rowtide_binlog::server::{Flavour, ServerVersion};

/// Statements with NULs between them. The bits of the first byte say which server and which `sql_mode`.
pub fn statement(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else {
        return;
    };
    let session = session(*how);
    let text = String::from_utf8_lossy(rest);
    let mut tracker = SchemaTracker::new();
    for sql in text.split('\0') {
        read_statement(sql, &session);
        tracker.apply(sql, &session);
    }
    for table in tracker.tables() {
        let _ = table.shape();
        for column in &table.columns {
            let _ = column.data_type.sql(session.server);
        }
    }
}

/// What is done with a statement before its effect on tables is asked for.
pub(crate) fn read_statement(sql: &str, session: &Session<'_>) {
    let class = classify(sql, *session);
    let _ = history_entries(sql, &class, *session);
    let _ = redacted(sql, *session);
}

fn session(how: u8) -> Session<'static> {
    let (flavour, major, minor) = match how % 4 {
        0 => (Flavour::MySql, 9, 7),
        1 => (Flavour::MySql, 5, 7),
        2 => (Flavour::MariaDb, 11, 8),
        _ => (Flavour::MariaDb, 10, 11),
    };
    let server = ServerVersion {
        flavour,
        major,
        minor,
        patch: 4,
    };
    let name_case = NameCase::of(how >> 2 & 1);
    // ANSI_QUOTES, NO_BACKSLASH_ESCAPES, REAL_AS_FLOAT and ORACLE.
    let modes = [0x4, 0x10_0000, 0x1, 0x200];
    let chosen = modes
        .iter()
        .enumerate()
        .filter(|(bit, _)| how >> (bit + 3) & 1 == 1);
    let mut session = Session::new("db", server, name_case);
    session.sql_mode = chosen.fold(0, |all, (_, mode)| all | mode);
    session
}
