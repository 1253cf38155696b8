//! ENUM and SET: members by name, escaped once when the table's plan is compiled.

use super::string;
use crate::Malformed;

/// The members of an ENUM or SET as JSON string contents, in their order.
#[derive(Debug, Clone)]
pub(super) struct Labels(Box<[Box<[u8]>]>);

impl Labels {
    pub(super) fn compile(members: &[String]) -> Self {
        let escaped = members.iter().map(|member| {
            let mut label = Vec::new();
            string::escape(member, &mut label);
            label.into_boxed_slice()
        });
        Self(escaped.collect())
    }

    /// Appends the member with this index, counted from 1; 0 is the empty string that the server puts in the place of an
    /// invalid value.
    #[inline]
    pub(super) fn write_member(&self, index: u16, out: &mut Vec<u8>) -> Result<(), Malformed> {
        let label = match usize::from(index).checked_sub(1) {
            Some(n) => self.0.get(n).ok_or(Malformed::Invalid("ENUM"))?,
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
            out.extend_from_slice(member.ok_or(Malformed::Invalid("SET"))?);
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
        Labels::compile(&members.iter().map(|m| (*m).to_owned()).collect::<Vec<_>>())
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
    fn a_sets_members_by_bit() {
        let members = labels(&["x", "y", "z", "w w"]);
        assert_eq!(text(|out| members.write_members(0, out)), "\"\"");
        assert_eq!(text(|out| members.write_members(0b1111, out)), "\"x,y,z,w w\"");
        assert_eq!(text(|out| members.write_members(0b0101, out)), "\"x,z\"");
        assert_eq!(
            members.write_members(0b1_0000, &mut Vec::new()),
            Err(Malformed::Invalid("SET"))
        );
        let all: Vec<String> = (0..64).map(|n| format!("s{n}")).collect();
        assert_eq!(
            text(|out| Labels::compile(&all).write_members(1 << 63 | 1, out)),
            "\"s0,s63\""
        );
        // A first member without a name still has a comma behind it.
        assert_eq!(text(|out| labels(&["", "b"]).write_members(0b11, out)), "\",b\"");
    }
}
