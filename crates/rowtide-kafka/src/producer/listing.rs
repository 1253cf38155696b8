//! Which topics there are, for who creates and checks them.

use std::time::Duration;

use super::control::{Attempt, Called, Target};
use super::fault::Fault;
use super::{Producer, Settings};
use crate::wire::{Api, metadata};

/// Topics to ask for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wanted<'a> {
    /// All that this user may see.
    All,
    /// These; of one that does not exist the answer says so.
    These(&'a [&'a str]),
}

impl Wanted<'_> {
    fn request(self, out: &mut Vec<u8>) {
        match self {
            Self::All => metadata::request_for_all(out),
            Self::These(names) => metadata::request(out, names.iter().copied()),
        }
    }
}

impl Producer {
    /// Connects to a broker, to ask and not to write.
    ///
    /// # Errors
    /// If no broker answers in time, or one refuses.
    pub(crate) fn observer(settings: Settings) -> Result<Self, Fault> {
        let limit = settings.connect_timeout;
        let mut observer = Self::unconnected(settings)?;
        observer.meet(limit)?;
        Ok(observer)
    }

    /// What a broker says of topics, within `limit`.
    ///
    /// # Errors
    /// As [`observer`](Self::observer).
    pub(crate) fn describe(
        &mut self,
        wanted: Wanted<'_>,
        limit: Duration,
    ) -> Result<Vec<metadata::Topic>, Fault> {
        let answer = self.insist(limit, |producer, until| {
            let request = |out: &mut Vec<u8>, _| wanted.request(out);
            match producer.call(Target::Any, Api::Metadata, until, request)? {
                Called::Answered(received) => Ok(Attempt::Done(received)),
                Called::Lost | Called::NotConnected => Ok(Attempt::Again(None)),
            }
        })?;
        self.read_cluster(&answer)
    }
}
