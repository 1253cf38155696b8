//! Batches of records as they stand in a partition's log: format 2
//! (<https://kafka.apache.org/documentation/#recordbatch>).

use super::compression::Compressor;
use super::spare::Spare;
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
    /// Records that are not compressed yet, behind room for the batch's head.
    bytes: Vec<u8>,
    /// Those before them, compressed, behind room for the batch's head; nothing if there are none.
    packed: Vec<u8>,
    /// Bytes of these before they were compressed.
    packed_records: usize,
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
    /// Records in it.
    pub(super) fn count(&self) -> i32 {
        self.count
    }

    /// Bytes of its records, none of them compressed.
    pub(super) fn len(&self) -> usize {
        self.packed_records.saturating_add(self.unpacked())
    }

    /// Bytes of its records that are not compressed.
    pub(super) fn unpacked(&self) -> usize {
        self.bytes.len().saturating_sub(HEAD_BYTES)
    }

    /// Bytes of what is compressed, as they are now.
    pub(super) fn packed(&self) -> usize {
        self.packed.len()
    }

    /// Whether the next record needs a [buffer](Self::lend).
    pub(super) fn lacks_buffer(&self) -> bool {
        self.bytes.capacity() == 0
    }

    /// Takes a buffer for the next records.
    pub(super) fn lend(&mut self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.bytes = buffer;
    }

    /// Compresses the records that are not, so that they take less memory until the batch is closed. Their buffer is free.
    ///
    /// # Errors
    /// As [`Compressor::append`].
    pub(super) fn pack(&mut self, compressor: &mut Compressor) -> std::io::Result<Vec<u8>> {
        if self.packed.is_empty() {
            self.packed.resize(HEAD_BYTES, 0);
            compressor.begin(&mut self.packed);
        }
        let records = self.bytes.get(HEAD_BYTES..).unwrap_or_default();
        compressor.append(records, &mut self.packed)?;
        self.packed_records = self.len();
        Ok(std::mem::take(&mut self.bytes))
    }

    /// Adds a record with its number, made at `now_ms` (Unix time).
    pub(super) fn add(&mut self, record: Record<'_>, number: usize, now_ms: i64) {
        if self.bytes.is_empty() {
            self.bytes.resize(HEAD_BYTES, 0);
        }
        if self.count == 0 {
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

    /// The finished batch. Buffers come from `spare`, and go there if they are free again.
    ///
    /// # Errors
    /// As [`Compressor::compress`].
    pub(super) fn seal(
        mut self,
        author: Author,
        compressor: &mut Compressor,
        spare: &mut Spare,
    ) -> std::io::Result<SealedBatch> {
        let codec = match self.packed.is_empty() {
            true => self.compress(compressor, spare)?,
            false => self.end_packed(compressor, spare)?,
        };
        self.write_head(author, codec);
        Ok(SealedBatch {
            count: self.count,
            sequence: author.sequence,
            largest: self.largest,
            bytes: self.bytes,
        })
    }

    /// Compresses all records at once. What does not become smaller goes as it is, without a codec.
    fn compress(&mut self, compressor: &mut Compressor, spare: &mut Spare) -> std::io::Result<i16> {
        let mut buffer = spare.take();
        buffer.clear();
        buffer.resize(HEAD_BYTES, 0);
        let records = self.bytes.get(HEAD_BYTES..).unwrap_or_default();
        compressor.compress(records, &mut buffer)?;
        let is_smaller = buffer.len() < self.bytes.len();
        if is_smaller {
            std::mem::swap(&mut self.bytes, &mut buffer);
        }
        spare.keep(buffer);
        Ok(match is_smaller {
            true => compressor.compression().attribute(),
            false => 0,
        })
    }

    /// Compresses the records behind those that are compressed already.
    fn end_packed(&mut self, compressor: &mut Compressor, spare: &mut Spare) -> std::io::Result<i16> {
        if self.unpacked() > 0 {
            spare.keep(self.pack(compressor)?);
        }
        compressor.end(&mut self.packed);
        self.bytes = std::mem::take(&mut self.packed);
        Ok(compressor.compression().attribute())
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

#[cfg(test)]
mod tests {
    use std::io::Read;

    use bytes::Bytes;
    use kafka_protocol::records::{Compression as Codec, RecordBatchDecoder, TimestampType};
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::super::compression::Compression;
    use super::*;

    const AUTHOR: Author = Author {
        producer: ProducerId {
            id: 1 << 40,
            epoch: 7,
        },
        sequence: 1_000,
        transactional: true,
    };
    const CODECS: [Compression; 5] = [
        Compression::None,
        Compression::Gzip(6),
        Compression::Snappy,
        Compression::Lz4,
        Compression::Zstd(3),
    ];

    /// A record that owns its bytes.
    #[derive(Debug, Clone, PartialEq)]
    struct Owned {
        key: Option<Vec<u8>>,
        value: Option<Vec<u8>>,
        headers: Vec<(String, Vec<u8>)>,
        ms: i64,
    }

    fn owned(value: &[u8], ms: i64) -> Owned {
        Owned {
            key: None,
            value: Some(value.to_vec()),
            headers: Vec::new(),
            ms,
        }
    }

    fn sealed(records: &[Owned], author: Author, codec: Compression) -> SealedBatch {
        packed(records, usize::MAX, author, codec)
    }

    /// The same, compressed after each so many records where the codec can do so.
    fn packed(records: &[Owned], each: usize, author: Author, codec: Compression) -> SealedBatch {
        let mut open = OpenBatch::default();
        let mut compressor = Compressor::new(codec);
        let mut spare = Spare::default();
        spare.keep(vec![9; 100]);
        for (number, record) in records.iter().enumerate() {
            let headers = record
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_slice()));
            let headers: Vec<_> = headers.collect();
            let record_of_it = Record {
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &headers,
            };
            if open.lacks_buffer() {
                open.lend(spare.take());
            }
            open.add(record_of_it, number, record.ms);
            if (number + 1) % each == 0 && compressor.appends() {
                spare.keep(open.pack(&mut compressor).unwrap());
                assert_eq!(open.unpacked(), 0);
            }
        }
        open.seal(author, &mut compressor, &mut spare).unwrap()
    }

    /// The records as another implementation reads them, which also checks the checksum.
    fn read(batch: &SealedBatch, author: Author) -> Vec<Owned> {
        let info = RecordBatchDecoder::decode_batch_info(&mut Bytes::from(batch.bytes.clone())).unwrap();
        let [info] = info.as_slice() else {
            panic!("{} batches", info.len())
        };
        assert_eq!(
            (info.producer_id, info.producer_epoch),
            (author.producer.id, author.producer.epoch)
        );
        assert_eq!(
            (info.base_sequence, info.transactional),
            (author.sequence, author.transactional)
        );
        assert_eq!(
            (info.record_count, info.control, info.delete_horizon),
            (batch.count, false, false)
        );
        assert_eq!((info.min_offset, info.partition_leader_epoch), (0, -1));
        assert_eq!(info.timestamp_type, TimestampType::Creation);
        let mut bytes = Bytes::from(batch.bytes.clone());
        let decoded = RecordBatchDecoder::decode_with_custom_compression(&mut bytes, Some(&decompressed));
        assert!(bytes.is_empty());
        let records = decoded.unwrap().records;
        let last_offset = i32::from_be_bytes(*batch.bytes[23..].first_chunk().unwrap());
        let last_ms = i64::from_be_bytes(*batch.bytes[35..].first_chunk().unwrap());
        assert_eq!(last_offset, batch.count - 1);
        assert_eq!(Some(last_ms), records.iter().map(|record| record.timestamp).max());
        assert!(
            records
                .iter()
                .zip(0..)
                .all(|(record, offset)| record.offset == offset)
        );
        let owned = records.into_iter().map(|record| Owned {
            key: record.key.map(Vec::from),
            value: record.value.map(Vec::from),
            headers: record
                .headers
                .into_iter()
                .map(|(k, v)| (k.to_string(), v.unwrap().to_vec()))
                .collect(),
            ms: record.timestamp,
        });
        owned.collect()
    }

    /// The records' bytes, by decompressors that have nothing to do with how they were compressed here.
    fn decompressed(bytes: &mut Bytes, codec: Codec) -> anyhow::Result<Bytes> {
        let mut out = Vec::new();
        match codec {
            Codec::None => out.extend_from_slice(bytes),
            Codec::Gzip => drop(flate2::read::GzDecoder::new(&**bytes).read_to_end(&mut out)?),
            Codec::Lz4 => drop(lz4_flex::frame::FrameDecoder::new(&**bytes).read_to_end(&mut out)?),
            Codec::Zstd => out = zstd::stream::decode_all(&**bytes)?,
            Codec::Snappy => {
                let mut rest = bytes.get(16..).unwrap_or_default();
                while let Some((length, tail)) = rest.split_first_chunk() {
                    let (block, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
                    out.extend(snap::raw::Decoder::new().decompress_vec(block)?);
                    rest = tail;
                }
            }
        }
        Ok(Bytes::from(out))
    }

    fn record() -> impl Strategy<Value = Owned> {
        let field = || proptest::option::of(vec(any::<u8>(), 0..200));
        let headers = btree_map("\\PC{0,10}", vec(any::<u8>(), 0..40), 0..4);
        (field(), field(), headers, 0_i64..1 << 41).prop_map(|(key, value, headers, ms)| Owned {
            key,
            value,
            headers: headers.into_iter().collect(),
            ms,
        })
    }

    proptest! {
        /// The clock may go backwards between two records.
        #[test]
        fn another_implementation_reads_the_same_records(
            records in vec(record(), 1..40),
            each in 1..40_usize,
            (id, epoch, sequence, transactional) in any::<(i64, i16, i16, bool)>(),
        ) {
            let author = Author {
                producer: ProducerId { id, epoch },
                sequence: i32::from(sequence & i16::MAX),
                transactional,
            };
            for codec in CODECS {
                let batch = sealed(&records, author, codec);
                prop_assert_eq!(&read(&batch, author), &records, "{:?}", codec);
                let largest = records.iter().map(|r| {
                    r.key.as_ref().map_or(0, Vec::len) + r.value.as_ref().map_or(0, Vec::len)
                });
                prop_assert_eq!(Some(batch.largest.1), largest.max());
                let packed = packed(&records, each, author, codec);
                prop_assert_eq!(&read(&packed, author), &records, "{:?}, each {}", codec, each);
                prop_assert_eq!((packed.count, packed.largest), (batch.count, batch.largest));
            }
        }

        #[test]
        fn lengths_of_varints(value: i64, shift in 0..64) {
            let value = value >> shift;
            let mut out = Vec::new();
            put_varint(&mut out, value);
            prop_assert_eq!(out.len(), varint_len(value));
        }

        #[test]
        fn a_sequence_goes_on_as_kafkas_own(sequence in 0..=i32::MAX, count in 0..=i32::MAX) {
            // org.apache.kafka.common.record.DefaultRecordBatch.incrementSequence
            let expected = match sequence > i32::MAX - count {
                true => count - (i32::MAX - sequence) - 1,
                false => sequence + count,
            };
            prop_assert_eq!(sequence_after(sequence, count), expected);
        }
    }

    #[test]
    fn the_largest_place_in_a_sequence_is_followed_by_zero() {
        assert_eq!(sequence_after(i32::MAX, 1), 0);
        assert_eq!(sequence_after(i32::MAX - 1, 1), i32::MAX);
        assert_eq!(sequence_after(i32::MAX - 1, 10_000), 9_998);
    }

    #[test]
    fn varints_at_their_borders() {
        for (value, expected) in [
            (0, &[0][..]),
            (-1, &[1]),
            (63, &[126]),
            (-64, &[127]),
            (64, &[0x80, 1]),
            (-65, &[0x81, 1]),
            (8_191, &[0xfe, 0x7f]),
            (8_192, &[0x80, 0x80, 1]),
            (
                i64::MAX,
                &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            ),
            (
                i64::MIN,
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            ),
        ] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            assert_eq!(
                (out.as_slice(), out.len()),
                (expected, varint_len(value)),
                "{value}"
            );
        }
    }

    #[test]
    fn a_batch_of_ten_thousand_records() {
        let records: Vec<_> = (0..10_000)
            .map(|i| owned(format!("{{\"id\":{i}}}").as_bytes(), i))
            .collect();
        for codec in CODECS {
            let batch = sealed(&records, AUTHOR, codec);
            assert_eq!(batch.count, 10_000);
            assert!(read(&batch, AUTHOR) == records, "{codec:?}");
        }
    }

    #[test]
    fn a_record_of_three_megabytes_of_text_and_of_noise() {
        let text = b"{\"id\":1}".repeat(400_000);
        let mut state = 1_u64;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .take(3 << 20)
        .collect();
        let records = [owned(&text, 5), owned(&noise, 5), owned(b"small", 6)];
        for codec in CODECS {
            let batch = sealed(&records, AUTHOR, codec);
            assert_eq!(batch.largest, (0, text.len()));
            assert!(read(&batch, AUTHOR) == records, "{codec:?}");
            // What does not become smaller goes without a codec.
            let batch = sealed(&records[1..2], AUTHOR, codec);
            assert_eq!(batch.bytes[22] & 7, 0, "{codec:?}");
            assert!(read(&batch, AUTHOR) == records[1..2], "{codec:?}");
        }
    }

    #[test]
    fn a_buffer_is_used_again_without_what_was_in_it() {
        let mut open = OpenBatch::default();
        open.lend(vec![7; 1_000]);
        assert_eq!((open.count(), open.len()), (0, 0));
        let record = Record {
            key: None,
            value: Some(b"v"),
            headers: &[],
        };
        open.add(record, 3, 50);
        // The length, the attributes, two differences, the key's, the value's and the headers' number, and the value.
        assert_eq!((open.count(), open.len()), (1, 8));
        let mut compressor = Compressor::new(Compression::Lz4);
        let batch = open.seal(AUTHOR, &mut compressor, &mut Spare::default()).unwrap();
        assert_eq!(read(&batch, AUTHOR), [owned(b"v", 50)]);
        assert_eq!(batch.largest, (3, 1));
    }
}
