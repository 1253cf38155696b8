//! What the server says of tables that are not known where the stream begins.
//!
//! It says what they are at the end of its binlog. For what was logged before a statement that changes a table, that
//! answer is wrong: it is taken where the stream has passed the last such statement.

use std::collections::{HashMap, HashSet, VecDeque};

use rowtide_binlog::client::{Client, ClientError, SourceOptions};
use rowtide_binlog::schema::definitions::{self, Definition};
use rowtide_binlog::schema::tracked::Collation;
use rowtide_binlog::schema::{NameCase, information_schema};
use rowtide_binlog::server::{self, ServerInfo};
use rowtide_event::{BinlogPosition, TableId};

use super::Touched;
use crate::error::Error;
use crate::filter::TableFilter;
use crate::resume::{ResumeRefused, is_before};

/// The server's answer. All names are folded.
#[derive(Debug)]
pub(crate) struct Seeds {
    databases: HashMap<String, Collation>,
    tables: HashMap<TableId, Answer>,
    views: HashSet<TableId>,
    /// The end of the binlog before and after the server was asked.
    before: BinlogPosition,
    after: BinlogPosition,
    /// Statements between the stream and `after`; none if they were not looked for.
    to_come: Option<ToCome>,
    reached: bool,
    /// Something became due since it was last fetched.
    due: bool,
}

/// Statements that are still to come, in order.
#[derive(Debug, Default)]
struct ToCome {
    statements: VecDeque<Touched>,
    /// How many of them touch a table or database.
    tables: HashMap<TableId, usize>,
    databases: HashMap<String, usize>,
    any: usize,
}

