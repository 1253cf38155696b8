//! A binary document that can be changed: as it stands until a change steps into it, then a list of pieces.
//!
//! A container that is changed keeps its bytes, and a list of runs of its elements with the new ones between them. Memory
//! grows with the changes, not with the document.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

use super::{BAD, Layout, WHAT, kind, variable};
use crate::{Malformed, Reader};

/// A value of a document.
#[derive(Debug, Clone)]
pub(super) enum Node<'a> {
    /// As it stands: its type and all its bytes.
    Raw(u8, &'a [u8]),
    /// An object or array that has been stepped into.
    Open(Box<Container<'a>>),
}

impl<'a> Node<'a> {
    /// A whole document; empty bytes stand for JSON null.
    pub(super) fn document(document: &'a [u8]) -> Result<Self, Malformed> {
        match document.split_first() {
            None => Ok(Self::Raw(kind::LITERAL, &[0])),
            Some((kind, bytes)) => Self::at_start(*kind, bytes),
        }
    }

    /// The value whose bytes begin at the start of `bytes`.
    fn at_start(kind: u8, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        match kind {
            kind::SMALL_OBJECT | kind::LARGE_OBJECT | kind::SMALL_ARRAY | kind::LARGE_ARRAY => {
                let layout = Layout::of(kind);
                layout.number(&mut reader)?;
                let size = layout.number(&mut reader)?;
                return Ok(Self::Raw(kind, bytes.get(..size).ok_or(BAD)?));
            }
            kind::LITERAL => reader.take(1, WHAT)?,
            kind::INT16 | kind::UINT16 => reader.take(2, WHAT)?,
            kind::INT32 | kind::UINT32 => reader.take(4, WHAT)?,
            kind::INT64 | kind::UINT64 | kind::DOUBLE => reader.take(8, WHAT)?,
            kind::STRING => variable(&mut reader)?,
            kind::OPAQUE => {
                reader.u8(WHAT)?;
                variable(&mut reader)?
            }
            _ => return Err(BAD),
        };
        let len = bytes.len().saturating_sub(reader.len());
        Ok(Self::Raw(kind, bytes.get(..len).ok_or(BAD)?))
    }

    pub(super) fn is_array(&self) -> bool {
        match self {
            Self::Raw(kind, _) => matches!(*kind, kind::SMALL_ARRAY | kind::LARGE_ARRAY),
            Self::Open(container) => !container.is_object(),
        }
    }

    /// The object or array that this is.
    pub(super) fn open(&mut self) -> Result<&mut Container<'a>, Malformed> {
        if let Self::Raw(kind, bytes) = *self {
            *self = Self::Open(Box::new(Container::read(kind, bytes)?));
        }
        match self {
            Self::Open(container) => Ok(container),
            Self::Raw(..) => Err(BAD),
        }
    }

    /// Appends it as a whole document.
    pub(super) fn write_document(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        out.push(self.kind());
        self.write(out)
    }

    fn kind(&self) -> u8 {
        match self {
            Self::Raw(kind, _) => *kind,
            Self::Open(container) if container.is_object() => kind::LARGE_OBJECT,
            Self::Open(_) => kind::LARGE_ARRAY,
        }
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        match self {
            Self::Raw(_, bytes) => {
                out.extend_from_slice(bytes);
                Ok(())
            }
            Self::Open(container) => container.write(out),
        }
    }

    /// The bytes that stand in a large container's own list in place of an offset.
    fn inlined(&self) -> Option<&'a [u8]> {
        match self {
            Self::Raw(kind, bytes) if LARGE_ARRAY.inlines(*kind) => Some(bytes),
            _ => None,
        }
    }
}

const LARGE_ARRAY: Layout = Layout {
    large: true,
    object: false,
};

/// An object or array on its way to be changed.
#[derive(Debug, Clone)]
pub(super) struct Container<'a> {
    base: Base<'a>,
    pieces: Vec<Piece<'a>>,
    len: usize,
}

