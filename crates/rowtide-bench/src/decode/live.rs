//! Decoding of what a server sends, while it sends it, beside the bare packet reader at the same work.

use std::time::Duration;

use anyhow::{Result, bail};
use rowtide_event::BinlogPosition;
use rowtide_testbed::MySql;

use super::bare::BareReader;
use super::recording::connect;
use super::sink::{Chain, Depth, Seen};
use crate::report::{Part, Series};
use crate::servers::runtime;
use crate::statistics::quotients;
use crate::usage::cpu_of_this_thread;

/// Reads what the server has logged since the beginning of a file, in turn barely and with all values.
///
/// Returns how much more processor time the values took than the packets, round by round.
pub fn measure(name: &str, mysql: &MySql, file: &str, rounds: usize, part: &mut Part) -> Result<Vec<f64>> {
    let (mut packets, mut values) = (Vec::new(), Vec::new());
    // The first time the server reads its file from the disk.
    read_barely(mysql, file)?;
    for _ in 0..rounds {
        let (bare, events) = read_barely(mysql, file)?;
        let (decoded, seen) = decode(mysql, file)?;
        if seen.events != events {
            bail!("{events} events were read, and {} decoded", seen.events);
        }
        packets.push(bare.as_secs_f64() * 1e3);
        values.push(decoded.as_secs_f64() * 1e3);
    }
    let ratio = quotients(&values, &packets);
    let from_server = [("bare packet reader", packets), ("values", values)];
    for (what, cpu) in from_server {
        part.series(Series::new(
            format!("{name} from the server, {what}"),
            "CPU ms",
            cpu,
        ));
    }
    let label = format!("{name} from the server, values / bare packet reader");
    part.series(Series::new(label, "×", ratio.clone()));
    Ok(ratio)
}

fn read_barely(mysql: &MySql, file: &str) -> Result<(Duration, u64)> {
    let mut reader = BareReader::start(mysql, file)?;
    let before = cpu_of_this_thread()?;
    let events = reader.read_to_end()?;
    Ok((cpu_of_this_thread()?.saturating_sub(before), events))
}

/// As the engine does: the replica on its runtime, the decoder, every value.
fn decode(mysql: &MySql, file: &str) -> Result<(Duration, Seen)> {
    runtime()?.block_on(async {
        let mut chain = Chain::new(Depth::Values, file);
        let mut replica = connect(mysql, &BinlogPosition::new(file, 4)).await?;
        let before = cpu_of_this_thread()?;
        while let Some(event) = replica.next_event().await? {
            chain.feed(event)?;
        }
        Ok((cpu_of_this_thread()?.saturating_sub(before), chain.seen()))
    })
}
