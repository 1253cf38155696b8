//! The schema at the place of a checkpoint, read back from the schema history.

use rowtide_binlog::schema::NameCase;
use rowtide_binlog::schema::tracked::SchemaTracker;
use rowtide_binlog::server::ServerVersion;
use rowtide_event::BinlogPosition;
use rowtide_kafka::history::{Effect, HistoryRange, StoredMessage};
use rowtide_kafka::{HistoryRecord, KafkaError, Reader};
use tracing::warn;

use super::effects::repeat;
use super::place::Place;
use crate::error::Error;
use crate::table_changes::follow_foreign;

/// What the history knows.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// All tables.
    pub(crate) tracker: SchemaTracker,
    /// The part of the topic that the next start reads, until there is more.
    pub(crate) range: Option<HistoryRange>,
    /// Whether that part begins with an image of all tables.
    pub(crate) has_image: bool,
    /// The part of the topic holds what is of a later time: it must not grow, but begin anew with an image.
    pub(crate) begins_anew: bool,
}

/// Reads the part of the history that a checkpoint names, which is `here`.
///
/// # Errors
/// If it is not there any more, or cannot be what was written.
pub(crate) fn recover(
    reader: &Reader<'_>,
    range: Option<&HistoryRange>,
    here: &Place,
    server: ServerVersion,
    name_case: NameCase,
) -> Result<Recovered, Error> {
    let Some(range) = range else {
        return Ok(Recovered::default());
    };
    let mut reading = Reading::new(reader, server, name_case);
    reading.recovered.range = Some(range.clone());
    let Some(through) = &range.through else {
        return reading.range(range);
    };
    if here.is_at_or_before(&Place::of_through(through, server.flavour)?) {
        reading.up_to(here)?;
        reading.recovered.begins_anew = true;
        return Ok(reading.recovered);
    }
    warn!(
        "the checkpoint was moved beyond what the schema history knows, up to {}:{}: tables are asked of the server",
        through.file, through.pos
    );
    Ok(Recovered::default())
}

/// What the history knows of tables at `here`, whatever belongs to a checkpoint.
///
/// # Errors
/// As [`recover`]. [`Error::SchemaNotKnown`] if the history begins behind `here`.
pub(crate) fn recover_at(
    reader: &Reader<'_>,
    here: &Place,
    server: ServerVersion,
    name_case: NameCase,
) -> Result<SchemaTracker, Error> {
    let mut reading = Reading::new(reader, server, name_case);
    reading.up_to(here)?;
    match (reading.followed, reading.first) {
        (0, Some(first)) => Err(Error::SchemaNotKnown(format!(
            "the schema history in the topic {} begins at {first}, behind {here}",
            reader.options().history_topic
        ))),
        _ => Ok(reading.recovered.tracker),
    }
}

struct Reading<'a> {
    reader: &'a Reader<'a>,
    server: ServerVersion,
    name_case: NameCase,
    recovered: Recovered,
    /// The image that is being read.
    image: Option<SchemaTracker>,
    has_whole_image: bool,
    /// Messages whose effects count.
    followed: u64,
    /// Where the first message stands.
    first: Option<BinlogPosition>,
}

impl<'a> Reading<'a> {
    fn new(reader: &'a Reader<'a>, server: ServerVersion, name_case: NameCase) -> Self {
        Self {
            reader,
            server,
            name_case,
            recovered: Recovered::default(),
            image: None,
            has_whole_image: false,
            followed: 0,
            first: None,
        }
    }

    /// Exactly this part.
    fn range(mut self, range: &HistoryRange) -> Result<Recovered, Error> {
        let end = self.reader.history_range(range, |message| {
            self.recovered.has_image |= message.effects.first() == Some(&Effect::ImageBegins);
            for effect in &message.effects {
                repeat(effect, &mut self.recovered.tracker, self.server, self.name_case)
                    .map_err(|why| corrupt(self.reader, &message, why))?;
            }
            Ok::<(), Error>(())
        })?;
        self.recovered.begins_anew = end.records_behind > 0;
        Ok(self.recovered)
    }

    /// All that tells of statements before a place. The topic may hold what is of a later time between.
    fn up_to(&mut self, here: &Place) -> Result<(), Error> {
        let all = self.reader.history(|message| {
            let record = message
                .record()
                .map_err(|why| corrupt(self.reader, &message, why.to_string()))?;
            self.first.get_or_insert_with(|| message.position.clone());
            if here.is_behind(&record.position, self.server.flavour)? {
                self.followed += 1;
                match message.is_foreign {
                    false => self.repeat(&message)?,
                    true => self.follow(&record),
                }
            }
            Ok::<(), Error>(())
        })?;
        match all.deleted_before.filter(|_| !self.has_whole_image) {
            None => Ok(()),
            Some(low) => Err(Error::Kafka(KafkaError::HistoryIncomplete {
                topic: self.reader.options().history_topic.clone(),
                problem: format!(
                    "what stood before the offset {low} is deleted, and what is left tells of all tables only behind {here}"
                ),
            })),
        }
    }

    fn follow(&mut self, record: &HistoryRecord) {
        let unclear = follow_foreign(&mut self.recovered.tracker, record, self.server, self.name_case);
        for table in unclear {
            warn!(%table, "the schema history is not Rowtide's, and its statements do not make the table that it tells of");
        }
    }

    /// An image counts once it is whole: a run may have ended inside it. What was told before it may be of a later time.
    fn repeat(&mut self, message: &StoredMessage<'_>) -> Result<(), Error> {
        for effect in &message.effects {
            match effect {
                Effect::ImageBegins => self.image = Some(SchemaTracker::new()),
                Effect::ImageEnds => {
                    if let Some(image) = self.image.take() {
                        self.recovered.tracker = image;
                        self.has_whole_image = true;
                    }
                }
                effect => {
                    for tracker in std::iter::once(&mut self.recovered.tracker).chain(&mut self.image) {
                        repeat(effect, tracker, self.server, self.name_case)
                            .map_err(|why| corrupt(self.reader, message, why))?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn corrupt(reader: &Reader<'_>, message: &StoredMessage<'_>, reason: String) -> Error {
    Error::Kafka(KafkaError::HistoryCorrupt {
        topic: reader.options().history_topic.clone(),
        offset: message.offset,
        reason,
    })
}
