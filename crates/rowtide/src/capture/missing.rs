//! Transactions that the source's files hold and that were not sent.

use rowtide_event::{BinlogPosition, GtidSet};

use crate::error::Error;

/// Compares what a file says of the files before it with all that is done: each transaction was sent, or done before. The
/// numbers of MariaDB's servers in a domain tell this of one server alone, for those of several need not grow.
pub(super) fn check(executed: &GtidSet, in_files: &GtidSet, position: &BinlogPosition) -> Result<(), Error> {
    let missing = match (in_files, executed) {
        (GtidSet::MariaDb(in_files), GtidSet::MariaDb(executed)) => {
            GtidSet::MariaDb(in_files.ahead_of(executed))
        }
        _ => in_files.subtract(executed),
    };
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::TransactionsMissing {
        missing,
        position: position.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_that_a_file_lists_and_that_did_not_come_are_missed() {
        const UUID: &str = "9de2dde1-e55f-11f1-bc9f-02fc00000001";
        let mysql = |numbers: &str| format!("{UUID}:{numbers}");
        for (executed, in_files, missing) in [
            (mysql("1-9"), mysql("1-9"), None),
            (mysql("1-9"), mysql("1-5"), None),
            (mysql("1-4:6-9"), mysql("1-8"), Some(mysql("5"))),
            ("0-1-9,1-1-3".into(), "0-1-9,1-1-2".into(), None),
            ("0-1-9".into(), "0-1-11,1-1-4".into(), Some("0-1-11".into())),
            ("0-1-9".into(), "0-2-11".into(), None),
        ] {
            let (executed, in_files): (GtidSet, GtidSet) =
                (executed.parse().unwrap(), in_files.parse().unwrap());
            let result = check(&executed, &in_files, &BinlogPosition::new("b.1", 400));
            assert_eq!(result.is_ok(), missing.is_none(), "{executed} {in_files}");
            if let (Err(error), Some(missing)) = (result, missing) {
                assert!(error.is_retriable() && error.is_damage());
                assert!(
                    error
                        .to_string()
                        .starts_with(&format!("transactions {missing} are in")),
                    "{error}"
                );
            }
        }
    }
}
