//! Rebuilds tables from the binlog and compares them with SELECT, value for value.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use rowtide_binlog::client::{Client, SourceOptions};
use rowtide_binlog::decoder::{
    CapturedTable, DecodeError, Decoder, DecoderOptions, Handler, Rows, TableRows,
};
use rowtide_binlog::event::{RowsOperation, TableMap};
use rowtide_binlog::replica::{DumpFrom, Replica, ReplicaOptions};
use rowtide_binlog::row::RowPlan;
use rowtide_binlog::schema::{information_schema, metadata};
use rowtide_binlog::server;
use rowtide_binlog::tls::{TlsMode, TlsOptions};
use rowtide_event::{BinlogPosition, RowChange, Table, TableId, Value};
use rowtide_testbed::{CDC_PASSWORD, CDC_USER, MySql};

use super::text;

/// A row's columns as text; of a column that no image had so far nothing is known.
type Row = Vec<Cell>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Unknown,
    Known(Option<String>),
}

/// The tables of one database as the binlog tells them.
#[derive(Default)]
pub struct Follow {
    database: String,
    /// As the server tells them, for one that does not log names.
    shapes: BTreeMap<TableId, Table>,
    tables: Vec<Table>,
    rows: BTreeMap<String, BTreeMap<Vec<Cell>, Row>>,
    /// Changes by their operation.
    pub inserts: usize,
    pub updates: usize,
    pub partial_updates: usize,
    pub deletes: usize,
    /// By table, columns after an update that neither image has.
    pub unavailable: BTreeMap<String, usize>,
}

/// Where the binlog ends.
pub async fn now(server: &MySql) -> BinlogPosition {
    let mut root = client(server, "root", "").await;
    server::binlog_status(&mut root).await.unwrap().unwrap().position
}

/// Without TLS, which the old servers have in forms that nobody should use.
async fn client(server: &MySql, name: &str, password: &str) -> Client {
    let options = SourceOptions {
        tls: TlsOptions {
            mode: TlsMode::Disabled,
            ..TlsOptions::default()
        },
        ..SourceOptions::new(server.host(), server.port(), name, password)
    };
    Client::connect(&options).await.unwrap()
}

/// The tables of a database as they are now.
async fn shapes(client: &mut Client, database: &str) -> BTreeMap<TableId, Table> {
    let names = client.query(information_schema::TABLES).await.unwrap().rows;
    let mut shapes = BTreeMap::new();
    for id in information_schema::table_names(&names).unwrap() {
        if id.database == database {
            let columns = client
                .query(&information_schema::columns_query(&id))
                .await
                .unwrap()
                .rows;
            let keys = client
                .query(&information_schema::keys_query(&id))
                .await
                .unwrap()
                .rows;
            let table = information_schema::table(&id, &columns, &keys).unwrap().unwrap();
            shapes.insert(id, table);
        }
    }
    shapes
}

impl Follow {
    /// Reads the changes of a database from a place to the end of the binlog.
    pub async fn database(server: &MySql, database: &str, from: &BinlogPosition) -> Self {
        Self::read(server, database, from).await.unwrap()
    }

    /// The same where it may fail.
    pub async fn read(server: &MySql, database: &str, from: &BinlogPosition) -> Result<Self, DecodeError> {
        static SERVER_ID: AtomicU32 = AtomicU32::new(7800);
        let options = ReplicaOptions {
            follow: false,
            ..ReplicaOptions::new(SERVER_ID.fetch_add(1, Ordering::Relaxed))
        };
        let cdc = client(server, CDC_USER, CDC_PASSWORD).await;
        let shapes = shapes(&mut client(server, "root", "").await, database).await;
        let mut replica = Replica::start(cdc, &DumpFrom::Position(from.clone()), &options)
            .await
            .unwrap();
        let mut decoder = Decoder::new(DecoderOptions::default(), from.clone());
        let mut follow = Self {
            database: database.to_owned(),
            shapes,
            ..Self::default()
        };
        while let Some(event) = replica.next_event().await.unwrap() {
            decoder.feed(event, &mut follow)?;
        }
        Ok(follow)
    }

    /// Fails unless each table that was changed is as SELECT has it.
    pub fn assert_equal(&self, server: &MySql) {
        let mut seen = Vec::new();
        for table in self.tables.iter().rev() {
            if !seen.contains(&&table.id) {
                seen.push(&table.id);
                self.assert_table(server, table);
            }
        }
        assert!(!seen.is_empty());
    }

    /// The rows of a table, in words.
    pub fn shown(&self, table: &str) -> Vec<String> {
        let columns = &self
            .tables
            .iter()
            .rfind(|known| known.id.table == table)
            .unwrap()
            .columns;
        let cell = |(cell, name): (&Cell, &str)| match cell {
            Cell::Unknown => format!("{name} absent"),
            Cell::Known(None) => format!("{name} NULL"),
            Cell::Known(Some(text)) => format!("{name} {text}"),
        };
        let row = |row: &Row| {
            let names = columns.iter().map(|column| column.name.as_str());
            row.iter().zip(names).map(cell).collect::<Vec<_>>().join(", ")
        };
        self.rows[table].values().map(row).collect()
    }