/// Why an answer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhyNot<'a> {
    /// Nobody looked for statements that are still to come.
    NotLooked,
    /// A statement of this kind, which changes the table, is still to come.
    ToCome(&'a str),
    /// The server's answer tells nothing.
    Refused(&'a str),
}

impl Seeds {
    /// Asks the server for tables, and for all databases. It has told of `views` behind `before`.
    pub(crate) async fn ask(
        client: &mut Client,
        source: &SourceOptions,
        info: &ServerInfo,
        tables: &[TableId],
        views: HashSet<TableId>,
        before: &BinlogPosition,
    ) -> Result<Self, Error> {
        let name_case = NameCase::of(info.lower_case_table_names);
        let tables = definitions_of(client, source, info, tables).await?;
        let databases = client.query(definitions::DATABASES).await?.rows;
        let known = databases.iter().filter_map(|row| definitions::database(row));
        Ok(Self {
            databases: known
                .filter_map(|(name, collation)| Some((name_case.folded(&name), collation?)))
                .collect(),
            tables,
            views,
            before: before.clone(),
            after: end_of_binlog(client).await?,
            to_come: None,
            reached: false,
            due: false,
        })
    }

    /// The end of the binlog after the server was asked: what the statements before it touch may be
    /// [told](Self::expect).
    pub(crate) fn after(&self) -> &BinlogPosition {
        &self.after
    }

    /// Takes the statements between the start and [`after`](Self::after), so that answers can be taken before that.
    pub(crate) fn expect(&mut self, found: Vec<Touched>) {
        let mut to_come = ToCome::default();
        for touched in found {
            to_come.add(touched);
        }
        self.to_come = Some(to_come);
        self.due = true;
    }

    /// The stream has come to a statement. Whether the answer is known to be one of after it.
    pub(super) fn pass(&mut self, touched: &Touched, end: &BinlogPosition) -> bool {
        if let Some(to_come) = &mut self.to_come {
            self.due |= to_come.pass(touched);
        }
        // While the server answered, or later: nobody knows whether the answer was before or after it.
        let foreseen = !is_before(&self.before, end);
        if !foreseen {
            self.tables.retain(|id, _| !touched.touches(id));
            self.views
                .retain(|id| makes_table(touched) || !touched.touches(id));
            if let Touched::Database { name, .. } = touched {
                self.databases.remove(name);
            }
        }
        foreseen
    }

    /// The stream begins behind everything that the server had when it was asked.
    pub(crate) fn reach(&mut self) {
        self.reached = true;
        self.due = true;
        self.to_come = Some(ToCome::default());
    }

    /// Whether there are answers to take at `place`.
    pub(super) fn is_due(&mut self, place: &BinlogPosition) -> bool {
        if !self.reached && !is_before(place, &self.after) {
            self.reach();
        }
        std::mem::take(&mut self.due)
    }

    /// Databases of which the answer holds from here on.
    pub(super) fn databases_due(&mut self) -> Vec<(String, Collation)> {
        let Some(to_come) = &self.to_come else {
            return Vec::new();
        };
        let due = |name: &str| !to_come.databases.contains_key(name);
        self.databases.extract_if(|name, _| due(name)).collect()
    }

    /// Tables of which the answer holds from here on, in the order of their names.
    pub(super) fn tables_due(&mut self) -> Vec<Definition> {
        let Some(to_come) = &self.to_come else {
            return Vec::new();
        };
        let is_due = |id: &TableId| !to_come.touches(id);
        let due = self.tables.extract_if(|id, answer| answer.is_ok() && is_due(id));
        let mut due: Vec<Definition> = due.filter_map(|(_, answer)| answer.ok()).collect();
        due.sort_by(|a, b| a.table.id.cmp(&b.table.id));
        due
    }

    /// Views that are there from here on.
    pub(super) fn views_due(&mut self) -> Vec<TableId> {
        let Some(to_come) = &self.to_come else {
            return Vec::new();
        };
        let mut due: Vec<TableId> = self.views.extract_if(|id| !to_come.changes_view(id)).collect();
        due.sort();
        due
    }

    /// Whether the answer for a table is still to be taken, and leaves labels of ENUM and SET open.
    pub(super) fn awaits_labels(&self, id: &TableId) -> bool {
        let answer = self.tables.get(id).and_then(|answer| answer.as_ref().ok());
        answer.is_some_and(|told| told.labels_are_doubtful)
    }

    /// Whether the server has told of a table, and its answer is still to be taken.
    pub(super) fn awaits(&self, id: &TableId) -> bool {
        self.tables.contains_key(id)
    }

    /// Why nothing was learned of a table; none if the server did not tell of it.
    pub(super) fn why_not(&self, id: &TableId) -> Option<WhyNot<'_>> {
        let answer = self.tables.get(id)?;
        match (answer, &self.to_come) {
            (Err(why), _) => Some(WhyNot::Refused(why)),
            (Ok(_), None) => Some(WhyNot::NotLooked),
            (Ok(_), Some(to_come)) => to_come.first(id).map(WhyNot::ToCome),
        }
    }
}

impl ToCome {
    fn add(&mut self, touched: Touched) {
        match &touched {
            Touched::Table { id, .. } => *self.tables.entry(id.clone()).or_default() += 1,
            Touched::Database { name, .. } => *self.databases.entry(name.clone()).or_default() += 1,
            Touched::Any { .. } => self.any += 1,
        }
        self.statements.push_back(touched);
    }

    /// Whether nothing more is to come for something.
    fn pass(&mut self, touched: &Touched) -> bool {
        if self.statements.front() != Some(touched) {
            return false;
        }
        self.statements.pop_front();
        match touched {
            Touched::Table { id, .. } => count_down(&mut self.tables, id),
            Touched::Database { name, .. } => count_down(&mut self.databases, name),
            Touched::Any { .. } => {
                self.any = self.any.saturating_sub(1);
                self.any == 0
            }
        }
    }

    /// What kind of statement is the first that touches a table.
    fn first(&self, id: &TableId) -> Option<&str> {
        let in_database = |touched: &&Touched| match touched {
            Touched::Database { name, .. } => *name == id.database,
            touched => touched.touches(id),
        };
        self.statements.iter().find(in_database).map(Touched::verb)
    }

