//! GTID_TAGGED (42): a transaction begins, with an id that has a tag. The event is a message of the server's
//! serialization library (`libs/mysql/serialization`): fields with ascending numbers, each present or not.

use rowtide_event::{Malformed, Reader};

use super::gtid::{CommitTimestamps, GtidEvent, MAX_GNO};

const WHAT: &str = "GTID_TAGGED";
/// The highest field number known here.
const LAST_FIELD: u64 = 11;
/// The longest tag, `tag_max_length` in the server's gtids/tag.h.
const MAX_TAG: usize = 32;

/// Reads a body.
pub fn read(body: &[u8]) -> Result<GtidEvent<'_>, Malformed> {
    let mut fields = message(body)?;
    let mut event = GtidEvent::new([0; 16], 0);
    let (mut immediate, mut original) = (None, None);
    let (mut version, mut original_version) = (None, None);
    let mut last = None;
    while !fields.is_empty() {
        let field = varlen(&mut fields)?;
        if last.is_some_and(|last| field <= last) {
            return Err(Malformed::Invalid(WHAT));
        }
        last = Some(field);
        match field {
            0 | 11 => varlen(&mut fields).map(|_| ())?,
            1 => event.uuid = uuid(&mut fields)?,
            2 => event.gno = gno(&mut fields)?,
            3 => event.tag = tag(&mut fields)?,
            4 => signed_varlen(&mut fields).map(|_| ())?,
            5 => event.sequence_number = u64::try_from(signed_varlen(&mut fields)?).ok(),
            6 => immediate = Some(varlen(&mut fields)?),
            7 => original = Some(varlen(&mut fields)?),
            8 => event.transaction_length = Some(varlen(&mut fields)?),
            9 => version = Some(server_version(&mut fields)?),
            10 => original_version = Some(server_version(&mut fields)?),
            // Of a newer server, which says in the message's head that it may be ignored.
            _ => break,
        }
    }
    event.commit = immediate.map(|immediate_us| CommitTimestamps {
        immediate_us,
        original_us: original.unwrap_or(immediate_us),
    });
    event.original_server_version = original_version.or(version);
    if event.gno == 0 {
        Err(Malformed::Invalid("GTID number"))
    } else {
        Ok(event)
    }
}

/// Reads version, size and the last field that may not be ignored, and gives the fields.
fn message(body: &[u8]) -> Result<Reader<'_>, Malformed> {
    let mut reader = Reader::new(body);
    if varlen(&mut reader)? != 1 {
        return Err(Malformed::Unsupported("a version of GTID_TAGGED other than 1"));
    }
    let size = varlen(&mut reader)?;
    if usize::try_from(size) != Ok(body.len()) {
        return Err(Malformed::Invalid("size of GTID_TAGGED"));
    }
    // One more than the number, so that 0 can say "none".
    if varlen(&mut reader)? > LAST_FIELD.saturating_add(1) {
        return Err(Malformed::Unsupported(
            "a field of GTID_TAGGED that may not be ignored",
        ));
    }
    Ok(reader)
}

/// An unsigned integer: as many low bits of the first byte are set as bytes follow it.
fn varlen(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    let first = reader.u8(WHAT)?;
    let following = first.trailing_ones();
    let mut bytes = [0u8; 8];
    let read = reader.take(
        usize::try_from(following).map_err(|_| Malformed::Invalid(WHAT))?,
        WHAT,
    )?;
    for (to, from) in bytes.iter_mut().zip(read) {
        *to = *from;
    }
    let high = u64::from_le_bytes(bytes);
    // The first byte's own value bits, and those of the following bytes above them.
    let low = u64::from(first)
        .checked_shr(following.saturating_add(1))
        .unwrap_or(0);
    Ok(high.checked_shl(7u32.saturating_sub(following)).unwrap_or(0) | low)
}

/// A signed integer: the sign in the lowest bit.
fn signed_varlen(reader: &mut Reader<'_>) -> Result<i64, Malformed> {
    let zigzag = varlen(reader)?;
    let magnitude = (zigzag >> 1).cast_signed();
    Ok(if zigzag & 1 == 1 { !magnitude } else { magnitude })
}

