//! The schema at the place of a checkpoint, read back from the schema history.

use rowtide_binlog::schema::NameCase;
use rowtide_binlog::schema::tracked::SchemaTracker;
use rowtide_binlog::server::ServerVersion;
use rowtide_kafka::history::{Effect, HistoryRange, StoredMessage};
use rowtide_kafka::{HistoryRecord, KafkaError, Reader};
use tracing::warn;

use super::effects::repeat;
use super::place::Place;
use crate::error::Error;
use crate::resume::Resume;
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

/// Reads the part of the history that a checkpoint names.
///
/// # Errors
/// If it is not there any more, or cannot be what was written.
pub(crate) fn recover(
    reader: &Reader<'_>,
    range: Option<&HistoryRange>,
    resume: &Resume,
    server: ServerVersion,
    name_case: NameCase,
) -> Result<Recovered, Error> {
    let Some(range) = range else {
        return Ok(Recovered::default());
    };
    let reading = Reading {
        reader,
        server,
        name_case,
        recovered: Recovered {
            range: Some(range.clone()),
            ..Recovered::default()
        },
    };
    let Some(through) = &range.through else {
        return reading.range(range);
    };
    let here = Place::of_resume(resume);
    if here.is_at_or_before(&Place::of_through(through, server.flavour)?) {
        return reading.up_to(&here);
    }
    warn!(
        "the checkpoint was moved beyond what the schema history knows, up to {}:{}: tables are asked of the server",
        through.file, through.pos
    );
    Ok(Recovered::default())
}

struct Reading<'a> {
    reader: &'a Reader<'a>,
    server: ServerVersion,
    name_case: NameCase,
    recovered: Recovered,
}

impl Reading<'_> {
    /// Exactly this part.
    fn range(mut self, range: &HistoryRange) -> Result<Recovered, Error> {
        let end = self.reader.history_range(range, |message| {
            self.recovered.has_image |= message.effects.first() == Some(&Effect::ImageBegins);
            self.repeat(&message)
        })?;
        self.recovered.begins_anew = end.records_behind > 0;
        Ok(self.recovered)
    }

    /// All that tells of statements before a place.
    fn up_to(mut self, here: &Place) -> Result<Recovered, Error> {
        self.reader.history(|message| {
            let record = message
                .record()
                .map_err(|why| self.corrupt(&message, why.to_string()))?;
            if here.is_behind(&record.position, self.server.flavour)? {
                match message.is_foreign {
                    false => self.repeat(&message)?,
                    true => self.follow(&record),
                }
            }
            Ok::<(), Error>(())
        })?;
        self.recovered.begins_anew = true;
        Ok(self.recovered)
    }

    fn follow(&mut self, record: &HistoryRecord) {
        let unclear = follow_foreign(&mut self.recovered.tracker, record, self.server, self.name_case);
        for table in unclear {
            warn!(%table, "the schema history is not Rowtide's, and its statements do not make the table that it tells of");
        }
    }

    fn repeat(&mut self, message: &StoredMessage<'_>) -> Result<(), Error> {
        for effect in &message.effects {
            repeat(effect, &mut self.recovered.tracker, self.server, self.name_case)
                .map_err(|why| self.corrupt(message, why))?;
        }
        Ok(())
    }

    fn corrupt(&self, message: &StoredMessage<'_>, reason: String) -> Error {
        Error::Kafka(KafkaError::HistoryCorrupt {
            topic: self.reader.options().history_topic.clone(),
            offset: message.offset,
            reason,
        })
    }
}
