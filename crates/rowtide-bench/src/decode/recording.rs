//! What a server sends, kept: the packets of a workload, and a server that sends nothing but them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result, bail};
use rowtide_binlog::client::Client;
use rowtide_binlog::replica::{DumpFrom, Replica, ReplicaOptions};
use rowtide_binlog::wire::packet::PacketBuffer;
use rowtide_event::BinlogPosition;
use rowtide_testbed::{CDC_USER, MySql};

use super::bare::next_packet;
use crate::servers::{runtime, source};

/// The packets of a stream from the beginning of a binlog file, framed as on the wire.
#[derive(Clone)]
pub struct Recording {
    /// The binlog file that the stream begins with.
    pub file: String,
    /// Frames.
    pub bytes: Arc<Vec<u8>>,
}

impl Recording {
    /// Takes down what the server has from `from` on, up to its end.
    pub fn take(mysql: &MySql, from: &BinlogPosition) -> Result<Recording> {
        let bytes = runtime()?.block_on(record(mysql, from))?;
        Ok(Recording {
            file: from.file.clone(),
            bytes: Arc::new(bytes),
        })
    }

    /// Writes it to a file for another process.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut file =
            std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        file.write_all(self.file.as_bytes())?;
        file.write_all(b"\n")?;
        Ok(file.write_all(&self.bytes)?)
    }

    /// Reads what was written.
    pub fn read(path: &Path) -> Result<Recording> {
        let all = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let end = all.iter().position(|byte| *byte == b'\n');
        let (file, bytes) = all.split_at(end.context("the recording has no first line")?);
        Ok(Recording {
            file: String::from_utf8(file.to_vec())?,
            bytes: Arc::new(bytes.get(1..).unwrap_or_default().to_vec()),
        })
    }

    /// Calls `on_event` with each event, out of memory.
    pub fn events(&self, on_event: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        read_events(self.bytes.as_slice(), on_event)
    }

    /// Sends it from a thread of its own to whoever reads the stream, as a server would.
    pub fn replay(&self) -> Result<Replay> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let stream = TcpStream::connect(listener.local_addr()?)?;
        let (mut sink, _) = listener.accept()?;
        let bytes = Arc::clone(&self.bytes);
        let sender = std::thread::spawn(move || sink.write_all(&bytes));
        Ok(Replay { stream, sender })
    }
}

/// A recording on its way through a socket.
pub struct Replay {
    stream: TcpStream,
    sender: JoinHandle<std::io::Result<()>>,
}

impl Replay {
    /// Calls `on_event` with each event, to the end.
    pub fn events(self, on_event: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        read_events(self.stream, on_event)?;
        match self.sender.join() {
            Ok(sent) => Ok(sent?),
            Err(_) => bail!("the thread that sends the recording has panicked"),
        }
    }
}

async fn record(mysql: &MySql, from: &BinlogPosition) -> Result<Vec<u8>> {
    let mut replica = connect(mysql, from).await?;
    let (mut frames, mut bytes, mut packet) = (PacketBuffer::default(), Vec::new(), Vec::new());
    while let Some(event) = replica.next_event().await? {
        packet.clear();
        packet.push(0);
        packet.extend_from_slice(event);
        frames.frame(&packet, &mut bytes);
    }
    Ok(bytes)
}

/// A replica without TLS that is sent what the server has from `from` on, up to its end.
pub(super) async fn connect(mysql: &MySql, from: &BinlogPosition) -> Result<Replica> {
    let client = Client::connect(&source(mysql, CDC_USER)).await?;
    let mut options = ReplicaOptions::new(5399);
    options.follow = false;
    Ok(Replica::start(client, &DumpFrom::Position(from.clone()), &options).await?)
}

fn read_events(mut from: impl Read, mut on_event: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut packets = PacketBuffer::default();
    while let Some(packet) = next_packet(&mut from, &mut packets)? {
        on_event(packet.get(1..).unwrap_or_default())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording() -> Recording {
        let (mut frames, mut bytes) = (PacketBuffer::default(), Vec::new());
        for event in [b"\0first".as_slice(), b"\0second"] {
            frames.frame(event, &mut bytes);
        }
        Recording {
            file: "binlog.000001".to_owned(),
            bytes: Arc::new(bytes),
        }
    }

    fn texts(read: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>) -> Vec<String> {
        let mut texts = Vec::new();
        read(&mut |event| {
            texts.push(String::from_utf8(event.to_vec())?);
            Ok(())
        })
        .unwrap();
        texts
    }

    #[test]
    fn a_recording_gives_its_events_from_memory_and_through_a_socket() {
        let recording = recording();
        assert_eq!(texts(|on_event| recording.events(on_event)), ["first", "second"]);
        let replay = recording.replay().unwrap();
        assert_eq!(texts(|on_event| replay.events(on_event)), ["first", "second"]);
    }

    #[test]
    fn a_recording_survives_a_file() {
        let folder = rowtide_testbed::Scratch::new("recording").unwrap();
        let path = folder.path().join("r");
        recording().write(&path).unwrap();
        let read = Recording::read(&path).unwrap();
        assert_eq!((read.file, read.bytes), (recording().file, recording().bytes));
    }

    #[test]
    fn a_cut_packet_is_an_error() {
        let mut cut = recording();
        let bytes = cut.bytes.split_last().unwrap().1.to_vec();
        cut.bytes = Arc::new(bytes);
        assert!(cut.events(|_| Ok(())).is_err());
    }
}
