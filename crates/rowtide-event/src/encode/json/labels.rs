//! ENUM and SET: members by name, escaped once when the table's plan is compiled.

use super::string;
use crate::{Label, Malformed};

/// The members of an ENUM or SET as JSON string contents, in their order; none for one whose bytes are no text.
#[derive(Debug, Clone)]
pub(super) struct Labels(Box<[Option<Box<[u8]>>]>);

const NO_TEXT: Malformed = Malformed::Unsupported(
    "a member of an ENUM or SET whose bytes are no text in its character set, as CONVERT TO CHARACTER SET may leave one,",
);

impl Labels {
    pub(super) fn compile(members: &[Label]) -> Self {
        let escaped = |text: &str| {
            let mut label = Vec::new();
            string::escape(text, &mut label);
            label.into_boxed_slice()
        };
        Self(members.iter().map(|member| member.text().map(escaped)).collect())
    }

    /// Appends the member with this index, counted from 1; 0 is the empty string that the server puts in the place of an
    /// invalid value.
    #[inline]
    pub(super) fn write_member(&self, index: u16, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let label = match usize::from(index).checked_sub(1) {
            Some(n) => {
                let label = self.0.get(n).ok_or(Malformed::Invalid("ENUM"))?;
                label.as_deref().ok_or(NO_TEXT)?
            }
            None => &[][..],
        };
        out.push(b'"');
        out.extend_from_slice(label);
        out.push(b'"');
        Ok(())
    }

    /// Appends the members whose bits are set, lowest first, with commas between them.
    pub(super) fn write_members(&self, bits: u64, out: &mut Vec<u8>) -> Result<(), Malformed> {
        out.push(b'"');
        let mut rest = bits;
        while rest != 0 {
            let member = usize::try_from(rest.trailing_zeros())
                .ok()
                .and_then(|n| self.0.get(n));
            if rest != bits {
                out.push(b',');
            }
            let member = member.ok_or(Malformed::Invalid("SET"))?;
            out.extend_from_slice(member.as_deref().ok_or(NO_TEXT)?);
            rest &= rest - 1;
        }
        out.push(b'"');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(members: &[&str]) -> Labels {
        Labels::compile(&members.iter().map(|m| Label::from(*m)).collect::<Vec<_>>())
    }

    fn text(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_enums_member_by_index() {
        let members = labels(&["a", "b", "c,d", "e'f", "q\"uote"]);
        assert_eq!(text(|out| members.write_member(1, out)), "\"a\"");
        assert_eq!(text(|out| members.write_member(3, out)), "\"c,d\"");
        assert_eq!(text(|out| members.write_member(5, out)), "\"q\\\"uote\"");
        assert_eq!(text(|out| members.write_member(0, out)), "\"\"");
        assert_eq!(
            members.write_member(6, &mut Vec::new()),
            Err(Malformed::Invalid("ENUM"))
        );
    }

    #[test]
    fn a_member_that_is_no_text_is_not_written() {
        let members = Labels::compile(&["a".into(), Label::Bytes([0xe4].into())]);
        assert_eq!(text(|out| members.write_member(1, out)), "\"a\"");
        assert_eq!(members.write_member(2, &mut Vec::new()), Err(NO_TEXT));
        assert_eq!(text(|out| members.write_members(1, out)), "\"a\"");
        assert_eq!(members.write_members(3, &mut Vec::new()), Err(NO_TEXT));
    }

    #[test]
    fn a_sets_members_by_bit() {
        let members = labels(&["x", "y", "z", "w w"]);
        assert_eq!(text(|out| members.write_members(0, out)), "\"\"");
        assert_eq!(text(|out| members.write_members(0b1111, out)), "\"x,y,z,w w\"");
        assert_eq!(text(|out| members.write_members(0b0101, out)), "\"x,z\"");
        assert_eq!(
            members.write_members(0b1_0000, &mut Vec::new()),
            Err(Malformed::Invalid("SET"))
        );
        let all: Vec<Label> = (0..64).map(|n| format!("s{n}").into()).collect();
        assert_eq!(
            text(|out| Labels::compile(&all).write_members(1 << 63 | 1, out)),
            "\"s0,s63\""
        );
        // A first member without a name still has a comma behind it.
        assert_eq!(text(|out| labels(&["", "b"]).write_members(0b11, out)), "\",b\"");
    }
}
