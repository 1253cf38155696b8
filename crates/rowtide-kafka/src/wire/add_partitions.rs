//! AddPartitionsToTxn: tells the coordinator where a transaction will write. Versions 0 to 2.

use rowtide_event::Malformed;

use super::primitive::{Input, Output};
use super::{ErrorCode, ProducerId};

/// The request's body. `topics` has each topic once.
pub(crate) fn request(
    out: &mut Vec<u8>,
    transactional_id: &str,
    producer: ProducerId,
    topics: &[(&str, Vec<i32>)],
) {
    out.string(transactional_id);
    out.i64(producer.id);
    out.i16(producer.epoch);
    out.count(topics.len());
    for (name, partitions) in topics {
        out.string(name);
        out.count(partitions.len());
        partitions.iter().for_each(|partition| out.i32(*partition));
    }
}

/// A partition that was not added, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub topic: String,
    pub error: ErrorCode,
}

/// The partitions that were not added.
pub(crate) fn response(body: &[u8]) -> Result<Vec<Refused>, Malformed> {
    const WHAT: &str = "the answer about a transaction's partitions";
    let mut input = Input::new(body);
    input.i32(WHAT)?; // throttle time
    let mut refused = Vec::new();
    input.array(WHAT, |input| {
        let topic = input.string(WHAT)?;
        input.array(WHAT, |input| {
            input.i32(WHAT)?; // the partition
            let error = ErrorCode(input.i16(WHAT)?);
            if error != ErrorCode::NONE {
                let topic = topic.to_owned();
                refused.push(Refused { topic, error });
            }
            Ok(())
        })
    })?;
    input.finish(WHAT)?;
    Ok(refused)
}