    /// Whether what is a view at the end may not be one before. Where nothing but CREATE TABLE is to come for its name, that
    /// is one with IF NOT EXISTS, which finds the view: a table would have to go before there is a view.
    fn changes_view(&self, id: &TableId) -> bool {
        let changes = |touched: &Touched| touched.touches(id) && !makes_table(touched);
        self.any > 0
            || self.databases.contains_key(&id.database)
            || (self.tables.contains_key(id) && self.statements.iter().any(changes))
    }

    fn touches(&self, id: &TableId) -> bool {
        self.any > 0 || self.tables.contains_key(id) || self.databases.contains_key(&id.database)
    }
}

fn makes_table(touched: &Touched) -> bool {
    touched.verb() == "CREATE TABLE"
}

/// Whether it was the last.
fn count_down<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) -> bool {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => {
            *count -= 1;
            false
        }
        _ => counts.remove(key).is_some(),
    }
}

/// What the server says of tables, by their folded names; nothing of those that are gone. It takes longer to answer than
/// to be asked: of many tables it is asked by several connections.
pub(crate) async fn definitions_of(
    client: &mut Client,
    source: &SourceOptions,
    info: &ServerInfo,
    tables: &[TableId],
) -> Result<HashMap<TableId, Answer>, Error> {
    let mut others = Vec::new();
    while others.len() < OTHERS && others.len() < tables.len() / WORTH_ANOTHER {
        // One may be all that the account is allowed.
        let Ok(other) = Client::connect(source).await else {
            break;
        };
        others.push(other);
    }
    let mut clients: Vec<&mut Client> = std::iter::once(client).chain(&mut others).collect();
    let told = answers_of_several(&mut clients, info, tables).await?;
    for other in others {
        other.close().await;
    }
    Ok(told.into_iter().collect())
}

/// What the server says of a table, or why that tells nothing.
pub(crate) type Answer = Result<Definition, String>;

/// Connections beside the first.
const OTHERS: usize = 3;
/// For so many tables another connection is worth while.
const WORTH_ANOTHER: usize = 500;

/// Asks for an equal part of the tables by each connection, at the same time.
async fn answers_of_several(
    clients: &mut [&mut Client],
    info: &ServerInfo,
    tables: &[TableId],
) -> Result<Vec<(TableId, Answer)>, Error> {
    let parts = clients.len();
    let Some((client, others)) = clients.split_first_mut() else {
        return Ok(Vec::new());
    };
    let (own, rest) = tables.split_at(tables.len() / parts);
    let (mut told, of_others) = tokio::try_join!(
        answers(client, info, own),
        Box::pin(answers_of_several(others, info, rest))
    )?;
    told.extend(of_others);
    Ok(told)
}

async fn answers(
    client: &mut Client,
    info: &ServerInfo,
    tables: &[TableId],
) -> Result<Vec<(TableId, Answer)>, Error> {
    let name_case = NameCase::of(info.lower_case_table_names);
    client.query(definitions::SESSION).await?;
    let mut told = Vec::with_capacity(tables.len());
    for id in tables {
        if let Some(answer) = ask(client, id, info, name_case).await? {
            told.push((name_case.folded_table(id), answer));
        }
    }
    Ok(told)
}

/// Asks for one table; nothing if it is gone.
async fn ask(
    client: &mut Client,
    id: &TableId,
    info: &ServerInfo,
    name_case: NameCase,
) -> Result<Option<Answer>, Error> {
    let answer = match client.query(&definitions::query(id)).await {
        Ok(answer) => answer,
        Err(ClientError::Server(error)) if IS_GONE.contains(&error.code) => return Ok(None),
        Err(ClientError::Server(error)) => return Ok(Some(Err(format!("SHOW CREATE TABLE says: {error}")))),
        Err(error) => return Err(error.into()),
    };
    let row = answer.rows.first().map_or(&[][..], Vec::as_slice);
    let table = definitions::table(id, row, info.version, name_case);
    Ok(Some(table.map_err(|why| why.to_string())))
}

