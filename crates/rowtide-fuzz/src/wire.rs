//! What a server sends on a connection.

use rowtide_binlog::wire::auth::{AuthExchange, AuthStep, Channel, KeyTrust};
use rowtide_binlog::wire::handshake::Greeting;
use rowtide_binlog::wire::packet::PacketBuffer;
use rowtide_binlog::wire::response::ServerError;
use rowtide_binlog::wire::result_set::ResultReader;

use crate::frames::sections;

/// Bytes of the longest packet.
const LIMIT: usize = 1 << 20;

/// The bytes that answer queries. The first byte says how many come at once.
pub fn packets(data: &[u8]) {
    let Some((chunk, mut rest)) = data.split_first() else {
        return;
    };
    let chunk = usize::from(*chunk).saturating_add(1);
    let mut buffer = PacketBuffer::new(LIMIT);
    let mut reader = ResultReader::default();
    while !rest.is_empty() {
        let space = buffer.space();
        assert!(!space.is_empty(), "a buffer that asks for more has room");
        let (now, later) = rest.split_at(chunk.min(rest.len()).min(space.len()));
        for (to, from) in space.iter_mut().zip(now) {
            *to = *from;
        }
        buffer.filled(now.len());
        rest = later;
        if !answers(&mut buffer, &mut reader) {
            return;
        }
    }
}

/// Takes the packets that have come; false if the connection is of no use any more.
fn answers(buffer: &mut PacketBuffer, reader: &mut ResultReader) -> bool {
    loop {
        match buffer.advance() {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => return false,
        }
        let packet = buffer.packet();
        assert!(packet.len() <= LIMIT, "a packet is longer than the limit");
        let _ = ServerError::read(packet);
        match reader.feed(packet) {
            Ok(None) => {}
            Ok(Some(result)) => {
                for row in result.iter() {
                    let _ = (row.nth_text(0), row.text("Value"));
                }
                *reader = ResultReader::default();
            }
            Err(_) => *reader = ResultReader::default(),
        }
    }
}

/// A greeting and three packets of a login, each but the last with two bytes of its length before it. The first byte says
/// who could read the connection.
pub fn login(data: &[u8]) {
    let Some((how, rest)) = data.split_first() else {
        return;
    };
    let [greeting, packets @ ..] = sections::<4>(rest);
    let Ok(greeting) = Greeting::read(greeting) else {
        return;
    };
    let channel = match how % 4 {
        0 => Channel::Tls,
        1 => Channel::Socket,
        2 => Channel::Clear(KeyTrust::None),
        _ => Channel::Clear(KeyTrust::Fetched),
    };
    let password = if how & 4 == 0 { "secret" } else { "" };
    let mut exchange = AuthExchange::new(&greeting, password, channel);
    let response = exchange.first_response().unwrap_or_default();
    let _ = greeting.answer(how & 8 == 0, "user", exchange.plugin_name(), &response);
    for packet in packets {
        if matches!(exchange.next(packet), Ok(AuthStep::Done) | Err(_)) {
            return;
        }
    }
}