fn uuid(reader: &mut Reader<'_>) -> Result<[u8; 16], Malformed> {
    let mut uuid = [0; 16];
    for byte in &mut uuid {
        *byte = u8::try_from(varlen(reader)?).map_err(|_| Malformed::Invalid("GTID uuid"))?;
    }
    Ok(uuid)
}

fn gno(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
    match u64::try_from(signed_varlen(reader)?) {
        Ok(gno @ 1..=MAX_GNO) => Ok(gno),
        _ => Err(Malformed::Invalid("GTID number")),
    }
}

fn tag<'a>(reader: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    let len = usize::try_from(varlen(reader)?).map_err(|_| Malformed::TooLarge("GTID tag"))?;
    if len > MAX_TAG {
        return Err(Malformed::TooLarge("GTID tag"));
    }
    let tag = reader.take(len, "GTID tag")?;
    let word = tag.iter().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if !word || tag.first().is_some_and(u8::is_ascii_digit) {
        return Err(Malformed::Invalid("GTID tag"));
    }
    std::str::from_utf8(tag).map_err(|_| Malformed::Invalid("GTID tag"))
}

fn server_version(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    u32::try_from(varlen(reader)?).map_err(|_| Malformed::Invalid("GTID_TAGGED server version"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Written by a MySQL 9.6.0.
    const GOLDEN: &[u8] = &[
        0x02, 0x78, 0x00, 0x00, 0x00, 0x02, 0xaa, 0xee, 0x25, 0x02, 0x08, 0x04, 0x65, 0x02, 0x22, 0xc5, 0x03,
        0xc5, 0x02, 0xe1, 0x02, 0x9c, 0xc1, 0x03, 0x11, 0x03, 0x55, 0x02, 0xde, 0xad, 0x03, 0x04, 0x0c, 0x06,
        0x0a, 0x6d, 0x79, 0x74, 0x61, 0x67, 0x08, 0x00, 0x0a, 0x04, 0x0c, 0x7f, 0x1c, 0xf3, 0xb8, 0x14, 0x24,
        0x4a, 0x06, 0x10, 0xa1, 0x04, 0x12, 0x43, 0x0f, 0x0b,
    ];

    #[test]
    fn a_real_event() {
        let event = read(GOLDEN).unwrap();
        assert_eq!(
            event.uuid,
            0x5577_8904_0299_11f1_b1b8_4ef0_c495_6feb_u128.to_be_bytes()
        );
        assert_eq!((event.tag, event.gno), ("mytag", 3));
        let ts = 1_770_368_687_207_196;
        assert_eq!(
            event.commit,
            Some(CommitTimestamps {
                immediate_us: ts,
                original_us: ts
            })
        );
        assert_eq!(event.transaction_length, Some(296));
        assert_eq!(event.original_server_version, Some(90_600));
    }

    #[test]
    fn cuts_and_unknown_fields() {
        for len in 0..GOLDEN.len() {
            assert!(read(&GOLDEN[..len]).is_err(), "{len} bytes");
        }
        let mut longer = GOLDEN.to_vec();
        longer.extend([12 << 1, 9, 9]);
        longer[1] += 3 << 1;
        assert_eq!(read(&longer).unwrap().gno, 3);
        longer[2] = 13 << 1;
        assert!(matches!(read(&longer), Err(Malformed::Unsupported(_))));
    }

    #[test]
    fn integers_of_every_length() {
        let all = [
            (&[0x02][..], 1),
            (&[0xfe], 127),
            (&[0x01, 0x02], 128),
            (&[0xa1, 0x04], 296),
            (&[0x7f, 0, 0, 0, 0, 0, 0, 0x80], 1 << 55),
            (&[0xff, 1, 2, 3, 4, 5, 6, 7, 8], 0x0807_0605_0403_0201),
        ];
        for (bytes, value) in all {
            assert_eq!(varlen(&mut Reader::new(bytes)), Ok(value), "{bytes:?}");
        }
        assert_eq!(signed_varlen(&mut Reader::new(&[0x02])), Ok(-1));
        assert_eq!(signed_varlen(&mut Reader::new(&[0x0c])), Ok(3));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&bytes);
        }

        #[test]
        fn never_panics_on_a_damaged_event(at in 0..60usize, byte in any::<u8>()) {
            let mut bytes = GOLDEN.to_vec();
            bytes[at] = byte;
            let _ = read(&bytes);
        }
    }
}
