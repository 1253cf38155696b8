//! Metadata: the cluster's brokers, and the leaders of topics' partitions. Versions 4 to 7.

use rowtide_event::Malformed;

use super::ErrorCode;
use super::primitive::{Input, Output};

/// The request's body: about these topics, none of which the broker is to make.
pub(crate) fn request<'a>(out: &mut Vec<u8>, topics: impl ExactSizeIterator<Item = &'a str>) {
    out.count(topics.len());
    topics.for_each(|topic| out.string(topic));
    out.i8(0); // no automatic creation
}

/// The request's body: about all topics.
pub(crate) fn request_for_all(out: &mut Vec<u8>) {
    out.i32(-1);
    out.i8(0); // no automatic creation
}

/// A broker, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broker {
    pub node: i32,
    pub host: String,
    pub port: i32,
}

/// A topic and its partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Topic {
    pub name: String,
    pub error: ErrorCode,
    /// By number; a partition without a leader has -1.
    pub leaders: Vec<i32>,
}

/// What a broker knows of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cluster {
    pub brokers: Vec<Broker>,
    pub topics: Vec<Topic>,
}

/// The answer.
pub(crate) fn response(body: &[u8], version: i16) -> Result<Cluster, Malformed> {
    const WHAT: &str = "a broker's description of the cluster";
    let mut input = Input::new(body);
    let mut cluster = Cluster::default();
    input.i32(WHAT)?; // throttle time
    input.array(WHAT, |input| {
        cluster.brokers.push(Broker {
            node: input.i32(WHAT)?,
            host: input.string(WHAT)?.to_owned(),
            port: input.i32(WHAT)?,
        });
        input.nullable_string(WHAT).map(drop) // the rack
    })?;
    input.nullable_string(WHAT)?; // the cluster's id
    input.i32(WHAT)?; // the controller
    input.array(WHAT, |input| {
        cluster.topics.push(topic(input, version)?);
        Ok(())
    })?;
    input.finish(WHAT)?;
    Ok(cluster)
}

fn topic(input: &mut Input<'_>, version: i16) -> Result<Topic, Malformed> {
    const WHAT: &str = "a broker's description of a topic";
    let error = ErrorCode(input.i16(WHAT)?);
    let name = input.string(WHAT)?.to_owned();
    input.i8(WHAT)?; // whether it is internal
    let mut found = Vec::new();
    input.array(WHAT, |input| {
        input.i16(WHAT)?; // the partition's error: its leader is -1 then, or its replicas are of no interest
        let index = input.i32(WHAT)?;
        let leader = input.i32(WHAT)?;
        if version >= 7 {
            input.i32(WHAT)?; // the leader's epoch
        }
        input.skip_i32s(WHAT)?; // replicas
        input.skip_i32s(WHAT)?; // replicas in sync
        if version >= 5 {
            input.skip_i32s(WHAT)?; // replicas that are down
        }
        found.push((index, leader));
        Ok(())
    })?;
    // Brokers name all partitions, in any order.
    found.sort_unstable();
    let in_order = found
        .iter()
        .zip(0..)
        .all(|((index, _), expected)| *index == expected);
    if !in_order {
        return Err(Malformed::Invalid(WHAT));
    }
    let leaders = found.into_iter().map(|(_, leader)| leader).collect();
    Ok(Topic { name, error, leaders })
}
