//! Where a stream starts when there is no checkpoint.

use std::str::FromStr;

use rowtide_event::{BinlogPosition, GtidSet};

/// Where to start when there is no checkpoint.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum StartFrom {
    /// With the next transaction that is committed.
    #[default]
    Now,
    /// With the oldest transaction that the server still has.
    Earliest,
    /// With the first transaction that is not in the set.
    Gtid(GtidSet),
    /// With the transaction that starts at the position.
    Position(BinlogPosition),
}

/// Why a text is no [`StartFrom`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseStartError {
    /// None of the four forms.
    #[error("`{0}` is no place to start: write now, earliest, gtid:SET or position:FILE:POS")]
    Form(String),
    /// A GTID set that cannot be read.
    #[error("the GTID set to start from cannot be read: {0}")]
    Gtid(String),
    /// A position that cannot be read.
    #[error("the position to start from cannot be read: {0}")]
    Position(#[from] rowtide_event::position::ParsePositionError),
}

impl FromStr for StartFrom {
    type Err = ParseStartError;

    fn from_str(text: &str) -> Result<Self, ParseStartError> {
        match text.split_once(':') {
            None if text == "now" => Ok(Self::Now),
            None if text == "earliest" => Ok(Self::Earliest),
            Some(("gtid", set)) => set
                .parse()
                .map(Self::Gtid)
                .map_err(|e: <GtidSet as FromStr>::Err| ParseStartError::Gtid(e.to_string())),
            Some(("position", position)) => Ok(Self::Position(position.parse()?)),
            _ => Err(ParseStartError::Form(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_forms() {
        assert_eq!("now".parse(), Ok(StartFrom::Now));
        assert_eq!("earliest".parse(), Ok(StartFrom::Earliest));
        assert_eq!(
            "position:b.2:40".parse(),
            Ok(StartFrom::Position(BinlogPosition::new("b.2", 40)))
        );
        let set = "9de2dde1-e55f-11f1-bc9f-02fc00000001:1-7";
        assert_eq!(
            format!("gtid:{set}").parse(),
            Ok(StartFrom::Gtid(set.parse().unwrap()))
        );
    }

    #[test]
    fn anything_else_is_refused() {
        assert_eq!(
            "soon".parse::<StartFrom>(),
            Err(ParseStartError::Form("soon".into()))
        );
        assert!(matches!(
            "gtid:x".parse::<StartFrom>(),
            Err(ParseStartError::Gtid(_))
        ));
        assert!(matches!(
            "position:4".parse::<StartFrom>(),
            Err(ParseStartError::Position(_))
        ));
    }
}
