//! The captured tables: how their rows are decoded, encoded and where they go.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rowtide_binlog::decoder::{CapturedTable, Statement};
use rowtide_binlog::event::TableMap;
use rowtide_binlog::row::RowPlan;
use rowtide_event::encode::{EncodeOptions, TableEncoder, TopicIndex, topic_name};
use rowtide_event::{BinlogPosition, GtidSet, Table, TableId};
use rowtide_kafka::TableTopic;
use rowtide_kafka::history::HistoryMessage;

use crate::error::Error;
use crate::filter::TableFilter;
use crate::history::HistoryWriter;
use crate::pictures::Pictures;
use crate::schema::{Schema, Touched};
use crate::schema_change::SchemaChangeRecord;
use crate::workers::UNKNOWN_TABLE;

/// Turns table maps into plans and encoders, once for each version of a table.
pub(crate) struct Catalog {
    filter: TableFilter,
    options: EncodeOptions,
    schema: Schema,
    history: HistoryWriter,
    pictures: Pictures,
    tables: HashMap<TableId, Known>,
    tags: HashMap<TableId, usize>,
    encoders: Vec<TableEncoder>,
    topics: TopicNames,
}

/// A captured table in its present version.
struct Known {
    /// The table map without the table's number, which changes without the table changing.
    shape: Vec<u8>,
    captured: CapturedTable,
}

/// The records that a statement makes.
pub(crate) struct Told {
    pub(crate) history: Vec<HistoryMessage>,
    pub(crate) schema_changes: Vec<SchemaChangeRecord>,
}

/// Topics in the order of their indexes, and which table each belongs to.
#[derive(Default)]
struct TopicNames {
    owners: HashMap<String, (TopicIndex, TableId)>,
    /// Whether tables may have one together.
    shared: bool,
    new: Vec<TableTopic>,
}

impl Catalog {
    pub(crate) fn new(
        filter: TableFilter,
        options: EncodeOptions,
        schema: Schema,
        history: HistoryWriter,
        pictures: Pictures,
    ) -> Self {
        Self {
            filter,
            options,
            schema,
            history,
            pictures,
            tables: HashMap::new(),
            tags: HashMap::new(),
            encoders: Vec::new(),
            topics: TopicNames::default(),
        }
    }

    /// Lets tables have a topic together whose names differ only in characters that Kafka does not allow: nothing is
    /// written to it.
    pub(crate) fn share_topics(&mut self) {
        self.topics.shared = true;
    }

    /// Whether the rows of a table map's table are wanted.
    pub(crate) fn is_captured(&self, map: &TableMap<'_>) -> bool {
        self.filter.captures(&TableId::new(map.database, map.table))
    }

    /// The plan for a table map, or nothing if the table is not captured.
    pub(crate) fn capture(
        &mut self,
        map: &TableMap<'_>,
        shape: &[u8],
        near: &BinlogPosition,
    ) -> Result<Option<CapturedTable>, Error> {
        let id = TableId::new(map.database, map.table);
        if !self.filter.captures(&id) {
            return Ok(None);
        }
        if let Some(known) = self.present(&id, shape) {
            return Ok(Some(known.captured.clone()));
        }
        let table = self.schema.shape(&id, map, near)?;
        if self.schema.is_sequence(map.written_by.flavour, &table) {
            return Ok(None);
        }
        let plan = RowPlan::compile(map, &table).map_err(|why| Error::ShapeMismatch {
            table: id.clone(),
            position: near.to_string(),
            why: why.to_string(),
        })?;
        let captured = CapturedTable::new(self.encoder_for(&table)?, plan);
        self.tables.insert(
            id,
            Known {
                shape: shape.to_vec(),
                captured: captured.clone(),
            },
        );
        Ok(Some(captured))
    }

    /// The encoder that [`CapturedTable::tag`] names.
    pub(crate) fn encoder(&self, tag: usize) -> Result<&TableEncoder, Error> {
        self.encoders.get(tag).ok_or(Error::Fault(UNKNOWN_TABLE))
    }

    /// The shapes of tables, by the tags of their encoders, as they are tracked.
    pub(crate) fn shapes(&self, tags: &BTreeSet<usize>) -> BTreeMap<usize, Option<Table>> {
        if tags.is_empty() {
            return BTreeMap::new();
        }
        let tables = self.tags.iter().filter(|(_, tag)| tags.contains(tag));
        tables.map(|(id, tag)| (*tag, self.schema.known(id))).collect()
    }

    /// All encoders, by the tags of their tables.
    pub(crate) fn encoders(&self) -> &[TableEncoder] {
        &self.encoders
    }

    /// Whether [`capture`](Self::capture) puts an encoder in the place of another.
    pub(crate) fn replaces(&self, map: &TableMap<'_>, shape: &[u8]) -> bool {
        let id = TableId::new(map.database, map.table);
        self.tags.contains_key(&id) && self.filter.captures(&id) && self.present(&id, shape).is_none()
    }

