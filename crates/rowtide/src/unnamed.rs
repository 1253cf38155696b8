//! Transactions without GTIDs between the checkpoint and what MySQL sends next.
//!
//! Asked by GTID, a server begins with the newest file before which nothing was executed that is not in the set, and does not
//! look into older ones (`MYSQL_BIN_LOG::find_first_log_not_in_gtid_set`). If `gtid_mode` was off for a while, there may be
//! transactions before it that no set can name: it would leave them out without a word. Every change of `gtid_mode` begins
//! a new file, so that there are none if the checkpoint is in the newest.

use rowtide_binlog::client::Client;
use rowtide_binlog::decoder::{Handler, TransactionStart};
use rowtide_binlog::replica::{DumpRefused, ReplicaError, ReplicaOptions};
use rowtide_event::BinlogPosition;
use tracing::warn;

use crate::error::Error;
use crate::resume::{DumpStart, ResumeRefused};
use crate::source::start;

/// Looks at the first transaction from `from` on: what comes behind one with a GTID is sent, or refused by the server.
///
/// # Errors
/// If it has no GTID: servers refuse to send it then, and say so; [`ResumeRefused::Unnamed`] if one does not.
pub(crate) async fn refuse(
    client: Client,
    options: ReplicaOptions,
    from: &BinlogPosition,
) -> Result<(), Error> {
    let Err(error) = look(client, options, from).await else {
        return Ok(());
    };
    if !is_no_position(&error) {
        return Err(error);
    }
    warn!(
        position = %from,
        error = %error,
        "the checkpoint's position is none that the server has, and its GTIDs alone say where to go on: whether there are \
         transactions without GTIDs since then is not known"
    );
    Ok(())
}

/// The server's files are others under the same names: it was restored from a backup, with its history of GTIDs.
fn is_no_position(error: &Error) -> bool {
    use DumpRefused::{Corrupt, EventTooLarge, ImpossiblePosition, Purged};
    let Error::Replica(error) = error else {
        return false;
    };
    match error {
        ReplicaError::Refused(refused) => {
            matches!(
                refused,
                Corrupt(_) | EventTooLarge(_) | ImpossiblePosition(_) | Purged(_)
            )
        }
        error => matches!(error, ReplicaError::PositionTooLarge(_)),
    }
}

async fn look(client: Client, options: ReplicaOptions, from: &BinlogPosition) -> Result<(), Error> {
    let options = ReplicaOptions {
        follow: false,
        ..options
    };
    let dump = DumpStart::Position(from.clone());
    let (mut replica, mut decoder) = start(client, &dump, from, &options).await?;
    let mut first = First::default();
    while let Some(event) = replica.next_event().await? {
        decoder.feed(event, &mut first)?;
        if first.has_come {
            break;
        }
    }
    Ok(())
}

/// The first transaction.
#[derive(Default)]
struct First {
    has_come: bool,
}

impl Handler for First {
    type Error = Error;

    fn begin(&mut self, start: &TransactionStart<'_>) -> Result<(), Error> {
        self.has_come = true;
        match start.gtid {
            Some(_) => Ok(()),
            None => Err(ResumeRefused::Unnamed {
                position: BinlogPosition::new(start.file, start.pos),
            }
            .into()),
        }
    }
}
