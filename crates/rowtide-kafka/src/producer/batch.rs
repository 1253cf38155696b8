//! Batches of records as they stand in a partition's log: format 2
//! (<https://kafka.apache.org/documentation/#recordbatch>).

use super::compression::Compressor;
use crate::wire::ProducerId;
use crate::wire::primitive::Output;

/// A record on its way into a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: &'a [Header<'a>],
}

/// A name and its value.
pub(crate) type Header<'a> = (&'a str, &'a [u8]);

impl Record<'_> {
    /// Bytes of key and value.
    pub(crate) fn len(&self) -> usize {
        let key = self.key.map_or(0, <[u8]>::len);
        key.saturating_add(self.value.map_or(0, <[u8]>::len))
    }
}

/// A batch that takes records.
#[derive(Debug, Default)]
pub(super) struct OpenBatch {
    /// The records, behind room for the batch's head.
    bytes: Vec<u8>,
    count: i32,
    first_ms: i64,
    last_ms: i64,
    /// The number of the largest record, and its bytes: the one to name if the batch is too large.
    largest: (usize, usize),
}

/// What a batch becomes when it is closed.
#[derive(Debug)]
pub(super) struct SealedBatch {
    /// As it goes to the broker.
    pub bytes: Vec<u8>,
    /// Records.
    pub count: i32,
    /// The place of its first record in the sequence of its producer and partition.
    pub sequence: i32,
    /// The number and the bytes of its largest record.
    pub largest: (usize, usize),
}

/// Who writes a batch, and where in the sequence it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Author {
    pub producer: ProducerId,
    pub sequence: i32,
    pub transactional: bool,
}

impl OpenBatch {
    /// Takes an old buffer, so that it need not grow again.
    pub(super) fn with_buffer(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self {
            bytes,
            ..Self::default()
        }
    }

    /// Records in it.
    pub(super) fn count(&self) -> i32 {
        self.count
    }

    /// Bytes of its records.
    pub(super) fn len(&self) -> usize {
        self.bytes.len().saturating_sub(HEAD_BYTES)
    }

    /// Adds a record with its number, made at `now_ms` (Unix time).
    pub(super) fn add(&mut self, record: Record<'_>, number: usize, now_ms: i64) {
        if self.count == 0 {
            self.bytes.resize(HEAD_BYTES, 0);
            self.first_ms = now_ms;
            self.last_ms = now_ms;
        }
        self.last_ms = self.last_ms.max(now_ms);
        if self.count == 0 || record.len() > self.largest.1 {
            self.largest = (number, record.len());
        }
        put_record(
            &mut self.bytes,
            record,
            now_ms.saturating_sub(self.first_ms),
            self.count,
        );
        self.count = self.count.saturating_add(1);
    }

    /// The finished batch, and the buffer if it is free again.
    ///
    /// # Errors
    /// As [`Compressor::compress`].
    pub(super) fn seal(
        mut self,
        author: Author,
        compressor: &mut Compressor,
        mut buffer: Vec<u8>,
    ) -> std::io::Result<(SealedBatch, Vec<u8>)> {
        let records = self.bytes.get(HEAD_BYTES..).unwrap_or_default();
        buffer.clear();
        buffer.resize(HEAD_BYTES, 0);
        compressor.compress(records, &mut buffer)?;
        // What does not become smaller goes as it is.
        let is_smaller = buffer.len() < self.bytes.len();
        let codec = match is_smaller {
            true => compressor.compression().attribute(),
            false => 0,
        };
        if is_smaller {
            std::mem::swap(&mut self.bytes, &mut buffer);
        }
        self.write_head(author, codec);
        let sealed = SealedBatch {
            count: self.count,
            sequence: author.sequence,
            largest: self.largest,
            bytes: self.bytes,
        };
        Ok((sealed, buffer))
    }

    fn write_head(&mut self, author: Author, codec: i16) {
        let transactional = if author.transactional { TRANSACTIONAL } else { 0 };
        let mut checked = Vec::with_capacity(HEAD_BYTES);
        checked.i16(codec | transactional);
        checked.i32(self.count.saturating_sub(1)); // the last record's offset in the batch
        checked.i64(self.first_ms);
        checked.i64(self.last_ms);
        checked.i64(author.producer.id);
        checked.i16(author.producer.epoch);
        checked.i32(author.sequence);
        checked.i32(self.count);
        let records = self.bytes.get(HEAD_BYTES..).unwrap_or_default();
        let checksum = crc32c::crc32c_append(crc32c::crc32c(&checked), records);
        let mut head = Vec::with_capacity(HEAD_BYTES);
        head.i64(0); // the broker gives the offset
        let length = self.bytes.len().saturating_sub(BEFORE_LENGTH_ENDS);
        head.count(length);
        head.i32(-1); // the leader's epoch
        head.i8(MAGIC);
        head.extend_from_slice(&checksum.to_be_bytes());
        head.append(&mut checked);
        self.bytes.iter_mut().zip(head).for_each(|(to, byte)| *to = byte);
    }
}

/// The head of a batch.
const HEAD_BYTES: usize = 61;
/// The length counts what comes after it.
const BEFORE_LENGTH_ENDS: usize = 12;
const MAGIC: i8 = 2;
const TRANSACTIONAL: i16 = 1 << 4;

fn put_record(out: &mut Vec<u8>, record: Record<'_>, later_ms: i64, place: i32) {
    let mut length = 1_usize.saturating_add(varint_len(later_ms));
    length = length.saturating_add(varint_len(i64::from(place)));
    length = length.saturating_add(field_len(record.key));
    length = length.saturating_add(field_len(record.value));
    length = length.saturating_add(varint_len(as_i64(record.headers.len())));
    for (name, value) in record.headers {
        length = length.saturating_add(field_len(Some(name.as_bytes())));
        length = length.saturating_add(field_len(Some(value)));
    }
    put_varint(out, as_i64(length));
    out.push(0); // attributes, of which there are none
    put_varint(out, later_ms);
    put_varint(out, i64::from(place));
    put_field(out, record.key);
    put_field(out, record.value);
    put_varint(out, as_i64(record.headers.len()));
    for (name, value) in record.headers {
        put_field(out, Some(name.as_bytes()));
        put_field(out, Some(value));
    }
}

fn field_len(field: Option<&[u8]>) -> usize {
    let length = field.map_or(-1, |bytes| as_i64(bytes.len()));
    varint_len(length).saturating_add(field.map_or(0, <[u8]>::len))
}

fn put_field(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        None => put_varint(out, -1),
        Some(bytes) => {
            put_varint(out, as_i64(bytes.len()));
            out.extend_from_slice(bytes);
        }
    }
}

/// A signed integer in groups of seven bits, small ones of either sign in few bytes (zigzag).
fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut rest = zigzag(value);
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

fn varint_len(value: i64) -> usize {
    let bits = u64::BITS.saturating_sub((zigzag(value) | 1).leading_zeros());
    usize::try_from(bits.div_ceil(7)).unwrap_or_default()
}

fn zigzag(value: i64) -> u64 {
    value.wrapping_shl(1).cast_unsigned() ^ (value >> 63).cast_unsigned()
}

fn as_i64(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The place in a sequence after so many records: it goes on at 0 after the largest.
pub(super) fn sequence_after(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_add(count) & i32::MAX
}
