//! The bare packet reader: a blocking socket that is sent a binlog, whose packets are cut and thrown away.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail};
use rowtide_binlog::wire::auth::{AuthExchange, AuthStep, Channel, KeyTrust};
use rowtide_binlog::wire::command::{self, dump_flag};
use rowtide_binlog::wire::handshake::Greeting;
use rowtide_binlog::wire::packet::PacketBuffer;
use rowtide_binlog::wire::response::ServerError;
use rowtide_testbed::{CDC_PASSWORD, CDC_USER, MySql};

/// A connection of which nothing is asked but packets.
pub struct BareReader {
    stream: TcpStream,
    packets: PacketBuffer,
}

impl BareReader {
    /// Logs in, without TLS, and asks for the binlog from the beginning of a file to its end.
    pub fn start(mysql: &MySql, file: &str) -> Result<BareReader> {
        let mut reader = BareReader {
            stream: TcpStream::connect((mysql.host(), mysql.port()))?,
            packets: PacketBuffer::default(),
        };
        reader.log_in()?;
        reader.command(&command::query("SET @source_binlog_checksum = 'CRC32'"))?;
        reader.answer()?;
        reader.command(&command::binlog_dump(4, dump_flag::NON_BLOCK, SERVER_ID, file))?;
        Ok(reader)
    }

    /// Reads all packets, and counts the events in them.
    pub fn read_to_end(&mut self) -> Result<u64> {
        let mut events = 0;
        loop {
            match self.packet()? {
                [0, event @ ..] => {
                    black_box(event);
                    events += 1;
                }
                [0xfe, ..] => return Ok(events),
                _ => bail!("the server ends the stream with an error"),
            }
        }
    }

    fn log_in(&mut self) -> Result<()> {
        let greeting = Greeting::read(self.packet()?)?;
        let channel = Channel::Clear(KeyTrust::Fetched);
        let mut exchange = AuthExchange::new(&greeting, CDC_PASSWORD, channel);
        let response = exchange.first_response()?;
        self.send(&greeting.answer(false, CDC_USER, exchange.plugin_name(), &response))?;
        loop {
            match exchange.next(self.answer()?)? {
                AuthStep::Send(response) => self.send(&response)?,
                AuthStep::Wait => {}
                AuthStep::Done => return Ok(()),
            }
        }
    }

    fn command(&mut self, payload: &[u8]) -> Result<()> {
        self.packets.begin_command();
        self.send(payload)
    }

    fn send(&mut self, payload: &[u8]) -> Result<()> {
        let mut out = Vec::new();
        self.packets.frame(payload, &mut out);
        Ok(self.stream.write_all(&out)?)
    }

    fn answer(&mut self) -> Result<&[u8]> {
        let packet = self.packet()?;
        if ServerError::is_in(packet) {
            return Err(ServerError::read(packet)?).context("the server refuses the bare reader");
        }
        Ok(packet)
    }

    fn packet(&mut self) -> Result<&[u8]> {
        next_packet(&mut self.stream, &mut self.packets)?.context("the server has closed the connection")
    }
}

/// What a replica does with its socket, without the waiting: the next packet, none at the end.
pub(super) fn next_packet<'p>(
    from: &mut impl Read,
    packets: &'p mut PacketBuffer,
) -> Result<Option<&'p [u8]>> {
    while !packets.advance()? {
        match from.read(packets.space())? {
            0 if packets.has_unread() => bail!("the stream ends inside a packet"),
            0 => return Ok(None),
            n => packets.filled(n),
        }
    }
    Ok(Some(packets.packet()))
}

const SERVER_ID: u32 = 5398;
