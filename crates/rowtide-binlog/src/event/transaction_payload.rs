//! TRANSACTION_PAYLOAD (40): a whole transaction's events, compressed (`binlog_transaction_compression`).

use rowtide_event::{Malformed, Reader};

/// A transaction's events in one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionPayload<'a> {
    /// How they are compressed.
    pub compression: Compression,
    /// Bytes of all events, as the server says: not to be relied on.
    pub uncompressed_size: Option<u64>,
    /// The compressed bytes.
    pub payload: &'a [u8],
}

/// How a payload is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// One or more zstd frames.
    Zstd,
    /// Not at all.
    None,
}

const WHAT: &str = "TRANSACTION_PAYLOAD";

impl<'a> TransactionPayload<'a> {
    /// Reads a body: fields of type, length and value, of which a type 0 without a length is the end, and then the
    /// payload to the end of the event.
    pub fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let (mut size, mut compression, mut uncompressed_size) = (None, None, None);
        loop {
            match reader.packed(WHAT)? {
                0 => break,
                1 => size = Some(field(&mut reader)?),
                2 => compression = Some(Compression::from_number(field(&mut reader)?)?),
                3 => uncompressed_size = Some(field(&mut reader)?),
                _ => reader.packed_bytes(WHAT).map(|_| ())?,
            }
        }
        let size = size
            .and_then(|size| usize::try_from(size).ok())
            .ok_or(Malformed::Invalid(WHAT))?;
        let compression = compression.ok_or(Malformed::Invalid(WHAT))?;
        let payload = reader.take(size, WHAT)?;
        reader.finish(WHAT)?;
        Ok(Self {
            compression,
            uncompressed_size,
            payload,
        })
    }
}

/// A field's value is itself a packed integer.
fn field(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    let mut value = Reader::new(reader.packed_bytes(WHAT)?);
    let number = value.packed(WHAT)?;
    value.finish(WHAT)?;
    Ok(number)
}

impl Compression {
    fn from_number(number: u64) -> Result<Self, Malformed> {
        match number {
            0 => Ok(Self::Zstd),
            255 => Ok(Self::None),
            _ => Err(Malformed::Unsupported("compression of a TRANSACTION_PAYLOAD")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_head_that_a_server_wrote() {
        // MySQL 8.0.32: zstd, 0xb3 bytes, 0x7c compressed.
        let mut body = vec![2, 1, 0, 3, 1, 0xb3, 1, 1, 0x7c, 0, 0x28, 0xb5, 0x2f, 0xfd];
        body.resize(10 + 0x7c, 0);
        let payload = TransactionPayload::read(&body).unwrap();
        assert_eq!(payload.compression, Compression::Zstd);
        assert_eq!(
            (payload.uncompressed_size, payload.payload.len()),
            (Some(0xb3), 0x7c)
        );
        assert_eq!(
            TransactionPayload::read(&body[..body.len() - 1]),
            Err(Malformed::Truncated(WHAT))
        );
        body.push(0);
        assert_eq!(TransactionPayload::read(&body), Err(Malformed::Trailing(WHAT)));
    }

    #[test]
    fn stored_payloads_and_missing_fields() {
        let stored = [2, 3, 252, 255, 0, 1, 1, 2, 9, 1, 7, 0, 5, 6];
        let payload = TransactionPayload::read(&stored).unwrap();
        assert_eq!(
            (payload.compression, payload.payload),
            (Compression::None, &[5, 6][..])
        );
        assert_eq!(
            TransactionPayload::read(&[2, 1, 0, 0]),
            Err(Malformed::Invalid(WHAT))
        );
        assert_eq!(
            TransactionPayload::read(&[1, 1, 0, 0]),
            Err(Malformed::Invalid(WHAT))
        );
        assert!(matches!(
            TransactionPayload::read(&[2, 1, 9, 0]),
            Err(Malformed::Unsupported(_))
        ));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = TransactionPayload::read(&bytes);
        }
    }
}
