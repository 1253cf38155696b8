//! Short strings without an allocation.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// A string that does not change. A short one, as most names of columns and keys are, takes no memory but its own 24
/// bytes: an allocation for itself would cost 32 more.
#[derive(Clone)]
pub struct SmallStr(Place);

#[derive(Clone)]
enum Place {
    Here { length: u8, bytes: [u8; SHORT] },
    Apart(Box<str>),
}

/// Bytes that find room where else a pointer and a length are.
const SHORT: usize = 22;

impl From<&str> for SmallStr {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(room), Ok(length)) => {
                room.copy_from_slice(text.as_bytes());
                Self(Place::Here { length, bytes })
            }
            _ => Self(Place::Apart(text.into())),
        }
    }
}

impl From<String> for SmallStr {
    fn from(text: String) -> Self {
        match text.len() > SHORT {
            true => Self(Place::Apart(text.into())),
            false => text.as_str().into(),
        }
    }
}

impl Deref for SmallStr {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Place::Here { length, bytes } => {
                let text = bytes.get(..usize::from(*length)).unwrap_or_default();
                // It was taken from a string.
                std::str::from_utf8(text).unwrap_or_default()
            }
            Place::Apart(text) => text,
        }
    }
}

impl std::borrow::Borrow<str> for SmallStr {
    fn borrow(&self) -> &str {
        self
    }
}

impl PartialEq for SmallStr {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for SmallStr {}

impl PartialOrd for SmallStr {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SmallStr {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (**self).cmp(other)
    }
}

impl Hash for SmallStr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash(state);
    }
}

impl fmt::Debug for SmallStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl fmt::Display for SmallStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_takes_as_much_as_a_string_and_its_absence_nothing() {
        assert_eq!(size_of::<SmallStr>(), size_of::<String>());
        assert_eq!(size_of::<Option<SmallStr>>(), size_of::<SmallStr>());
    }

    #[test]
    fn only_a_long_one_is_apart() {
        let is_apart = |text: &str| matches!(SmallStr::from(text).0, Place::Apart(_));
        assert_eq!(
            [22, 23].map(|length| is_apart(&"x".repeat(length))),
            [false, true]
        );
    }

    proptest! {
        #[test]
        fn it_is_the_string(a in "\\PC{0,30}", b in "\\PC{0,30}") {
            let (small, other) = (SmallStr::from(a.as_str()), SmallStr::from(b.clone()));
            prop_assert_eq!(&*small, a.as_str());
            prop_assert_eq!(format!("{small} {other:?}"), format!("{a} {b:?}"));
            prop_assert_eq!(small.cmp(&other), a.cmp(&b));
            prop_assert_eq!(small == other, a == b);
        }
    }
}
