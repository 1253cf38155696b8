//! Differences of JSON documents (`binlog_row_value_options=PARTIAL_JSON`), applied to the document they are a
//! difference from.
//!
//! A difference is a list of operations, each on the outcome of the one before it: REPLACE what stands at a path, INSERT
//! a member or an array's element, REMOVE one (json_diff.h). Only containers on the way of a path are taken apart; all else
//! is copied as it stands, so that every value keeps its type and members keep the server's order. An operation whose
//! path does not lead where its kind wants is an error, as it is for the server: then the document is not the one that the
//! difference was made from.

use std::borrow::Cow;

use super::node::{Container, Node, Place};
use super::path::{self, Leg};
use crate::{Malformed, Reader};

const WHAT: &str = "difference of a JSON document";
const BAD: Malformed = Malformed::Invalid(WHAT);
/// Ten thousand operations on one container take 10^8, and a second.
const MAX_STEPS: usize = 1 << 28;
/// The path leads nowhere, or to something where nothing should be.
const MISSES: Malformed =
    Malformed::Invalid("difference of a JSON document, which does not fit the document before it,");

/// Kinds of operations.
mod operation {
    pub const REPLACE: u8 = 0;
    pub const INSERT: u8 = 1;
    pub const REMOVE: u8 = 2;
}

/// Appends the binary document that `diffs` make of the binary `document`. No operations leave it as it is.
///
/// # Errors
/// If a part of the document that a path leads through, or an operation, is damaged; or if the operations do not fit the
/// document.
pub fn apply_diff(document: &[u8], diffs: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut diffs = Reader::new(diffs);
    if diffs.is_empty() {
        out.extend_from_slice(document);
        return Ok(());
    }
    let mut root = Node::document(document)?;
    let mut budget = Budget(MAX_STEPS);
    while !diffs.is_empty() {
        Diff::read(&mut diffs)?.apply(&mut root, &mut budget)?;
    }
    root.write_document(out)
}

/// Steps that may still be taken to find what operations change. A container that many operations change is in many
/// pieces, which each of them looks through.
struct Budget(usize);

impl Budget {
    fn spend(&mut self, steps: usize) -> Result<(), Malformed> {
        self.0 = self
            .0
            .checked_sub(steps)
            .ok_or(Malformed::TooLarge("number of operations of a JSON difference"))?;
        Ok(())
    }
}

/// One operation.
struct Diff<'a> {
    legs: Vec<Leg<'a>>,
    change: Change<'a>,
}

enum Change<'a> {
    Replace(Node<'a>),
    Insert(Node<'a>),
    Remove,
}

impl<'a> Diff<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let operation = reader.u8(WHAT)?;
        let len = reader.packed_len(WHAT)?;
        let legs = path::parse(reader.take(len, WHAT)?)?;
        let change = match operation {
            operation::REPLACE => Change::Replace(value(reader)?),
            operation::INSERT => Change::Insert(value(reader)?),
            operation::REMOVE => Change::Remove,
            _ => return Err(BAD),
        };
        Ok(Self { legs, change })
    }

    fn apply(self, root: &mut Node<'a>, budget: &mut Budget) -> Result<(), Malformed> {
        let mut legs = self.legs;
        let Some(last) = legs.pop() else {
            return match self.change {
                Change::Replace(value) => {
                    *root = value;
                    Ok(())
                }
                Change::Insert(_) | Change::Remove => Err(MISSES),
            };
        };
        let mut parent = root;
        for leg in &legs {
            parent = seek(parent, leg, budget)?;
        }
        match self.change {
            Change::Replace(value) => {
                *seek(parent, &last, budget)? = value;
                Ok(())
            }
            Change::Insert(value) => insert(parent, last, value, budget),
            Change::Remove => remove(parent, &last, budget),
        }
    }
}

/// A document as it stands in an operation: its length, its type and its bytes.
fn value<'a>(reader: &mut Reader<'a>) -> Result<Node<'a>, Malformed> {
    let len = reader.packed_len(WHAT)?;
    Node::document(reader.take(len, WHAT)?)
}

/// What stands at `leg` of a container. The first and the last cell of what is no array is the value itself, as in all
/// paths of the server.
fn seek<'n, 'a>(
    node: &'n mut Node<'a>,
    leg: &Leg<'a>,
    budget: &mut Budget,
) -> Result<&'n mut Node<'a>, Malformed> {
    match leg {
        Leg::Cell(cell) if !node.is_array() => match cell.resolve(1) {
            Some(_) => Ok(node),
            None => Err(MISSES),
        },
        _ => {
            let container = node.open()?;
            let place = find(container, leg, budget)?.map_err(|_| MISSES)?;
            container.element(place)
        }
    }
}

/// A member must not be there yet; a cell moves those behind it, and one beyond the end is the new last.
fn insert<'a>(
    parent: &mut Node<'a>,
    leg: Leg<'a>,
    value: Node<'a>,
    budget: &mut Budget,
) -> Result<(), Malformed> {
    let container = parent.open()?;
    let place = match (&leg, find(container, &leg, budget)?) {
        (Leg::Cell(_), Ok(place)) | (_, Err(place)) => place,
        (Leg::Member(_), Ok(_)) => return Err(MISSES),
    };
    let key = match leg {
        Leg::Member(key) => key,
        Leg::Cell(_) => Cow::default(),
    };
    container.insert(place, key, value);
    Ok(())
}

fn remove<'a>(parent: &mut Node<'a>, leg: &Leg<'a>, budget: &mut Budget) -> Result<(), Malformed> {
    let container = parent.open()?;
    let place = find(container, leg, budget)?.map_err(|_| MISSES)?;
    container.remove(place)
}

/// Where the element at `leg` is, or else where it would go.
fn find(
    container: &Container<'_>,
    leg: &Leg<'_>,
    budget: &mut Budget,
) -> Result<Result<Place, Place>, Malformed> {
    budget.spend(container.pieces())?;
    match leg {
        Leg::Member(key) if container.is_object() => container.member(key),
        Leg::Cell(cell) if !container.is_object() => Ok(match cell.resolve(container.len()) {
            Some(index) => Ok(container.cell(index)),
            None => Err(container.cell(cell.insertion_point(container.len()))),
        }),
        _ => Err(MISSES),
    }
}

#[cfg(test)]
mod tests;
