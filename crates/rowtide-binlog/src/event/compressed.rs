//! What MariaDB compresses with zlib: the statement of a QUERY_COMPRESSED (165) and the rows of a compressed rows event
//! (166 to 171), and, in another dress, the values of COMPRESSED columns.

use flate2::{Decompress, FlushDecompress, Status};

use rowtide_event::{Malformed, Reader};

const WHAT: &str = "compressed data";
/// How much memory is taken before the bytes that fill it have come.
const STEP: usize = 64 * 1024;

/// Appends what `bytes` of an event hold: a head, the length in up to four bytes (the first highest), and a zlib stream
/// (`binlog_buf_compress` in the server's log_event.cc).
pub(crate) fn uncompress_event(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    let head = reader.u8(WHAT)?;
    // The highest bit says that it is compressed; the three after it are the algorithm, of which 0 is zlib.
    if head & 0xe0 != 0x80 {
        return Err(Malformed::Unsupported("compression of a MariaDB event"));
    }
    let len = length(&mut reader, head & 7)?;
    inflate(reader.rest(), Decompress::new(true), len, limit, out)
}

/// Appends what the bytes of a COMPRESSED column hold: nothing, or a head and the value as it is or compressed
/// (`Field_longstr::compress` in the server's field.cc).
pub(crate) fn uncompress_value(bytes: &[u8], limit: usize, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let Some((head, rest)) = bytes.split_first() else {
        return Ok(());
    };
    match head >> 4 {
        0 if *head == 0 => {
            out.extend_from_slice(rest);
            Ok(())
        }
        8 => {
            let mut reader = Reader::new(rest);
            let len = length(&mut reader, head & 7)?;
            let has_zlib_header = head & 8 == 0;
            inflate(reader.rest(), Decompress::new(has_zlib_header), len, limit, out)
        }
        _ => Err(Malformed::Unsupported("compression of a COMPRESSED column")),
    }
}

fn length(reader: &mut Reader<'_>, bytes: u8) -> Result<usize, Malformed> {
    if !(1..=4).contains(&bytes) {
        return Err(Malformed::Invalid("length of compressed data"));
    }
    let bytes = reader.take(usize::from(bytes), WHAT)?;
    let len = bytes.iter().fold(0u32, |len, byte| len << 8 | u32::from(*byte));
    usize::try_from(len).map_err(|_| Malformed::TooLarge(WHAT))
}

/// Appends exactly `len` bytes, which must be all that the stream holds.
fn inflate(
    mut input: &[u8],
    mut stream: Decompress,
    len: usize,
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let end = out.len().checked_add(len).filter(|end| *end <= limit);
    let end = end.ok_or(Malformed::TooLarge(WHAT))?;
    loop {
        let have = out.len();
        // One byte more than is due shows a stream that is too long.
        let target = end.saturating_add(1).min(have.saturating_add(STEP));
        out.resize(target, 0);
        let (read, written) = (stream.total_in(), stream.total_out());
        let free = out.get_mut(have..).unwrap_or_default();
        let status = stream
            .decompress(input, free, FlushDecompress::None)
            .map_err(|_| Malformed::Invalid(WHAT))?;
        let (read, written) = (since(read, stream.total_in()), since(written, stream.total_out()));
        out.truncate(have.saturating_add(written));
        input = input.get(read..).unwrap_or_default();
        match status {
            Status::StreamEnd if out.len() == end && input.is_empty() => return Ok(()),
            Status::StreamEnd => return Err(Malformed::Invalid("length of compressed data")),
            _ if out.len() > end => return Err(Malformed::Invalid("length of compressed data")),
            _ if read == 0 && written == 0 => return Err(Malformed::Truncated(WHAT)),
            _ => {}
        }
    }
}

fn since(before: u64, now: u64) -> usize {
    usize::try_from(now.saturating_sub(before)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, ZlibEncoder};
    use proptest::prelude::*;
    use std::io::Write;

    const LIMIT: usize = 1 << 20;

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn raw(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn event(len: u32, stream: &[u8]) -> Vec<u8> {
        [&[0x84][..], &len.to_be_bytes(), stream].concat()
    }

    fn uncompressed(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut out = vec![];
        uncompress_event(bytes, LIMIT, &mut out).map(|()| out)
    }

    fn value(bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut out = vec![];
        uncompress_value(bytes, LIMIT, &mut out).map(|()| out)
    }

    #[test]
    fn values_that_a_server_compressed() {
        // MariaDB 11.8: 500 times b, with the default column_compression_zlib_wrap=OFF.
        let bytes = [0x8a, 1, 0xf4, 0x4b, 0x4a, 0x1a, 5, 0x23, 0x0d, 0, 0];
        assert_eq!(value(&bytes), Ok(vec![b'b'; 500]));
        assert_eq!(value(&[0, b'a', b'b']), Ok(b"ab".to_vec()));
        assert_eq!(value(&[]), Ok(vec![]));
        assert_eq!(value(&[0]), Ok(vec![]));
        assert!(value(&[1, 2]).is_err() && value(&[0x90, 2]).is_err());
        let text = b"text ".repeat(50);
        assert_eq!(
            value(&[&[0x81, 250][..], &zlib(&text)].concat()),
            Ok(text.clone())
        );
        assert_eq!(value(&[&[0x89, 250][..], &raw(&text)].concat()), Ok(text));
    }

    #[test]
    fn the_length_must_be_that_of_the_stream() {
        let text = b"insert ".repeat(30_000);
        let stream = zlib(&text);
        let len = u32::try_from(text.len()).unwrap();
        assert_eq!(uncompressed(&event(len, &stream)), Ok(text.clone()));
        for wrong in [len - 1, len + 1, 0] {
            assert_eq!(
                uncompressed(&event(wrong, &stream)),
                Err(Malformed::Invalid("length of compressed data"))
            );
        }
        assert_eq!(
            uncompressed(&event(len, &stream[..stream.len() - 5])),
            Err(Malformed::Truncated(WHAT))
        );
        assert!(uncompressed(&event(len, &[&stream[..], &[0]].concat())).is_err());
        assert!(uncompressed(&[0xc1, 1, 0]).is_err() && uncompressed(&[0x80, 1]).is_err());
    }

    #[test]
    fn what_a_length_claims_is_not_allocated() {
        let mut out = vec![];
        let claims = event(u32::MAX, &zlib(b"small"));
        assert_eq!(
            uncompress_event(&claims, usize::MAX, &mut out),
            Err(Malformed::Invalid("length of compressed data"))
        );
        assert!(out.capacity() <= 2 * STEP);
        let over = event(u32::try_from(LIMIT).unwrap() + 1, &zlib(b"small"));
        assert_eq!(uncompressed(&over), Err(Malformed::TooLarge(WHAT)));
    }

    proptest! {
        #[test]
        fn what_is_compressed_comes_back(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
            let len = u32::try_from(bytes.len()).unwrap();
            prop_assert_eq!(uncompressed(&event(len, &zlib(&bytes))), Ok(bytes.clone()));
            let column = [&[0x8c][..], &len.to_be_bytes(), &raw(&bytes)].concat();
            prop_assert_eq!(value(&column), Ok(bytes));
        }

        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (uncompressed(&bytes), value(&bytes));
        }
    }
}