    /// The table as it is, if that is what a table map says.
    fn present(&self, id: &TableId, shape: &[u8]) -> Option<&Known> {
        self.tables.get(id).filter(|known| known.shape == shape)
    }

    /// Topics named since the last call.
    pub(crate) fn take_new_topics(&mut self) -> Vec<TableTopic> {
        std::mem::take(&mut self.topics.new)
    }

    /// Follows a statement: forgets shapes that it changes, and gives the records that it makes.
    pub(crate) fn statement(
        &mut self,
        statement: &Statement<'_>,
        executed: Option<&GtidSet>,
    ) -> Result<Told, Error> {
        let read = self.history.read(statement);
        read.check_row_format(&self.filter)?;
        for touched in read.touched() {
            self.forget(&touched);
        }
        let end = BinlogPosition::new(statement.context.file, statement.context.end_pos);
        let outcome = self.schema.follow(&read, &end);
        let messages = self
            .history
            .messages(&read, &outcome, self.schema.tracker(), executed);
        self.pictures.written(messages.len());
        // Rows that come with it are of what it has made, which the server may have told.
        if read.comes_with_rows() {
            self.arrive(&end);
        }
        let schema_changes = self
            .history
            .schema_changes(&read, &outcome, &messages, &self.options);
        Ok(Told {
            history: messages,
            schema_changes,
        })
    }

    fn forget(&mut self, touched: &Touched) {
        match touched {
            Touched::Table { id, .. } => self.tables.retain(|known, _| !self.schema.is_same(known, id)),
            Touched::Database { .. } | Touched::Any { .. } => self.tables.clear(),
        }
    }

    /// The stream stands at `at`, between two transactions or behind a statement: takes what the server has said of tables
    /// and holds from here on.
    pub(crate) fn arrive(&mut self, at: &BinlogPosition) {
        let learned = self.schema.arrive(at);
        self.pictures.add(learned, self.schema.tracker());
    }

    /// The stream stands at `at`, between two transactions: takes what the server has said of tables and holds from here
    /// on, and gives the next messages that tell the schema history of it, or of all tables. None once all is told.
    pub(crate) fn pictures(
        &mut self,
        at: &BinlogPosition,
        executed: Option<&GtidSet>,
    ) -> Option<Vec<HistoryMessage>> {
        self.arrive(at);
        self.pictures.next_messages(&self.history, at, executed)
    }

    /// An encoder in the table's place: rows of an older version do not come any more.
    fn encoder_for(&mut self, table: &Table) -> Result<usize, Error> {
        let topic = self.topics.index(&self.options.topic_prefix, &table.id)?;
        let encoder = TableEncoder::compile(table, topic, &self.options);
        match self.tags.get(&table.id) {
            Some(tag) => {
                let place = self.encoders.get_mut(*tag);
                *place.ok_or(Error::Fault(UNKNOWN_TABLE))? = encoder;
                Ok(*tag)
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

impl TopicNames {
    fn index(&mut self, prefix: &str, table: &TableId) -> Result<TopicIndex, Error> {
        let name = topic_name(prefix, table).map_err(|why| Error::TopicName {
            table: table.clone(),
            why: why.to_string(),
        })?;
        match self.owners.get(&name) {
            Some((index, owner)) if self.shared || owner == table => Ok(*index),
            Some((_, owner)) => Err(Error::TopicCollision {
                topic: name,
                first: owner.clone(),
                second: table.clone(),
            }),
            None => {
                let index = u32::try_from(self.owners.len()).map_err(|_| Error::Fault("too many topics"))?;
                self.owners
                    .insert(name.clone(), (TopicIndex(index), table.clone()));
                self.new.push(TableTopic {
                    topic: name.into(),
                    table: table.to_string().into(),
                });
                Ok(TopicIndex(index))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_topic_for_two_tables_only_where_nothing_is_written() {
        let tables = ["Ｔ１", "Ｔ２", "Ｔ１"].map(|table| TableId::new("shop", table));
        let mut own = TopicNames::default();
        let indexes = tables.clone().map(|table| own.index("p", &table).ok());
        assert_eq!(indexes, [Some(TopicIndex(0)), None, Some(TopicIndex(0))]);
        let mut shared = TopicNames {
            shared: true,
            ..TopicNames::default()
        };
        let other = TableId::new("shop", "t");
        let indexes = [&tables[0], &tables[1], &other, &tables[2]].map(|table| shared.index("p", table).ok());
        assert_eq!(indexes, [0, 0, 1, 0].map(|index| Some(TopicIndex(index))));
        let new: Vec<_> = shared.new.iter().map(|new| (&*new.topic, &*new.table)).collect();
        assert_eq!(new, [("p.shop.__", "shop.Ｔ１"), ("p.shop.t", "shop.t")]);
    }
}
