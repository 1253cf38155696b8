//! Whether the account sees the tables that are captured: where the binlog does not carry their shapes, they are asked of
//! the server, which shows a table only to those who have a privilege on it.

use std::collections::HashSet;

use rowtide_binlog::server::{Finding, Grants, ServerInfo, Severity};
use rowtide_event::TableId;

use crate::filter::{Scope, TableFilter};

/// Finds the parts of the filter whose tables the account cannot, or may not be able to, see. A table that the filter
/// names and that is not `seen` is not among them: [`missing`] tells of it.
pub(crate) fn findings(
    info: &ServerInfo,
    grants: &Grants,
    filter: &TableFilter,
    seen: &HashSet<TableId>,
) -> Vec<Finding> {
    if info.logs_shapes() {
        return Vec::new();
    }
    filter
        .scopes()
        .iter()
        .filter_map(|scope| finding(info, grants, scope, seen))
        .collect()
}

fn finding(info: &ServerInfo, grants: &Grants, scope: &Scope, seen: &HashSet<TableId>) -> Option<Finding> {
    let (object, place, some_seen) = match scope {
        Scope::Table(_) => return None,
        Scope::Server if grants.has("SELECT") => return None,
        Scope::Server => (
            "*.*".to_owned(),
            "the server".to_owned(),
            !seen.is_empty() || grants.may_select_something(),
        ),
        Scope::Database(database) if grants.may_select(database, None) => return None,
        Scope::Database(database) => (
            format!("{}.*", quoted(database)),
            format!("the database {database}"),
            seen.iter().any(|id| id.database.eq_ignore_ascii_case(database)),
        ),
    };
    let what = if some_seen {
        format!(
            "The account has SELECT on some tables of {place} only: a change in a captured table that it does not see \
             stops the stream, since the binlog does not carry the table's shape"
        )
    } else {
        format!(
            "The account sees no table of {place}, and the binlog does not carry the tables' shapes: it needs SELECT, \
             though rows are not read"
        )
    };
    Some(Finding {
        severity: if some_seen {
            Severity::Warning
        } else {
            Severity::Error
        },
        what,
        remedy: remedy(info, grants, &object),
    })
}

fn remedy(info: &ServerInfo, grants: &Grants, object: &str) -> String {
    let grant = format!("GRANT SELECT ON {object} TO {};", grants.account());
    match info.binlog_row_metadata.as_str() {
        "" => grant,
        _ => format!(
            "{grant} -- or, so that the binlog carries the shapes: SET PERSIST binlog_row_metadata = FULL;"
        ),
    }
}

/// A table that the filter names, and the server does not show.
pub(crate) fn missing(grants: &Grants, id: &TableId) -> Finding {
    let object = format!("{}.{}", quoted(&id.database), quoted(&id.table));
    let remedy = format!(
        "GRANT SELECT ON {object} TO {}; -- if it is there: else check the spelling, or create it first",
        grants.account()
    );
    Finding {
        severity: Severity::Error,
        what: format!("There is no table {id}, which --include-table names, or the account does not see it"),
        remedy,
    }
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}
