//! Shapes of tables that the binlog itself does not tell: asked of the server.

use std::collections::{HashMap, HashSet, VecDeque};

use rowtide_binlog::client::{Client, ClientError};
use rowtide_binlog::schema::{NameCase, information_schema};
use rowtide_binlog::server::{self, ServerInfo};
use rowtide_event::{BinlogPosition, Table, TableId};

use crate::backlog::Found;
use crate::error::Error;
use crate::filter::TableFilter;
use crate::pipeline::CaptureSettings;
use crate::resume::{ResumeRefused, is_before};

/// Tables to ask for at once: enough that round trips do not count, few enough to keep the answer small.
const TABLES_A_QUERY: usize = 500;

/// What the server says about its tables: which are captured, and as they were when it was asked, where the binlog does
/// not carry their shapes.
pub(crate) struct Shapes {
    names: HashSet<TableId>,
    name_case: NameCase,
    asked: Option<Asked>,
    /// Tables that a statement has changed since the server was asked, and what it was. By folded names.
    changed: HashMap<TableId, String>,
    all_changed: Option<String>,
}

/// Shapes of tables. All names are folded.
#[derive(Default)]
struct Told {
    shapes: HashMap<TableId, Table>,
    /// Those of which the server cannot tell all labels of ENUM and SET.
    doubtful: HashSet<TableId>,
}

/// The server's answer.
struct Asked {
    tables: Told,
    /// The end of the binlog before and after the server was asked.
    before: BinlogPosition,
    after: BinlogPosition,
    /// Statements on the way from the start to `after`, in order: the answer holds behind the last that changes a table.
    to_come: VecDeque<Change>,
}

/// What a statement changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A table.
    Table {
        /// Which.
        id: TableId,
        /// What kind of statement it is.
        verb: String,
    },
    /// Nobody knows which.
    Any {
        /// What kind of statement it is.
        verb: String,
    },
}

impl Change {
    fn verb(&self) -> &str {
        match self {
            Self::Table { verb, .. } | Self::Any { verb } => verb,
        }
    }

    fn table(&self) -> Option<&TableId> {
        match self {
            Self::Table { id, .. } => Some(id),
            Self::Any { .. } => None,
        }
    }
}

impl Shapes {
    /// Reads the names of all captured tables, and their shapes unless the binlog carries them.
    pub(crate) async fn read(
        client: &mut Client,
        info: &ServerInfo,
        settings: &CaptureSettings,
        before: &BinlogPosition,
    ) -> Result<Self, Error> {
        let names = captured_names(client, &settings.tables).await?;
        let mut shapes = Self {
            names,
            name_case: NameCase::of(info.lower_case_table_names),
            asked: None,
            changed: HashMap::new(),
            all_changed: None,
        };
        if !info.logs_shapes() {
            let ids: Vec<TableId> = shapes.names.iter().cloned().collect();
            let tables = shapes.ask(client, &ids).await?;
            shapes.asked = Some(Asked {
                tables,
                before: before.clone(),
                after: end_of_binlog(client).await?,
                to_come: VecDeque::new(),
            });
        }
        Ok(shapes)
    }

    async fn ask(&self, client: &mut Client, ids: &[TableId]) -> Result<Told, Error> {
        let mut told = Told::default();
        for some in ids.chunks(TABLES_A_QUERY) {
            let (shapes, doubtful) = ask(client, some).await?;
            let folded = |id: &TableId| self.name_case.folded_table(id);
            told.shapes
                .extend(shapes.into_iter().map(|table| (folded(&table.id), table)));
            told.doubtful.extend(doubtful.iter().map(folded));
        }
        Ok(told)
    }

    /// The end of the binlog after the server was asked, if it was: what the statements before it change must be
    /// [told](Self::expect).
    pub(crate) fn asked_at(&self) -> Option<&BinlogPosition> {
        self.asked.as_ref().map(|asked| &asked.after)
    }