/// Elements in their order.
#[derive(Debug, Clone)]
enum Piece<'a> {
    /// Elements of the container as it was.
    Old(Range<usize>),
    /// One element, with its key if the container is an object.
    New(Cow<'a, [u8]>, Node<'a>),
}

impl Piece<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Old(range) => range.len(),
            Self::New(..) => 1,
        }
    }
}

/// Where an element stands, or where a new one would: a piece, and how many of its elements come before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    piece: usize,
    at: usize,
}

impl<'a> Container<'a> {
    fn read(kind: u8, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let base = Base::read(kind, bytes)?;
        Ok(Self {
            pieces: vec![Piece::Old(0..base.count)],
            len: base.count,
            base,
        })
    }

    pub(super) fn is_object(&self) -> bool {
        self.base.layout.object
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many steps it takes to find something.
    pub(super) fn pieces(&self) -> usize {
        self.pieces.len()
    }

    /// The place of an element; of the one behind the last, the end.
    pub(super) fn cell(&self, index: usize) -> Place {
        let mut at = index;
        for (piece, elements) in self.pieces.iter().enumerate() {
            match at.checked_sub(elements.len()) {
                Some(left) => at = left,
                None => return Place { piece, at },
            }
        }
        self.end()
    }

    fn end(&self) -> Place {
        Place {
            piece: self.pieces.len(),
            at: 0,
        }
    }

    /// The place of a member, or where it would go.
    pub(super) fn member(&self, key: &[u8]) -> Result<Result<Place, Place>, Malformed> {
        for (piece, elements) in self.pieces.iter().enumerate() {
            match elements {
                Piece::New(name, _) => match in_key_order(name, key) {
                    Ordering::Less => {}
                    Ordering::Equal => return Ok(Ok(Place { piece, at: 0 })),
                    Ordering::Greater => return Ok(Err(Place { piece, at: 0 })),
                },
                Piece::Old(range) => {
                    let (at, found) = self.base.search(range.clone(), key)?;
                    let place = Place { piece, at };
                    if found {
                        return Ok(Ok(place));
                    } else if at < range.len() {
                        return Ok(Err(place));
                    }
                }
            }
        }
        Ok(Err(self.end()))
    }

    /// The element at a place, for whoever wants to change it.
    pub(super) fn element(&mut self, place: Place) -> Result<&mut Node<'a>, Malformed> {
        let piece = self.isolate(place)?;
        match self.pieces.get_mut(piece) {
            Some(Piece::New(_, value)) => Ok(value),
            _ => Err(BAD),
        }
    }

    /// Puts an element before the one at a place.
    pub(super) fn insert(&mut self, place: Place, key: Cow<'a, [u8]>, value: Node<'a>) {
        let piece = self.split(place);
        self.pieces.insert(piece, Piece::New(key, value));
        self.len = self.len.saturating_add(1);
    }

    pub(super) fn remove(&mut self, place: Place) -> Result<(), Malformed> {
        let piece = self.isolate(place)?;
        self.pieces.remove(piece);
        self.len = self.len.saturating_sub(1);
        Ok(())
    }

    /// Makes the element at a place a piece of its own.
    fn isolate(&mut self, place: Place) -> Result<usize, Malformed> {
        let first = self.split(place);
        self.split(Place { piece: first, at: 1 });
        let piece = self.pieces.get_mut(first).ok_or(BAD)?;
        if let Piece::Old(range) = piece {
            let (key, value) = self.base.element(range.start)?;
            *piece = Piece::New(Cow::Borrowed(key), value);
        }
        Ok(first)
    }

    /// Makes a piece begin at a place.
    fn split(&mut self, place: Place) -> usize {
        let Place { piece, at } = place;
        match self.pieces.get_mut(piece) {
            Some(Piece::Old(range)) if at > 0 && at < range.len() => {
                let middle = range.start.saturating_add(at);
                let tail = Piece::Old(middle..range.end);
                range.end = middle;
                self.pieces.insert(piece.saturating_add(1), tail);
                piece.saturating_add(1)
            }
            _ => piece,
        }
    }

