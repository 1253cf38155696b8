//! Compressed transactions: their events come as if they stood in the file, at the place of the compressed one.

use rowtide_event::Malformed;

use crate::event::unpack::Limits;
use crate::event::{EventType, Header, TransactionPayload};

use super::{Decoder, Handler};

impl Decoder {
    pub(super) fn payload<H: Handler>(&mut self, body: &[u8], handler: &mut H) -> Result<(), H::Error> {
        let payload = self.read(TransactionPayload::read(body))?;
        if self.transaction.phase.is_open() {
            return Err(self.unfinished().into());
        }
        let Some(mut unpacker) = self.unpacker.take() else {
            return Err(self
                .error(Malformed::Invalid("TRANSACTION_PAYLOAD inside another"))
                .into());
        };
        let limits = Limits {
            event: self.options.max_event_size,
            window_log: self.options.max_window_log,
        };
        let mut progress = Nested::Waiting;
        let result = unpacker.unpack(&payload, limits, |event| {
            self.nested(event, &mut progress, handler)
        });
        self.unpacker = Some(unpacker);
        result.map_err(|stop| match stop {
            Stop::Payload(cause) => self.error(cause).into(),
            Stop::Handler(error) => error,
        })?;
        match progress {
            Nested::Ended => Ok(()),
            Nested::Waiting | Nested::Running => Err(self
                .error(Malformed::Truncated("the transaction of a TRANSACTION_PAYLOAD"))
                .into()),
        }
    }

    /// An event of a payload: it has no checksum and no position of its own.
    fn nested<H: Handler>(
        &mut self,
        event: &[u8],
        progress: &mut Nested,
        handler: &mut H,
    ) -> Result<(), Stop<H::Error>> {
        let (header, body) = Header::split(event).map_err(Stop::Payload)?;
        self.event_type = header.event_type;
        if *progress == Nested::Ended || !may_be_nested(header.event_type) {
            return Err(Stop::Payload(Malformed::Trailing(
                "the transaction of a TRANSACTION_PAYLOAD",
            )));
        }
        self.event(&header, body, handler).map_err(Stop::Handler)?;
        *progress = match (*progress, self.transaction.phase.is_open()) {
            (_, true) => Nested::Running,
            (Nested::Running, false) => Nested::Ended,
            (other, false) => other,
        };
        Ok(())
    }
}

/// How far the transaction inside a payload has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nested {
    Waiting,
    Running,
    Ended,
}

/// Why unpacking stopped.
enum Stop<E> {
    Payload(Malformed),
    Handler(E),
}

impl<E> From<Malformed> for Stop<E> {
    fn from(cause: Malformed) -> Self {
        Self::Payload(cause)
    }
}

/// Whether the server compresses such an event: what frames transactions and files stays outside.
fn may_be_nested(event_type: EventType) -> bool {
    !matches!(
        event_type,
        EventType::TransactionPayload
            | EventType::FormatDescription
            | EventType::Rotate
            | EventType::Heartbeat
            | EventType::HeartbeatV2
            | EventType::Gtid
            | EventType::AnonymousGtid
            | EventType::GtidTagged
            | EventType::PreviousGtids
            | EventType::Stop
    )
}
