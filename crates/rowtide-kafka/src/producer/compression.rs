//! How batches are compressed, in the forms that Kafka's clients read.

use std::fmt;
use std::io::Write;

use flate2::write::GzEncoder;
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};

/// A codec, with its level where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip(u32),
    Snappy,
    Lz4,
    Zstd(i32),
}

impl Compression {
    /// Its number in a batch's attributes.
    pub(super) fn attribute(self) -> i16 {
        match self {
            Self::None => 0,
            Self::Gzip(_) => 1,
            Self::Snappy => 2,
            Self::Lz4 => 3,
            Self::Zstd(_) => 4,
        }
    }
}

/// Compresses batches one after the other, and keeps what the codecs work with.
pub(super) struct Compressor {
    compression: Compression,
    table: CompressTable,
    block: Vec<u8>,
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.compression.fmt(f)
    }
}

impl Compressor {
    /// For one codec.
    pub(super) fn new(compression: Compression) -> Self {
        Self {
            compression,
            table: CompressTable::large(),
            block: Vec::new(),
        }
    }

    /// The codec.
    pub(super) fn compression(&self) -> Compression {
        self.compression
    }

    /// Appends `records`, compressed, to `out`.
    ///
    /// # Errors
    /// If a codec fails, which it does only for want of memory.
    pub(super) fn compress(&mut self, records: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        self.begin(out);
        self.append(records, out)?;
        self.end(out);
        Ok(())
    }

    /// Whether records may be compressed one after another into the same frame.
    pub(super) fn appends(&self) -> bool {
        matches!(self.compression, Compression::Lz4 | Compression::Snappy)
    }

    /// Begins a frame.
    pub(super) fn begin(&self, out: &mut Vec<u8>) {
        match self.compression {
            Compression::Lz4 => out.extend_from_slice(&LZ4_HEAD),
            Compression::Snappy => out.extend_from_slice(SNAPPY_HEAD),
            Compression::None | Compression::Gzip(_) | Compression::Zstd(_) => {}
        }
    }

    /// Adds records to the frame: once, unless it [appends](Self::appends).
    ///
    /// # Errors
    /// As those of [`compress`](Self::compress).
    pub(super) fn append(&mut self, records: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        match self.compression {
            Compression::None => out.extend_from_slice(records),
            Compression::Gzip(level) => {
                let mut encoder = GzEncoder::new(out, flate2::Compression::new(level));
                encoder.write_all(records)?;
                encoder.finish()?;
            }
            Compression::Snappy => self.snappy(records, out)?,
            Compression::Lz4 => self.lz4(records, out)?,
            Compression::Zstd(level) => zstd::stream::copy_encode(records, out, level)?,
        }
        Ok(())
    }

    /// Ends the frame.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        if self.compression == Compression::Lz4 {
            out.extend_from_slice(&[0; 4]);
        }
    }

    /// Independent blocks of an LZ4 frame (`lz4_Frame_format.md` of LZ4), as Kafka's Java client and librdkafka write it.
    fn lz4(&mut self, records: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        for block in records.chunks(LZ4_BLOCK) {
            self.block.resize(get_maximum_output_size(block.len()), 0);
            let compressed = compress_into_with_table(block, &mut self.block, &mut self.table);
            let size = compressed.map_err(std::io::Error::other)?;
            let smaller = self.block.get(..size).filter(|_| size < block.len());
            let (mark, bytes) = match smaller {
                Some(compressed) => (0, compressed),
                None => (LZ4_STORED, block),
            };
            let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX) | mark;
            out.extend_from_slice(&length.to_le_bytes());
            out.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Snappy blocks in the frame of the Java library (`org.xerial.snappy.SnappyOutputStream`), which Kafka's clients
    /// read.
    fn snappy(&mut self, records: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        let mut encoder = snap::raw::Encoder::new();
        for block in records.chunks(SNAPPY_BLOCK) {
            self.block.resize(snap::raw::max_compress_len(block.len()), 0);
            let size = encoder.compress(block, &mut self.block)?;
            let length = u32::try_from(size).unwrap_or(u32::MAX);
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(self.block.get(..size).unwrap_or_default());
        }
        Ok(())
    }
}

/// The magic number; version 1 with independent blocks and no checksums; blocks of at most 64 KiB; the head's checksum.
const LZ4_HEAD: [u8; 7] = [0x04, 0x22, 0x4d, 0x18, 0x60, 0x40, 0x82];
const LZ4_BLOCK: usize = 64 << 10;
/// The block is not compressed.
const LZ4_STORED: u32 = 1 << 31;

/// The magic number, version 1, compatible with version 1.
const SNAPPY_HEAD: &[u8] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
const SNAPPY_BLOCK: usize = 32 << 10;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn texts() -> [Vec<u8>; 4] {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        };
        [
            Vec::new(),
            b"abc".to_vec(),
            b"{\"id\":1,\"name\":\"x\"}".repeat(20_000),
            std::iter::repeat_with(&mut random).take(200_000).collect(),
        ]
    }

    fn compressed(compression: Compression, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Compressor::new(compression).compress(text, &mut out).unwrap();
        out
    }

    #[test]
    fn lz4_is_a_frame_with_a_right_checksum() {
        for text in texts() {
            let mut read = Vec::new();
            lz4_flex::frame::FrameDecoder::new(compressed(Compression::Lz4, &text).as_slice())
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn gzip_and_zstd_are_read_again() {
        for text in texts() {
            let mut read = Vec::new();
            let gzip = compressed(Compression::Gzip(6), &text);
            flate2::read::GzDecoder::new(gzip.as_slice())
                .read_to_end(&mut read)
                .unwrap();
            assert_eq!(read, text);
            let zstd = zstd::stream::decode_all(compressed(Compression::Zstd(3), &text).as_slice());
            assert_eq!(zstd.unwrap(), text);
        }
    }

    #[test]
    fn snappy_blocks_come_after_their_lengths() {
        for text in texts() {
            let out = compressed(Compression::Snappy, &text);
            let mut rest = out.strip_prefix(SNAPPY_HEAD).unwrap();
            let mut read = Vec::new();
            while let Some((length, tail)) = rest.split_first_chunk::<4>() {
                let (block, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
                read.extend(snap::raw::Decoder::new().decompress_vec(block).unwrap());
                rest = tail;
            }
            assert_eq!(read, text);
        }
    }

    #[test]
    fn text_becomes_smaller() {
        let text = b"{\"id\":1,\"name\":\"x\"}".repeat(2_000);
        for compression in [
            Compression::Gzip(6),
            Compression::Snappy,
            Compression::Lz4,
            Compression::Zstd(3),
        ] {
            assert!(
                compressed(compression, &text).len() < text.len() / 5,
                "{compression:?}"
            );
        }
    }
}