    /// Appends it in the large layout.
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let mut writer = LargeWriter::begin(self.len, self.is_object(), out)?;
        if self.is_object() {
            self.each(|key, _| writer.key(key))?;
        }
        self.each(|_, value| writer.value(value))?;
        writer.finish()
    }

    fn each(&self, mut take: impl FnMut(&[u8], &Node<'a>) -> Result<(), Malformed>) -> Result<(), Malformed> {
        for piece in &self.pieces {
            match piece {
                Piece::New(key, value) => take(key, value)?,
                Piece::Old(range) => {
                    for index in range.clone() {
                        let (key, value) = self.base.element(index)?;
                        take(key, &value)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Members are sorted by the length of their keys, and those of one length by their bytes.
fn in_key_order(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// A container as it stands in a document. None of its parts share bytes, and its keys are in order.
#[derive(Debug, Clone, Copy)]
struct Base<'a> {
    bytes: &'a [u8],
    layout: Layout,
    count: usize,
    /// Where the entries of values begin.
    values: usize,
}

impl<'a> Base<'a> {
    fn read(kind: u8, bytes: &'a [u8]) -> Result<Self, Malformed> {
        if !matches!(
            kind,
            kind::SMALL_OBJECT | kind::LARGE_OBJECT | kind::SMALL_ARRAY | kind::LARGE_ARRAY
        ) {
            return Err(Malformed::Invalid("path of a JSON difference"));
        }
        let layout = Layout::of(kind);
        let mut reader = Reader::new(bytes);
        let count = layout.number(&mut reader)?;
        layout.number(&mut reader)?;
        reader.take(layout.keys_len(count)?, WHAT)?;
        let base = Self {
            bytes,
            layout,
            count,
            values: bytes.len().saturating_sub(reader.len()),
        };
        reader.take(count.checked_mul(layout.value_len()).ok_or(BAD)?, WHAT)?;
        base.check(reader.len())?;
        Ok(base)
    }

    /// Fails unless keys ascend and keys and values together fit into the `room` behind their lists. Without that, a small
    /// document could become one without end.
    fn check(&self, mut room: usize) -> Result<(), Malformed> {
        let mut last: Option<&[u8]> = None;
        for index in 0..self.count {
            let (key, value) = self.element(index)?;
            if self.layout.object {
                if last.is_some_and(|last| in_key_order(last, key).is_ge()) {
                    return Err(Malformed::Invalid("order of keys in a JSON document"));
                }
                last = Some(key);
            }
            let own = match value {
                Node::Raw(kind, _) if self.layout.inlines(kind) => 0,
                Node::Raw(_, bytes) => bytes.len(),
                Node::Open(_) => 0,
            };
            room = room
                .checked_sub(key.len())
                .and_then(|room| room.checked_sub(own))
                .ok_or(Malformed::TooLarge(WHAT))?;
        }
        Ok(())
    }

    /// The key, empty in an array, and the value.
    fn element(&self, index: usize) -> Result<(&'a [u8], Node<'a>), Malformed> {
        let key = if self.layout.object { self.key(index)? } else { &[] };
        Ok((key, self.value(index)?))
    }

    fn key(&self, index: usize) -> Result<&'a [u8], Malformed> {
        let header = self.layout.number_len() * 2;
        let entry = index
            .checked_mul(self.layout.number_len() + 2)
            .and_then(|at| at.checked_add(header))
            .ok_or(BAD)?;
        let mut entry = Reader::new(self.bytes.get(entry..).ok_or(BAD)?);
        let start = self.layout.number(&mut entry)?;
        let end = start.checked_add(usize::from(entry.u16(WHAT)?)).ok_or(BAD)?;
        self.bytes.get(start..end).ok_or(BAD)
    }

    fn value(&self, index: usize) -> Result<Node<'a>, Malformed> {
        let entry = index
            .checked_mul(self.layout.value_len())
            .and_then(|at| at.checked_add(self.values))
            .ok_or(BAD)?;
        let mut entry = Reader::new(self.bytes.get(entry..).ok_or(BAD)?);
        let kind = entry.u8(WHAT)?;
        if self.layout.inlines(kind) {
            return Node::at_start(kind, entry.take(self.layout.number_len(), WHAT)?);
        }
        let offset = self.layout.number(&mut entry)?;
        Node::at_start(kind, self.bytes.get(offset..).ok_or(BAD)?)
    }

    /// How many members of `range` come before `key`, and whether the next one has it.
    fn search(&self, range: Range<usize>, key: &[u8]) -> Result<(usize, bool), Malformed> {
        let (mut low, mut high) = (range.start, range.end);
        while low < high {
            let middle = low.midpoint(high);
            match in_key_order(self.key(middle)?, key) {
                Ordering::Less => low = middle.saturating_add(1),
                Ordering::Equal => return Ok((middle.saturating_sub(range.start), true)),
                Ordering::Greater => high = middle,
            }
        }
        Ok((low.saturating_sub(range.start), false))
    }
}

/// Writes a container in the large layout: its lists first, which are filled in as keys and values follow them.
struct LargeWriter<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
    /// Where the next key and the next value are to be listed.
    next_key: usize,
    next_value: usize,
}

impl<'o> LargeWriter<'o> {
    const KEY_ENTRY: usize = 6;
    const VALUE_ENTRY: usize = 5;

    fn begin(count: usize, object: bool, out: &'o mut Vec<u8>) -> Result<Self, Malformed> {
        let start = out.len();
        out.extend_from_slice(&long(count)?);
        out.extend_from_slice(&[0; 4]);
        let next_key = out.len();
        let keys = if object { Self::KEY_ENTRY } else { 0 };
        let next_value = next_key.saturating_add(count.saturating_mul(keys));
        out.resize(
            next_value.saturating_add(count.saturating_mul(Self::VALUE_ENTRY)),
            0,
        );
        Ok(Self {
            out,
            start,
            next_key,
            next_value,
        })
    }

    fn key(&mut self, key: &[u8]) -> Result<(), Malformed> {
        let len = u16::try_from(key.len()).map_err(|_| Malformed::TooLarge("key of a JSON document"))?;
        let offset = self.offset()?;
        self.fill(self.next_key, &offset);
        self.fill(self.next_key.saturating_add(4), &len.to_le_bytes());
        self.next_key = self.next_key.saturating_add(Self::KEY_ENTRY);
        self.out.extend_from_slice(key);
        Ok(())
    }

    fn value(&mut self, value: &Node<'_>) -> Result<(), Malformed> {
        self.fill(self.next_value, &[value.kind()]);
        let place = self.next_value.saturating_add(1);
        self.next_value = self.next_value.saturating_add(Self::VALUE_ENTRY);
        match value.inlined() {
            Some(bytes) => self.fill(place, bytes),
            None => {
                let offset = self.offset()?;
                self.fill(place, &offset);
                value.write(self.out)?;
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Malformed> {
        let size = self.offset()?;
        self.fill(self.start.saturating_add(4), &size);
        Ok(())
    }

    /// How far the end is from the start.
    fn offset(&self) -> Result<[u8; 4], Malformed> {
        long(self.out.len().saturating_sub(self.start))
    }

    fn fill(&mut self, at: usize, bytes: &[u8]) {
        let places = self.out.get_mut(at..).unwrap_or_default();
        for (to, from) in places.iter_mut().zip(bytes) {
            *to = *from;
        }
    }
}

fn long(n: usize) -> Result<[u8; 4], Malformed> {
    u32::try_from(n)
        .map(u32::to_le_bytes)
        .map_err(|_| Malformed::TooLarge(WHAT))
}
