//! Kafka's primitive types: big-endian integers, strings and byte strings after their lengths, arrays after their counts.

use rowtide_event::Malformed;
use rowtide_event::malformed::Reader;

/// A cursor over an answer's body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a>(Reader<'a>);

impl<'a> Input<'a> {
    /// At the start of `body`.
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self(Reader::new(body))
    }

    pub(crate) fn i8(&mut self, what: &'static str) -> Result<i8, Malformed> {
        self.0.array::<1>(what).map(|bytes| i8::from_be_bytes(*bytes))
    }

    pub(crate) fn i16(&mut self, what: &'static str) -> Result<i16, Malformed> {
        self.0.array::<2>(what).map(|bytes| i16::from_be_bytes(*bytes))
    }

    pub(crate) fn i32(&mut self, what: &'static str) -> Result<i32, Malformed> {
        self.0.array::<4>(what).map(|bytes| i32::from_be_bytes(*bytes))
    }

    pub(crate) fn i64(&mut self, what: &'static str) -> Result<i64, Malformed> {
        self.0.array::<8>(what).map(|bytes| i64::from_be_bytes(*bytes))
    }

    /// A string; none where its length is -1.
    pub(crate) fn nullable_string(&mut self, what: &'static str) -> Result<Option<&'a str>, Malformed> {
        let len = self.i16(what)?;
        if len == -1 {
            return Ok(None);
        }
        let len = usize::try_from(len).map_err(|_| Malformed::Invalid(what))?;
        let text = std::str::from_utf8(self.0.take(len, what)?);
        text.map(Some).map_err(|_| Malformed::Invalid(what))
    }

    /// A string that must be there.
    pub(crate) fn string(&mut self, what: &'static str) -> Result<&'a str, Malformed> {
        self.nullable_string(what)?.ok_or(Malformed::Invalid(what))
    }

    /// Bytes that must be there.
    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(self.i32(what)?).map_err(|_| Malformed::Invalid(what))?;
        self.0.take(len, what)
    }

    /// Calls `each` for every element of an array; an array that is null has none. What the elements become is allocated as
    /// they are read, whatever their number is said to be.
    pub(crate) fn array(
        &mut self,
        what: &'static str,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        let count = self.i32(what)?;
        if count < -1 {
            return Err(Malformed::Invalid(what));
        }
        for _ in 0..count {
            if self.0.is_empty() {
                return Err(Malformed::Truncated(what));
            }
            each(self)?;
        }
        Ok(())
    }

    /// The same, of 32-bit integers that nobody asks for.
    pub(crate) fn skip_i32s(&mut self, what: &'static str) -> Result<(), Malformed> {
        self.array(what, |input| input.i32(what).map(drop))
    }

    /// Fails unless all bytes have been read.
    pub(crate) fn finish(self, what: &'static str) -> Result<(), Malformed> {
        self.0.finish(what)
    }
}

/// A request's body as it grows.
pub(crate) trait Output {
    fn i8(&mut self, value: i8);
    fn i16(&mut self, value: i16);
    fn i32(&mut self, value: i32);
    fn i64(&mut self, value: i64);
    /// A string, which may be null. Names of topics and ids are far below 32,767 bytes; a longer one is cut.
    fn nullable_string(&mut self, value: Option<&str>);
    /// The number of an array's elements, which follow.
    fn count(&mut self, count: usize);
    /// Bytes after their length.
    fn bytes(&mut self, value: &[u8]);

    fn string(&mut self, value: &str) {
        self.nullable_string(Some(value));
    }
}

impl Output for Vec<u8> {
    fn i8(&mut self, value: i8) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn i16(&mut self, value: i16) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn i64(&mut self, value: i64) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn nullable_string(&mut self, value: Option<&str>) {
        let Some(value) = value else {
            return self.i16(-1);
        };
        let len = i16::try_from(value.len()).unwrap_or(i16::MAX);
        self.i16(len);
        let kept = value.as_bytes().get(..usize::from(len.unsigned_abs()));
        self.extend_from_slice(kept.unwrap_or_default());
    }

    fn count(&mut self, count: usize) {
        self.i32(i32::try_from(count).unwrap_or(i32::MAX));
    }

    fn bytes(&mut self, value: &[u8]) {
        self.count(value.len());
        self.extend_from_slice(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let mut out = Vec::new();
        out.i8(-2);
        out.i16(-3);
        out.i32(4);
        out.i64(-5);
        out.string("kä");
        out.nullable_string(None);
        out.bytes(b"xyz");
        out.count(2);
        out.i32(7);
        out.i32(8);
        let mut input = Input::new(&out);
        assert_eq!(input.i8("a"), Ok(-2));
        assert_eq!(input.i16("b"), Ok(-3));
        assert_eq!(input.i32("c"), Ok(4));
        assert_eq!(input.i64("d"), Ok(-5));
        assert_eq!(input.string("e"), Ok("kä"));
        assert_eq!(input.nullable_string("f"), Ok(None));
        assert_eq!(input.bytes("g"), Ok(&b"xyz"[..]));
        let mut seen = Vec::new();
        let read = input.array("h", |input| {
            seen.push(input.i32("i")?);
            Ok(())
        });
        assert_eq!((read, seen), (Ok(()), vec![7, 8]));
        assert_eq!(input.finish("all"), Ok(()));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        assert_eq!(
            Input::new(&[0, 9, b'a']).string("s"),
            Err(Malformed::Truncated("s"))
        );
        assert_eq!(
            Input::new(&[0xff, 0xfe]).string("s"),
            Err(Malformed::Invalid("s"))
        );
        assert_eq!(
            Input::new(&[0, 1, 0xff]).string("s"),
            Err(Malformed::Invalid("s"))
        );
        let endless = [0x7f, 0xff, 0xff, 0xff];
        assert_eq!(
            Input::new(&endless).array("a", |_| Ok(())),
            Err(Malformed::Truncated("a"))
        );
        assert_eq!(Input::new(&endless).bytes("b"), Err(Malformed::Truncated("b")));
        let negative = [0xff, 0xff, 0xff, 0xfe];
        assert_eq!(
            Input::new(&negative).array("a", |_| Ok(())),
            Err(Malformed::Invalid("a"))
        );
    }
}
