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
        let theirs = theirs.unwrap_or_else(|_| Err(panic_at(event)));
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

/// A panic, and whether the event has what decoders are known to panic at.
fn panic_at(event: &Event) -> String {
    let is_below_zero = |row: &TypedRow, image: &Option<Image>| {
        let mut values = image.iter().flatten();
        values
            .any(|(at, text)| row.types[*at] == "TIME" && text.starts_with('-') && !text.ends_with(".000000"))
    };
    let mut rows = event.rows.iter();
    match rows.any(|row| is_below_zero(row, &row.row.before) || is_below_zero(row, &row.row.after)) {
        true => PANIC_AT_TIME_BELOW_ZERO.to_owned(),
        false => "panic".to_owned(),
    }
}

/// What is said of a panic at rows one of which has a TIME below zero with digits of a second.
pub const PANIC_AT_TIME_BELOW_ZERO: &str = "panic at a TIME below zero with digits of a second";

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

/// Fails for a difference that is not listed.
pub fn assert_none_unknown(found: &[Difference], known: &[Known]) {
    let (unknown, occurred) = sorted(found, known);
    for (known, occurred) in known.iter().zip(occurred) {
        println!("{occurred} times {known}");
    }
    assert_empty(&unknown);
}

/// Fails for a difference that is not listed, and for one listed that there is not.
pub fn assert_known(found: &[Difference], known: &[Known]) {
    let (mut unknown, occurred) = sorted(found, known);
    for (known, occurred) in known.iter().zip(occurred) {
        if occurred == 0 {
            unknown.push(format!("is listed and does not occur: {known}"));
        }
    }
    assert_empty(&unknown);
}

/// The differences that are not listed, and how often each of the listed ones occurs.
fn sorted(found: &[Difference], known: &[Known]) -> (Vec<String>, Vec<usize>) {
    let mut occurred = vec![0; known.len()];
    let mut unknown = Vec::new();
    for difference in found {
        match known.iter().position(|known| known.covers(difference)) {
            Some(at) => occurred[at] += 1,
            None => unknown.push(difference.to_string()),
        }
    }
    (unknown, occurred)
}

fn assert_empty(unknown: &[String]) {
    assert!(
        unknown.is_empty(),
        "{} surprises:\n{}",
        unknown.len(),
        unknown.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::{MYSQL_COMMON, Right};

    fn found(ours: &str, theirs: &str) -> Difference {
        Difference {
            place: "event 1".to_owned(),
            table: "db.t".to_owned(),
            what: "integer",
            ours: ours.to_owned(),
            theirs: theirs.to_owned(),
        }
    }

    fn fails(found: &[Difference], known: &[Known]) -> bool {
        catch_unwind(|| assert_known(found, known)).is_err()
    }

    #[test]
    fn a_difference_that_is_not_listed_fails() {
        let known = || Known {
            what: "integer",
            reason: "",
            right: Right::Both,
            because: "",
            is: |found| found.theirs == "2",
        };
        assert!(!fails(&[found("1", "2")], &[known()]));
        assert!(fails(&[found("1", "2"), found("1", "3")], &[known()]));
        assert!(fails(&[], &[known()]), "it does not occur");
        assert!(!fails(&[], &[]));
    }

    #[test]
    fn only_the_sign_of_a_mediumint_is_excused() {
        let excused = |ours, theirs| {
            MYSQL_COMMON
                .iter()
                .any(|known| known.covers(&found(ours, theirs)))
        };
        assert!(excused("-1", "16777215"));
        assert!(!excused("-1", "16777214"));
        assert!(!excused("1", "16777217"));
    }

    #[test]
    fn each_value_is_compared_and_what_is_not_logged_is_as_before() {
        let image = |values: &[(usize, &str)]| -> Option<Image> {
            Some(
                values
                    .iter()
                    .map(|(at, text)| (*at, (*text).to_owned()))
                    .collect(),
            )
        };
        let row = |before, after| Row {
            table: "db.t".to_owned(),
            before,
            after,
        };
        let ours = TypedRow {
            row: row(image(&[(0, "1"), (1, "a")]), image(&[(0, "1"), (1, "b")])),
            types: vec!["integer", "text"],
            rows_event: 0,
        };
        let mut differ = Vec::new();
        let theirs = row(image(&[(0, "1"), (1, "a")]), image(&[(1, "c")]));
        assert_eq!(super::row("event 1", &ours, &theirs, &mut differ), 4);
        assert_eq!(differ.len(), 1);
        assert_eq!((differ[0].what, &*differ[0].theirs), ("text", "c"));
        let other_columns = row(image(&[(0, "1")]), image(&[(1, "b")]));
        assert_eq!(super::row("event 1", &ours, &other_columns, &mut differ), 0);
        assert_eq!(differ[1].what, "row");
    }
}
