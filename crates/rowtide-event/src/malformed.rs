//! The cursor over bytes from outside, and the one error of every decoder.

use std::fmt;

/// Why bytes could not be read. Small and `Copy`: where it happened (file, position, table, column) is added by
/// the caller that knows, and the bytes themselves are never part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malformed {
    /// The bytes end before the named thing is complete.
    Truncated(&'static str),
    /// Bytes remain after the named thing, which should have used them all.
    Trailing(&'static str),
    /// The named thing holds a value that its format does not permit.
    Invalid(&'static str),
    /// The named thing is larger or deeper than the limit Rowtide sets itself.
    TooLarge(&'static str),
    /// The named thing is known and well formed, and not supported.
    Unsupported(&'static str),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated(what) => write!(f, "{what} is cut short"),
            Self::Trailing(what) => write!(f, "{what} is followed by bytes that do not belong to it"),
            Self::Invalid(what) => write!(f, "{what} holds a value that its format does not permit"),
            Self::TooLarge(what) => write!(f, "{what} exceeds the limit"),
            Self::Unsupported(what) => write!(f, "{what} is not supported"),
        }
    }
}

impl std::error::Error for Malformed {}

/// A cursor over borrowed bytes: just the rest that has not been read, so that there is no index to get wrong.
/// Every read says what it wanted, and fails with [`Malformed::Truncated`] where too few bytes are left.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! little_endian {
    ($($(#[$doc:meta])* $name:ident -> $int:ty, $bytes:literal;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name(&mut self, what: &'static str) -> Result<$int, Malformed> {
            let bytes = self.array::<$bytes>(what)?;
            let mut wide = [0u8; size_of::<$int>()];
            for (to, from) in wide.iter_mut().zip(bytes) {
                *to = *from;
            }
            Ok(<$int>::from_le_bytes(wide))
        }
    )*};
}

impl<'a> Reader<'a> {
    /// A cursor at the start of `bytes`.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes not yet read; they stay unread.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes are left.
    #[inline]
    pub fn len(&self) -> usize {
        self.rest.len()
    }

    /// Whether all bytes have been read.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `n` bytes.
    #[inline]
    pub fn take(&mut self, n: usize, what: &'static str) -> Result<&'a [u8], Malformed> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or(Malformed::Truncated(what))?;
        self.rest = tail;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    #[inline]
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<&'a [u8; N], Malformed> {
        let (head, tail) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(Malformed::Truncated(what))?;
        self.rest = tail;
        Ok(head)
    }

    /// All bytes that are left.
    #[inline]
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Bytes up to the next NUL, which is read too and not returned.
    pub fn until_nul(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let at = self
            .rest
            .iter()
            .position(|b| *b == 0)
            .ok_or(Malformed::Truncated(what))?;
        let text = self.take(at, what)?;
        self.take(1, what)?;
        Ok(text)
    }

    /// Fails with [`Malformed::Trailing`] unless all bytes have been read.
    #[inline]
    pub fn finish(self, what: &'static str) -> Result<(), Malformed> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Malformed::Trailing(what))
        }
    }

    /// The next byte.
    #[inline]
    pub fn u8(&mut self, what: &'static str) -> Result<u8, Malformed> {
        let (first, tail) = self.rest.split_first().ok_or(Malformed::Truncated(what))?;
        self.rest = tail;
        Ok(*first)
    }

    little_endian! {
        /// Two bytes, little-endian.
        u16 -> u16, 2;
        /// Three bytes, little-endian.
        u24 -> u32, 3;
        /// Four bytes, little-endian.
        u32 -> u32, 4;
        /// Six bytes, little-endian.
        u48 -> u64, 6;
        /// Seven bytes, little-endian.
        u56 -> u64, 7;
        /// Eight bytes, little-endian.
        u64 -> u64, 8;
        /// Eight bytes, little-endian, two's complement.
        i64 -> i64, 8;
    }

    /// A length-encoded integer ("packed", `net_field_length` in the server's pack.cc): one byte up to 250, else a
    /// marker of 252, 253 or 254 and 2, 3 or 8 bytes. The marker 251 means NULL where rows are sent as text and is
    /// invalid here.
    #[inline]
    pub fn packed(&mut self, what: &'static str) -> Result<u64, Malformed> {
        match self.u8(what)? {
            n @ 0..=250 => Ok(u64::from(n)),
            252 => self.u16(what).map(u64::from),
            253 => self.u24(what).map(u64::from),
            254 => self.u64(what),
            251 | 255 => Err(Malformed::Invalid(what)),
        }
    }

    /// A [`packed`](Self::packed) integer that counts or measures something in memory.
    #[inline]
    pub fn packed_len(&mut self, what: &'static str) -> Result<usize, Malformed> {
        usize::try_from(self.packed(what)?).map_err(|_| Malformed::TooLarge(what))
    }

    /// Bytes preceded by their [`packed`](Self::packed) length.
    #[inline]
    pub fn packed_bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let n = self.packed_len(what)?;
        self.take(n, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_little_endian_of_any_width() {
        let mut r = Reader::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(r.u8("a"), Ok(1));
        assert_eq!(r.u24("b"), Ok(0x04_03_02));
        assert_eq!(r.u48("c"), Ok(0x0a_09_08_07_06_05));
        assert_eq!(r.u16("d"), Err(Malformed::Truncated("d")));
        assert_eq!(r.finish("all"), Err(Malformed::Trailing("all")));
    }

    #[test]
    fn packed_integers_of_every_size_and_the_null_marker() {
        assert_eq!(Reader::new(&[250]).packed("n"), Ok(250));
        assert_eq!(Reader::new(&[252, 0, 1]).packed("n"), Ok(256));
        assert_eq!(Reader::new(&[253, 0, 0, 1]).packed("n"), Ok(65536));
        assert_eq!(
            Reader::new(&[254, 0, 0, 0, 0, 0, 0, 0, 1]).packed("n"),
            Ok(1 << 56)
        );
        assert_eq!(Reader::new(&[251]).packed("n"), Err(Malformed::Invalid("n")));
        assert_eq!(Reader::new(&[252, 0]).packed("n"), Err(Malformed::Truncated("n")));
        assert_eq!(
            Reader::new(&[3, 1, 2]).packed_bytes("b"),
            Err(Malformed::Truncated("b"))
        );
    }
}
