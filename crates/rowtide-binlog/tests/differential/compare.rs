//! Rows of two decoders side by side.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::known::Known;
use crate::rows::{Image, Row};
use crate::rowtide::{Event, TypedRow};

/// A decoder that is given the events one after another.
pub trait Peer {
    /// The rows in an event, or in the payload that it is; or why they cannot be decoded.
    fn rows(&mut self, event: &Event) -> Result<Vec<Row>, String>;

    /// How many rows it has found that it was not asked for.
    fn left_over(&self) -> usize {
        0
    }
}

/// A value, or a whole event, of which two decoders say different things.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The file, and where the event starts or which row it is.
    pub place: String,
    /// `database.table`.
    pub table: String,
    /// The type of the column; or `event`, if rows are missing or cannot be decoded; or `row`, if tables or columns differ.
    pub what: &'static str,
    pub ours: String,
    pub theirs: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |text: &str| text.chars().take(300).collect::<String>();
        let (ours, theirs) = (short(&self.ours), short(&self.theirs));
        let (place, table, what) = (&self.place, &self.table, self.what);
        write!(
            f,
            "{place} {table} {what}: Rowtide has {ours}, the other {theirs}"
        )
    }
}

/// What differs in a file, and how many values were compared.
pub fn differences(name: &str, events: &[Event], peer: &mut dyn Peer) -> (Vec<Difference>, usize) {
    let (mut differences, mut compared) = (Vec::new(), 0);
    for (number, event) in events.iter().enumerate() {
        let place = format!("{name} event {number}");
        let theirs = catch_unwind(AssertUnwindSafe(|| peer.rows(event)));
        let theirs = theirs.unwrap_or_else(|_| Err("panic".to_owned()));
        let error = match theirs {
            Ok(theirs) if theirs.len() == event.rows.len() => {
                for (ours, theirs) in event.rows.iter().zip(&theirs) {
                    compared += row(&place, ours, theirs, &mut differences);
                }
                continue;
            }
            Ok(theirs) => format!("{} rows", theirs.len()),
            Err(error) => error,
        };
        let payload = if event.is_payload() { "payload with " } else { "" };
        let first = event.rows.first();
        differences.push(Difference {
            place,
            table: first.map(|first| first.row.table.clone()).unwrap_or_default(),
            what: "event",
            ours: format!(
                "{payload}{} rows of {}",
                event.rows.len(),
                event.header.event_type.name()
            ),
            theirs: error,
        });
    }
    (differences, compared)
}

/// Compares a row; says how many values were compared.
fn row(place: &str, ours: &TypedRow, theirs: &Row, differences: &mut Vec<Difference>) -> usize {
    let theirs = completed(theirs);
    let mut differ = |what, ours_text: &str, theirs_text: &str| {
        differences.push(Difference {
            place: place.to_owned(),
            table: ours.row.table.clone(),
            what,
            ours: ours_text.to_owned(),
            theirs: theirs_text.to_owned(),
        });
    };
    let (our_shape, their_shape) = (shape(&ours.row), shape(&theirs));
    if our_shape != their_shape {
        differ("row", &our_shape, &their_shape);
        return 0;
    }
    let mut compared = 0;
    let images = [
        (&ours.row.before, &theirs.before),
        (&ours.row.after, &theirs.after),
    ];
    for (our_image, their_image) in images {
        let values = our_image.iter().flatten().zip(their_image.iter().flatten());
        for ((at, our_value), (_, their_value)) in values {
            compared += 1;
            if our_value != their_value {
                differ(ours.types[*at], our_value, their_value);
            }
        }
    }
    compared
}

/// With the values that an update leaves out of the row after since they are as before: Rowtide puts them there.
fn completed(row: &Row) -> Row {
    let mut row = row.clone();
    if let (Some(before), Some(after)) = (&row.before, &mut row.after) {
        for (at, value) in before {
            after.entry(*at).or_insert_with(|| value.clone());
        }
    }
    row
}

/// The table, and which columns are logged.
fn shape(row: &Row) -> String {
    let places = |image: &Option<Image>| {
        image
            .as_ref()
            .map(|image| image.keys().copied().collect::<Vec<_>>())
    };
    format!("{} {:?} {:?}", row.table, places(&row.before), places(&row.after))
}

/// Fails for a difference that is not listed, and for one listed that there is not.
pub fn assert_known(found: &[Difference], known: &[Known]) {
    let mut occurred = vec![0; known.len()];
    let mut unknown = Vec::new();
    for difference in found {
        match known.iter().position(|known| known.covers(difference)) {
            Some(at) => occurred[at] += 1,
            None => unknown.push(difference.to_string()),
        }
    }
    for (known, occurred) in known.iter().zip(occurred) {
        if occurred == 0 {
            unknown.push(format!("is listed and does not occur: {known}"));
        }
    }
    assert!(
        unknown.is_empty(),
        "{} surprises:\n{}",
        unknown.len(),
        unknown.join("\n")
    );
}