/// `ER_NO_SUCH_TABLE`, `ER_BAD_DB_ERROR`
const IS_GONE: [u16; 2] = [1146, 1049];

/// Where the binlog ends.
pub(crate) async fn end_of_binlog(client: &mut Client) -> Result<BinlogPosition, Error> {
    let status = server::binlog_status(client).await?;
    Ok(status.ok_or(ResumeRefused::NoFiles)?.position)
}

/// What the account sees on the server.
pub(crate) struct Names {
    /// The tables that the filter captures.
    pub(crate) captured: HashSet<TableId>,
    /// All views.
    pub(crate) views: HashSet<TableId>,
}

impl Names {
    pub(crate) async fn ask(client: &mut Client, filter: &TableFilter) -> Result<Self, Error> {
        let rows = client.query(information_schema::TABLES).await?.rows;
        let read = |names: Result<Vec<TableId>, information_schema::Unreadable>| {
            names.map_err(|why| {
                Error::SourceUnfit(vec![format!("information_schema cannot be understood: {why}")])
            })
        };
        let mut captured = read(information_schema::table_names(&rows))?;
        captured.retain(|id| filter.captures(id));
        Ok(Self {
            captured: captured.into_iter().collect(),
            views: read(information_schema::view_names(&rows))?.into_iter().collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(pos: u64) -> BinlogPosition {
        BinlogPosition::new("b.1", pos)
    }

    fn id(table: &str) -> TableId {
        TableId::new("shop", table)
    }

    fn touched(table: &str, verb: &str) -> Touched {
        Touched::Table {
            id: id(table),
            verb: verb.to_owned(),
        }
    }

    /// The answer of a server that was asked for two tables between 500 and 600.
    fn seeds() -> Seeds {
        let table = |name: &str| {
            let sql = format!("CREATE TABLE {name} (id INT) CHARSET=latin1");
            let server = "9.7.4".parse().unwrap();
            let table = definitions::read(&id(name), &sql, server, NameCase::Matters).unwrap();
            let labels_are_doubtful = false;
            (
                id(name),
                Ok(Definition {
                    table,
                    labels_are_doubtful,
                }),
            )
        };
        Seeds {
            databases: HashMap::from([("shop".to_owned(), Collation::from_name("latin1_bin").unwrap())]),
            tables: HashMap::from([table("t"), table("u")]),
            views: HashSet::from([id("v"), id("w")]),
            before: at(500),
            after: at(600),
            to_come: None,
            reached: false,
            due: false,
        }
    }

    fn due(seeds: &mut Seeds, place: u64) -> Vec<String> {
        if !seeds.is_due(&at(place)) {
            return Vec::new();
        }
        let tables = seeds.tables_due().into_iter();
        tables.map(|told| told.table.id.table.clone()).collect()
    }

    #[test]
    fn an_answer_holds_at_the_end_of_what_the_server_had() {
        let mut seeds = seeds();
        assert_eq!(due(&mut seeds, 599), [""; 0]);
        assert_eq!(seeds.why_not(&id("t")), Some(WhyNot::NotLooked));
        assert_eq!(due(&mut seeds, 600), ["t", "u"]);
        assert_eq!(due(&mut seeds, 700), [""; 0]);
        assert_eq!(seeds.why_not(&id("t")), None);
    }

    #[test]
    fn with_a_look_ahead_it_holds_behind_the_last_statement() {
        let mut seeds = seeds();
        seeds.expect(vec![touched("t", "ALTER TABLE"), touched("t", "RENAME TABLE")]);
        assert_eq!(due(&mut seeds, 4), ["u"]);
        assert_eq!(seeds.why_not(&id("t")), Some(WhyNot::ToCome("ALTER TABLE")));
        assert!(seeds.pass(&touched("t", "ALTER TABLE"), &at(100)));
        assert_eq!(due(&mut seeds, 100), [""; 0]);
        assert_eq!(seeds.why_not(&id("t")), Some(WhyNot::ToCome("RENAME TABLE")));
        assert!(seeds.pass(&touched("t", "RENAME TABLE"), &at(200)));
        assert_eq!(due(&mut seeds, 200), ["t"]);
    }

    fn views_due(seeds: &mut Seeds, place: u64) -> Vec<String> {
        match seeds.is_due(&at(place)) {
            true => seeds.views_due().into_iter().map(|id| id.table).collect(),
            false => Vec::new(),
        }
    }

    #[test]
    fn a_view_is_there_before_a_statement_that_finds_it() {
        let mut told = seeds();
        assert_eq!(views_due(&mut told, 599), [""; 0]);
        assert_eq!(views_due(&mut told, 600), ["v", "w"]);
        let mut told = seeds();
        told.expect(vec![
            touched("v", "CREATE TABLE"),
            touched("w", "CREATE TABLE"),
            touched("w", "DROP TABLE"),
        ]);
        assert_eq!(views_due(&mut told, 4), ["v"]);
        assert!(told.pass(&touched("v", "CREATE TABLE"), &at(100)));
        assert!(told.pass(&touched("w", "CREATE TABLE"), &at(200)));
        assert!(told.pass(&touched("w", "DROP TABLE"), &at(300)));
        assert_eq!(views_due(&mut told, 300), ["w"]);
        let mut told = seeds();
        told.pass(&touched("v", "CREATE TABLE"), &at(550));
        told.pass(&touched("w", "DROP VIEW"), &at(560));
        assert_eq!(views_due(&mut told, 600), ["v"]);
    }

    #[test]
    fn a_statement_while_the_server_answered_leaves_the_answer_open() {
        let mut seeds = seeds();
        seeds.expect(vec![touched("t", "ALTER TABLE")]);
        assert!(!seeds.pass(&touched("t", "ALTER TABLE"), &at(550)));
        assert_eq!(due(&mut seeds, 600), ["u"]);
        assert_eq!(seeds.why_not(&id("t")), None);
    }

    #[test]
    fn a_statement_that_nobody_knows_may_touch_everything() {
        let any = || Touched::Any { verb: "FROB".into() };
        let mut seeds = seeds();
        seeds.expect(vec![any()]);
        assert_eq!(due(&mut seeds, 4), [""; 0]);
        assert_eq!(seeds.why_not(&id("u")), Some(WhyNot::ToCome("FROB")));
        assert!(seeds.pass(&any(), &at(100)));
        assert_eq!(due(&mut seeds, 100), ["t", "u"]);
    }

    #[test]
    fn a_statement_about_a_database_touches_what_is_in_it() {
        let drop = || Touched::Database {
            name: "shop".into(),
            verb: "DROP DATABASE".into(),
        };
        let mut seeds = seeds();
        seeds.expect(vec![drop()]);
        assert_eq!(due(&mut seeds, 4), [""; 0]);
        assert!(seeds.databases_due().is_empty());
        assert_eq!(seeds.why_not(&id("u")), Some(WhyNot::ToCome("DROP DATABASE")));
        assert!(seeds.pass(&drop(), &at(100)));
        assert_eq!(seeds.databases_due().len(), 1);
        assert_eq!(due(&mut seeds, 100), ["t", "u"]);
    }

    #[test]
    fn what_the_server_does_not_tell_has_a_reason() {
        let mut seeds = seeds();
        seeds.tables.insert(id("v"), Err("denied".into()));
        assert_eq!(due(&mut seeds, 600), ["t", "u"]);
        assert_eq!(seeds.why_not(&id("v")), Some(WhyNot::Refused("denied")));
    }
}