    /// Takes the statements between the start and [`asked_at`](Self::asked_at), and makes sure that the answer is one of
    /// after them: the server writes a statement to its binlog a moment before its own dictionary has it.
    pub(crate) async fn expect(&mut self, found: Vec<Found>, client: &mut Client) -> Result<(), Error> {
        let changed: Vec<TableId> = self.names_changed(&found).cloned().collect();
        for id in &changed {
            // It waits for the end of that moment. A table that is gone has no shape.
            match client.query(&information_schema::access_query(id)).await {
                Ok(_) | Err(ClientError::Server(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let now = self.ask(client, &changed).await?;
        self.take(found);
        for id in changed {
            let folded = self.name_case.folded_table(&id);
            let then = self
                .asked
                .as_ref()
                .and_then(|asked| asked.tables.shapes.get(&folded));
            if then != now.shapes.get(&folded) {
                let verb = "a statement that was being executed".to_owned();
                self.changed_for_good(Change::Table { id, verb });
            }
        }
        Ok(())
    }

    fn names_changed(&self, found: &[Found]) -> impl Iterator<Item = &TableId> {
        let any = found.iter().any(|f| matches!(f.change, Change::Any { .. }));
        let changed: HashSet<TableId> = found
            .iter()
            .filter_map(|f| f.change.table())
            .map(|id| self.name_case.folded_table(id))
            .collect();
        self.names
            .iter()
            .filter(move |id| any || changed.contains(&self.name_case.folded_table(id)))
    }

    fn take(&mut self, found: Vec<Found>) {
        let Some(asked) = &mut self.asked else { return };
        let before = asked.before.clone();
        asked.to_come = found.iter().map(|found| found.change.clone()).collect();
        // While the server answered: nobody knows whether it was before or after such a statement.
        for found in found.into_iter().filter(|found| is_before(&before, &found.end)) {
            self.changed_for_good(found.change);
        }
    }

    /// The captured tables that the account saw at the start.
    pub(crate) fn names(&self) -> &HashSet<TableId> {
        &self.names
    }

    /// Whether the server had the table at the start.
    pub(crate) fn exists(&self, id: &TableId) -> bool {
        self.names.contains(id)
    }

    /// The shape as the server told it, if that holds at this place of the stream.
    pub(crate) fn here(&self, id: &TableId, near: &BinlogPosition) -> Result<Table, Error> {
        let unknown = |why: String| Error::ShapeUnknown {
            table: id.clone(),
            position: near.to_string(),
            why,
        };
        let folded = self.name_case.folded_table(id);
        if let Some(verb) = self.changed.get(&folded).or(self.all_changed.as_ref()) {
            return Err(Error::ShapeStale {
                table: id.clone(),
                position: near.to_string(),
                verb: verb.clone(),
            });
        }
        let to_come = self.asked.iter().flat_map(|asked| &asked.to_come);
        let mut later = to_come.filter(|change| match change {
            Change::Table { id: changed, .. } => self.name_case.folded_table(changed) == folded,
            Change::Any { .. } => true,
        });
        if let Some(change) = later.next() {
            return Err(unknown(format!(
                "{} changes it further on in the binlog, what it was before is told nowhere, and its table map does \
                 not tell it either",
                change.verb()
            )));
        }
        let tables = self.asked.as_ref().map(|asked| &asked.tables);
        tables
            .and_then(|told| told.shapes.get(&folded))
            .cloned()
            .ok_or_else(|| {
                unknown("it did not exist at the start, and its table map does not tell it".to_owned())
            })
    }

    /// As [`here`](Self::here), with all labels of ENUM and SET.
    pub(crate) fn here_with_labels(&self, id: &TableId, near: &BinlogPosition) -> Result<Table, Error> {
        let folded = self.name_case.folded_table(id);
        let doubtful = self.asked.as_ref().map(|asked| &asked.tables.doubtful);
        if doubtful.is_some_and(|tables| tables.contains(&folded)) {
            return Err(Error::ShapeUnknown {
                table: id.clone(),
                position: near.to_string(),
                why: "a label of an ENUM or SET has a question mark, which the server also shows in place of characters \
                      such as emoji"
                    .to_owned(),
            });
        }
        self.here(id, near)
    }

    /// Whether the server takes both names for one table's.
    pub(crate) fn is_same(&self, a: &TableId, b: &TableId) -> bool {
        self.name_case.folded_table(a) == self.name_case.folded_table(b)
    }

    /// The stream has come to a statement that changes tables.
    pub(crate) fn changed(&mut self, change: Change) {
        let to_come = self.asked.as_mut().map(|asked| &mut asked.to_come);
        match to_come {
            Some(to_come) if to_come.front() == Some(&change) => {
                to_come.pop_front();
            }
            _ => self.changed_for_good(change),
        }
    }

    fn changed_for_good(&mut self, change: Change) {
        match change {
            Change::Table { id, verb } => {
                self.changed.insert(self.name_case.folded_table(&id), verb);
            }
            Change::Any { verb } => self.all_changed = Some(verb),
        }
    }
}

async fn end_of_binlog(client: &mut Client) -> Result<BinlogPosition, Error> {
    let status = server::binlog_status(client).await?;
    Ok(status.ok_or(ResumeRefused::NoFiles)?.position)
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

/// Asks the server for some tables, and which of them have doubtful labels; those that are gone are left out.
async fn ask(client: &mut Client, ids: &[TableId]) -> Result<(Vec<Table>, Vec<TableId>), Error> {
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
    Ok((tables, information_schema::doubtful_labels(&columns)))
}

/// Asks the server for one table, whose keys then come in the server's order.
async fn ask_alone(client: &mut Client, id: &TableId) -> Result<Option<Table>, Error> {
    let columns = client.query(&information_schema::columns_query(id)).await?.rows;
    let keys = client.query(&information_schema::keys_query(id)).await?.rows;
    information_schema::table(id, &columns, &keys).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> TableId {
        TableId::new("shop", "t")
    }

    fn change(verb: &str) -> Change {
        Change::Table {
            id: id(),
            verb: verb.to_owned(),
        }
    }

    fn found(verb: &str, pos: u64) -> Found {
        Found {
            change: change(verb),
            end: at(pos),
        }
    }

    fn at(pos: u64) -> BinlogPosition {
        BinlogPosition::new("b.1", pos)
    }

    /// Shapes of one table, for which the server was asked between 500 and 600.
    fn shapes() -> Shapes {
        let table = Table {
            id: id(),
            columns: vec![],
            key: vec![],
        };
        Shapes {
            names: HashSet::new(),
            name_case: NameCase::of(0),
            asked: Some(Asked {
                tables: Told {
                    shapes: HashMap::from([(id(), table)]),
                    doubtful: HashSet::new(),
                },
                before: at(500),
                after: at(600),
                to_come: VecDeque::new(),
            }),
            changed: HashMap::new(),
            all_changed: None,
        }
    }

    fn why(shapes: &Shapes) -> Option<String> {
        shapes.here(&id(), &at(4)).err().map(|error| error.to_string())
    }

    #[test]
    fn doubtful_labels_are_not_passed_on() {
        let mut shapes = shapes();
        assert!(shapes.here_with_labels(&id(), &at(4)).is_ok());
        if let Some(asked) = &mut shapes.asked {
            asked.tables.doubtful.insert(id());
        }
        let why = shapes.here_with_labels(&id(), &at(4)).unwrap_err().to_string();
        assert!(why.contains("question mark"), "{why}");
        assert!(shapes.here(&id(), &at(4)).is_ok());
    }

    #[test]
    fn an_answer_holds_behind_the_last_statement_before_it() {
        let mut shapes = shapes();
        shapes.take(vec![found("ALTER TABLE", 100), found("RENAME TABLE", 200)]);
        assert!(
            why(&shapes)
                .unwrap()
                .contains("ALTER TABLE changes it further on")
        );
        shapes.changed(change("ALTER TABLE"));
        assert!(
            why(&shapes)
                .unwrap()
                .contains("RENAME TABLE changes it further on")
        );
        shapes.changed(change("RENAME TABLE"));
        assert_eq!(why(&shapes), None);
        shapes.changed(change("ALTER TABLE"));
        assert!(why(&shapes).unwrap().contains("ALTER TABLE has changed it since"));
    }

    #[test]
    fn a_statement_while_the_server_answered_leaves_the_answer_open() {
        let mut shapes = shapes();
        shapes.take(vec![found("ALTER TABLE", 550)]);
        shapes.changed(change("ALTER TABLE"));
        assert!(why(&shapes).unwrap().contains("ALTER TABLE has changed it since"));
    }

    #[test]
    fn a_statement_that_nobody_understands_may_change_every_table() {
        let mut shapes = shapes();
        let any = Change::Any { verb: "FROB".into() };
        shapes.take(vec![Found {
            change: any.clone(),
            end: at(100),
        }]);
        assert!(why(&shapes).unwrap().contains("FROB changes it further on"));
        shapes.changed(any);
        assert_eq!(why(&shapes), None);
    }
}