    fn assert_table(&self, server: &MySql, table: &Table) {
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|c| text::expression(&c.name, &c.ty))
            .collect();
        let query = format!(
            "SET time_zone = '+00:00'; SELECT {} FROM {}",
            columns.join(", "),
            table.id
        );
        let mut selected = BTreeMap::new();
        for row in server.query(&query).unwrap() {
            let cells = row.into_iter().zip(&table.columns);
            let row: Row = cells
                .map(|(cell, column)| Cell::Known(cell.map(|text| text::printed(&text, &column.ty))))
                .collect();
            selected.insert(key(table, &row), row);
        }
        let empty = BTreeMap::new();
        let rebuilt = self.rows.get(&table.id.table).unwrap_or(&empty);
        for (key, expected) in &selected {
            let found = rebuilt
                .get(key)
                .unwrap_or_else(|| panic!("{}: {key:?} is missing", table.id));
            for ((column, expected), found) in table.columns.iter().zip(expected).zip(found) {
                assert_eq!(found, expected, "{} {key:?}: {}", table.id, column.name);
            }
        }
        assert_eq!(rebuilt.len(), selected.len(), "{}", table.id);
    }

    fn change(&mut self, tag: usize, change: &RowChange<'_, '_>) {
        let table = &self.tables[tag];
        let rows = self.rows.entry(table.id.table.clone()).or_default();
        let (before, after) = match change {
            RowChange::Create { after } => (None, Some(*after)),
            RowChange::Update { before, after } => (Some(*before), Some(*after)),
            RowChange::Delete { before } => (Some(*before), None),
        };
        let known = before.map(|before| {
            let before = cells(table, before);
            let key = key(table, &before);
            let known = rows
                .remove(&key)
                .unwrap_or_else(|| panic!("{} {key:?} is not known", table.id));
            for ((known, before), column) in known.iter().zip(&before).zip(&table.columns) {
                let agree = known == before || *known == Cell::Unknown || *before == Cell::Unknown;
                assert!(
                    agree,
                    "{} {key:?} {}: {known:?}, before is {before:?}",
                    table.id, column.name
                );
            }
            known
        });
        if let Some(after) = after {
            let mut after = cells(table, after);
            if let Some(known) = known {
                // What is in neither image has not changed.
                for (cell, known) in after.iter_mut().zip(known) {
                    if *cell == Cell::Unknown {
                        *cell = known;
                        *self.unavailable.entry(table.id.table.clone()).or_default() += 1;
                    }
                }
            }
            rows.insert(key(table, &after), after);
        }
    }
}

fn cells(table: &Table, values: &[Value<'_>]) -> Row {
    let cell = |(value, column): (&Value<'_>, &rowtide_event::Column)| match value {
        Value::Absent => Cell::Unknown,
        value => Cell::Known(text::text(value, &column.ty)),
    };
    values.iter().zip(&table.columns).map(cell).collect()
}

/// The key's columns, or all where there is none.
fn key(table: &Table, row: &[Cell]) -> Vec<Cell> {
    if table.key.is_empty() {
        row.to_vec()
    } else {
        table.key.iter().map(|at| row[*at].clone()).collect()
    }
}

impl Handler for Follow {
    type Error = DecodeError;

    fn table(&mut self, map: &TableMap<'_>, _shape: &[u8]) -> Result<TableRows, DecodeError> {
        if map.database != self.database {
            return Ok(TableRows::Unwanted);
        }
        let id = TableId::new(map.database, map.table);
        let table = match metadata::table(map) {
            Ok(table) if metadata::is_ambiguous(map, &table) => {
                metadata::completed(map, table, &self.shapes[&id]).unwrap()
            }
            Ok(table) => table,
            Err(_) => self.shapes[&id].clone(),
        };
        let plan = RowPlan::compile(map, &table).unwrap();
        self.tables.push(table);
        Ok(TableRows::Wanted(CapturedTable::new(self.tables.len() - 1, plan)))
    }

    fn rows(&mut self, rows: &mut Rows<'_>) -> Result<(), DecodeError> {
        let (tag, operation) = (rows.tag, rows.operation());
        while let Some(change) = rows.next()? {
            match operation {
                RowsOperation::Insert => self.inserts += 1,
                RowsOperation::Update => self.updates += 1,
                RowsOperation::PartialUpdate => self.partial_updates += 1,
                RowsOperation::Delete => self.deletes += 1,
            }
            self.change(tag, &change);
        }
        Ok(())
    }
}
