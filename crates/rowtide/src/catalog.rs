//! The captured tables: how their rows are decoded, encoded and where they go.

use std::collections::HashMap;
use std::sync::Arc;

use rowtide_binlog::decoder::{CapturedTable, Statement};
use rowtide_binlog::event::TableMap;
use rowtide_binlog::row::RowPlan;
use rowtide_binlog::schema::metadata;
use rowtide_event::encode::{EncodeOptions, TableEncoder, TopicIndex, topic_name};
use rowtide_event::{BinlogPosition, GtidSet, Table, TableId};
use rowtide_kafka::HistoryRecord;

use crate::error::Error;
use crate::filter::TableFilter;
use crate::history::HistoryWriter;
use crate::shapes::{Change, Shapes};

/// Turns table maps into plans and encoders, once for each version of a table.
pub(crate) struct Catalog {
    filter: TableFilter,
    options: EncodeOptions,
    shapes: Shapes,
    history: HistoryWriter,
    tables: HashMap<TableId, Known>,
    tags: HashMap<TableId, usize>,
    encoders: Vec<TableEncoder>,
    topics: TopicNames,
}

/// A captured table in its present version.
struct Known {
    /// The table map without the table's number, which changes without the table changing.
    map: Vec<u8>,
    captured: CapturedTable,
}

/// Topics in the order of their indexes, and which table each belongs to.
#[derive(Default)]
struct TopicNames {
    owners: HashMap<String, (TopicIndex, TableId)>,
    new: Vec<String>,
}

/// The table's number stands before everything else in a table map; it is 6 bytes.
const TABLE_NUMBER: usize = 6;

impl Catalog {
    pub(crate) fn new(
        filter: TableFilter,
        options: EncodeOptions,
        shapes: Shapes,
        history: HistoryWriter,
    ) -> Self {
        Self {
            filter,
            options,
            shapes,
            history,
            tables: HashMap::new(),
            tags: HashMap::new(),
            encoders: Vec::new(),
            topics: TopicNames::default(),
        }
    }

    /// The plan for a table map, or nothing if the table is not captured.
    pub(crate) fn capture(
        &mut self,
        map: &TableMap<'_>,
        raw: &[u8],
        near: &BinlogPosition,
    ) -> Result<Option<CapturedTable>, Error> {
        let id = TableId::new(map.database, map.table);
        if !self.filter.captures(&id) {
            return Ok(None);
        }
        let shape = raw.get(TABLE_NUMBER..).unwrap_or_default();
        if let Some(known) = self.tables.get(&id).filter(|known| known.map == shape) {
            return Ok(Some(known.captured.clone()));
        }
        let table = Arc::new(self.shape(&id, map, near)?);
        let plan = RowPlan::compile(map, &table).map_err(|why| Error::ShapeMismatch {
            table: id.clone(),
            position: near.to_string(),
            why: why.to_string(),
        })?;
        let captured = CapturedTable {
            plan: Arc::new(plan),
            tag: self.encoder_for(&table)?,
        };
        self.tables.insert(
            id,
            Known {
                map: shape.to_vec(),
                captured: captured.clone(),
            },
        );
        Ok(Some(captured))
    }

    /// The encoder that [`CapturedTable::tag`] names.
    pub(crate) fn encoder(&mut self, tag: usize) -> Result<&mut TableEncoder, Error> {
        self.encoders
            .get_mut(tag)
            .ok_or(Error::Fault("rows of a table that was never captured"))
    }

    /// Topics named since the last call.
    pub(crate) fn take_new_topics(&mut self) -> Vec<String> {
        std::mem::take(&mut self.topics.new)
    }

    /// Follows a statement: forgets shapes that it changes, and gives the schema-history records that it makes.
    pub(crate) fn statement(
        &mut self,
        statement: &Statement<'_>,
        executed: Option<&GtidSet>,
    ) -> Result<Vec<HistoryRecord>, Error> {
        let read = self.history.read(statement)?;
        read.check_row_format(&self.filter)?;
        for change in read.changes() {
            match &change {
                Change::Table { id, .. } => self.tables.retain(|known, _| !self.shapes.is_same(known, id)),
                Change::Any { .. } => self.tables.clear(),
            }
            self.shapes.changed(change);
        }
        Ok(self.history.records(&read, executed))
    }

    /// The shape of a table: what the binlog itself says, and else what the server said.
    fn shape(&mut self, id: &TableId, map: &TableMap<'_>, near: &BinlogPosition) -> Result<Table, Error> {
        if !metadata::metadata_is_full(map) {
            return self.shapes.here_with_labels(id, near);
        }
        let mismatch = |why: String| Error::ShapeMismatch {
            table: id.clone(),
            position: near.to_string(),
            why,
        };
        let logged = metadata::table(map).map_err(|why| mismatch(why.to_string()))?;
        if !metadata::is_ambiguous(map, &logged) {
            return Ok(logged);
        }
        let told = self.shapes.here(id, near).map_err(types_unknown)?;
        metadata::completed(map, logged, &told)
            .ok_or_else(|| mismatch("the server tells of other columns than the binlog".to_owned()))
    }

    /// An encoder in the table's place: rows of an older version do not come any more.
    fn encoder_for(&mut self, table: &Table) -> Result<usize, Error> {
        let topic = self.topics.index(&self.options.topic_prefix, &table.id)?;
        let encoder = TableEncoder::compile(table, topic, &self.options);
        match self.tags.get(&table.id) {
            Some(tag) => {
                let tag = *tag;
                *self.encoder(tag)? = encoder;
                Ok(tag)
            }
            None => {
                let tag = self.encoders.len();
                self.encoders.push(encoder);
                self.tags.insert(table.id.clone(), tag);
                Ok(tag)
            }
        }
    }
}

/// The names are in the binlog: it is types that the server is asked for.
fn types_unknown(error: Error) -> Error {
    match error {
        Error::ShapeUnknown { table, position, why } => Error::TypesUnknown { table, position, why },
        other => other,
    }
}

impl TopicNames {
    fn index(&mut self, prefix: &str, table: &TableId) -> Result<TopicIndex, Error> {
        let name = topic_name(prefix, table).map_err(|why| Error::TopicName {
            table: table.clone(),
            why: why.to_string(),
        })?;
        match self.owners.get(&name) {
            Some((index, owner)) if owner == table => Ok(*index),
            Some((_, owner)) => Err(Error::TopicCollision {
                topic: name,
                first: owner.clone(),
                second: table.clone(),
            }),
            None => {
                let index = u32::try_from(self.owners.len()).map_err(|_| Error::Fault("too many topics"))?;
                self.owners
                    .insert(name.clone(), (TopicIndex(index), table.clone()));
                self.new.push(name);
                Ok(TopicIndex(index))
            }
        }
    }
}
