//! Shapes of tables that the binlog itself does not tell: asked of the server.

use std::collections::{HashMap, HashSet};

use rowtide_binlog::client::Client;
use rowtide_binlog::schema::{NameCase, information_schema};
use rowtide_binlog::server::ServerInfo;
use rowtide_event::{BinlogPosition, Table, TableId};

use crate::error::Error;
use crate::filter::TableFilter;
use crate::pipeline::CaptureSettings;

/// Tables to ask for at once: enough that round trips do not count, few enough to keep the answer small.
const TABLES_A_QUERY: usize = 500;

/// What the server says about its tables: which are captured, and as they were at the start, where the binlog does not
/// carry their shapes.
pub(crate) struct Shapes {
    names: HashSet<TableId>,
    name_case: NameCase,
    /// By folded names, as `changed`.
    at_start: HashMap<TableId, Table>,
    /// Tables that a statement has changed since, and what it was.
    changed: HashMap<TableId, String>,
    all_changed: Option<String>,
}

impl Shapes {
    /// Reads the names of all captured tables, and their shapes unless the binlog carries them.
    pub(crate) async fn read(
        client: &mut Client,
        info: &ServerInfo,
        settings: &CaptureSettings,
    ) -> Result<Self, Error> {
        let names = captured_names(client, &settings.tables).await?;
        let name_case = NameCase::of(info.lower_case_table_names);
        let mut at_start = HashMap::new();
        if !info.binlog_row_metadata.eq_ignore_ascii_case("FULL") {
            let ids: Vec<TableId> = names.iter().cloned().collect();
            for some in ids.chunks(TABLES_A_QUERY) {
                let tables = ask(client, some).await?;
                at_start.extend(
                    tables
                        .into_iter()
                        .map(|table| (name_case.folded_table(&table.id), table)),
                );
            }
        }
        Ok(Self {
            names,
            name_case,
            at_start,
            changed: HashMap::new(),
            all_changed: None,
        })
    }

    /// Whether the server had the table at the start.
    pub(crate) fn exists(&self, id: &TableId) -> bool {
        self.names.contains(id)
    }

    /// The shape at the start of the run, if no statement has changed it since.
    pub(crate) fn at_start(&self, id: &TableId, near: &BinlogPosition) -> Result<Table, Error> {
        let unknown = |why: String| Error::ShapeUnknown {
            table: id.clone(),
            position: near.to_string(),
            why,
        };
        let folded = self.name_case.folded_table(id);
        if let Some(verb) = self.changed.get(&folded).or(self.all_changed.as_ref()) {
            return Err(unknown(format!(
                "{verb} has changed it since the start, and its table map has no names"
            )));
        }
        self.at_start.get(&folded).cloned().ok_or_else(|| {
            unknown("it did not exist at the start, and its table map has no names".to_owned())
        })
    }

    /// Whether the server takes both names for one table's.
    pub(crate) fn is_same(&self, a: &TableId, b: &TableId) -> bool {
        self.name_case.folded_table(a) == self.name_case.folded_table(b)
    }

    /// A statement has changed the table.
    pub(crate) fn changed(&mut self, id: &TableId, verb: &str) {
        self.changed
            .insert(self.name_case.folded_table(id), verb.to_owned());
    }

    /// A statement may have changed any table.
    pub(crate) fn any_may_have_changed(&mut self, verb: &str) {
        self.all_changed = Some(verb.to_owned());
    }
}

/// The tables on the server that the filter captures.
pub(crate) async fn captured_names(
    client: &mut Client,
    filter: &TableFilter,
) -> Result<HashSet<TableId>, Error> {
    let rows = client.query(information_schema::TABLES).await?.rows;
    let all = information_schema::table_names(&rows).map_err(unreadable)?;
    Ok(all.into_iter().filter(|id| filter.captures(id)).collect())
}

fn unreadable(why: impl std::fmt::Display) -> Error {
    Error::SourceUnfit(vec![format!("information_schema cannot be understood: {why}")])
}

/// Asks the server for some tables; those that are gone are left out.
async fn ask(client: &mut Client, ids: &[TableId]) -> Result<Vec<Table>, Error> {
    let columns = client
        .query(&information_schema::columns_of_query(ids))
        .await?
        .rows;
    let keys = client.query(&information_schema::keys_of_query(ids)).await?.rows;
    let told = information_schema::tables(&columns, &keys).map_err(unreadable)?;
    let mut tables = told.known;
    for id in &told.ambiguous {
        tables.extend(ask_alone(client, id).await?);
    }
    Ok(tables)
}

/// Asks the server for one table, whose keys then come in the server's order.
async fn ask_alone(client: &mut Client, id: &TableId) -> Result<Option<Table>, Error> {
    let columns = client.query(&information_schema::columns_query(id)).await?.rows;
    let keys = client.query(&information_schema::keys_query(id)).await?.rows;
    information_schema::table(id, &columns, &keys).map_err(unreadable)
}
