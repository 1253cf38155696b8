//! The server's greeting and the client's answer.

use rowtide_event::{Malformed, Reader};

use super::response::printable;

/// Capability flags: what client and server can do.
pub mod capability {
    /// Column flags of two bytes.
    pub const LONG_FLAG: u32 = 1 << 2;
    /// A database to begin in.
    pub const CONNECT_WITH_DB: u32 = 1 << 3;
    /// The server may ask for a file of the client's machine. Never set.
    pub const LOCAL_FILES: u32 = 1 << 7;
    /// The protocol since 4.1; every supported server has it.
    pub const PROTOCOL_41: u32 = 1 << 9;
    /// The connection can be encrypted.
    pub const SSL: u32 = 1 << 11;
    /// Status flags in OK and EOF.
    pub const TRANSACTIONS: u32 = 1 << 13;
    /// The long nonce.
    pub const SECURE_CONNECTION: u32 = 1 << 15;
    /// Authentication plugins.
    pub const PLUGIN_AUTH: u32 = 1 << 19;
    /// Names and values that describe the client.
    pub const CONNECT_ATTRS: u32 = 1 << 20;
    /// The first answer to a plugin may be longer than 255 bytes.
    pub const PLUGIN_AUTH_LENENC: u32 = 1 << 21;
}

const WANTED: u32 = capability::LONG_FLAG
    | capability::PROTOCOL_41
    | capability::TRANSACTIONS
    | capability::SECURE_CONNECTION
    | capability::PLUGIN_AUTH
    | capability::CONNECT_ATTRS
    | capability::PLUGIN_AUTH_LENENC;
const REQUIRED: u32 = capability::PROTOCOL_41 | capability::SECURE_CONNECTION | capability::PLUGIN_AUTH;
/// `utf8mb4_general_ci`, which every server since 5.5.3 has.
const UTF8MB4: u8 = 45;
/// The largest packet that the server may send, in bytes.
const MAX_PACKET: u32 = 1 << 30;

/// The random bytes with which a password is scrambled.
pub type Nonce = [u8; 20];

/// What the server says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Greeting {
    /// The server's version, as `9.7.4` or `5.5.5-10.11.6-MariaDB`.
    pub server_version: String,
    /// The number of this connection on the server.
    pub connection_id: u32,
    /// What the server can do.
    pub capabilities: u32,
    /// The nonce of the first plugin.
    pub nonce: Nonce,
    /// The plugin that the server begins with.
    pub plugin: String,
}

impl Greeting {
    /// Reads the first packet of a connection (protocol version 10).
    pub fn read(packet: &[u8]) -> Result<Self, Malformed> {
        const WHAT: &str = "server greeting";
        let mut reader = Reader::new(packet);
        if reader.u8(WHAT)? != 10 {
            return Err(Malformed::Unsupported(
                "protocol version of the server's greeting",
            ));
        }
        let server_version = printable(reader.until_nul(WHAT)?);
        let connection_id = reader.u32(WHAT)?;
        let nonce_head = *reader.array::<8>(WHAT)?;
        reader.take(1, WHAT)?;
        let low = reader.u16(WHAT)?;
        reader.take(3, WHAT)?;
        let capabilities = u32::from(low) | u32::from(reader.u16(WHAT)?) << 16;
        if capabilities & REQUIRED != REQUIRED {
            return Err(Malformed::Unsupported("protocol of a server older than 5.5"));
        }
        let nonce_len = usize::from(reader.u8(WHAT)?);
        reader.take(10, WHAT)?;
        let nonce_tail = reader.take(nonce_len.saturating_sub(8).max(13), WHAT)?;
        let nonce = nonce(&[&nonce_head, nonce_tail].concat())?;
        // Some old servers forget the NUL after the plugin's name.
        let plugin = reader.take_rest().split(|b| *b == 0).next().unwrap_or_default();
        Ok(Self {
            server_version,
            connection_id,
            capabilities,
            nonce,
            plugin: printable(plugin),
        })
    }

    /// Whether the connection can be encrypted.
    pub fn offers_tls(&self) -> bool {
        self.capabilities & capability::SSL != 0
    }

    /// The packet after which both sides go on in TLS.
    pub fn tls_request(&self) -> Vec<u8> {
        self.answer_head(true)
    }

    /// The answer to the greeting: who logs in, and the plugin's first response.
    pub fn answer(&self, encrypted: bool, user: &str, plugin: &str, response: &[u8]) -> Vec<u8> {
        let mut packet = self.answer_head(encrypted);
        let capabilities = self.agreed(encrypted);
        packet.extend(user.bytes());
        packet.push(0);
        if capabilities & capability::PLUGIN_AUTH_LENENC != 0 {
            put_packed_bytes(&mut packet, response);
        } else {
            // The plugins' responses are shorter than 256 bytes, except for passwords sent in the clear within TLS.
            packet.push(u8::try_from(response.len()).unwrap_or(u8::MAX));
            packet.extend(response.iter().take(usize::from(u8::MAX)));
        }
        packet.extend(plugin.bytes());
        packet.push(0);
        if capabilities & capability::CONNECT_ATTRS != 0 {
            put_packed_bytes(&mut packet, &attributes());
        }
        packet
    }

    fn agreed(&self, encrypted: bool) -> u32 {
        let wanted = if encrypted {
            WANTED | capability::SSL
        } else {
            WANTED
        };
        wanted & self.capabilities
    }

    fn answer_head(&self, encrypted: bool) -> Vec<u8> {
        let mut packet = Vec::with_capacity(256);
        packet.extend(self.agreed(encrypted).to_le_bytes());
        packet.extend(MAX_PACKET.to_le_bytes());
        packet.push(UTF8MB4);
        packet.extend([0; 23]);
        packet
    }
}

/// Twenty bytes, with or without a NUL after them.
pub(super) fn nonce(bytes: &[u8]) -> Result<Nonce, Malformed> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    bytes
        .try_into()
        .map_err(|_| Malformed::Invalid("nonce of the server"))
}

/// What `performance_schema.session_connect_attrs` shows of this connection.
fn attributes() -> Vec<u8> {
    let mut out = Vec::new();
    let attributes = [
        ("_client_name", "rowtide"),
        ("_client_version", env!("CARGO_PKG_VERSION")),
        ("program_name", "rowtide"),
    ];
    for (name, value) in attributes {
        put_packed_bytes(&mut out, name.as_bytes());
        put_packed_bytes(&mut out, value.as_bytes());
    }
    out
}

/// Appends bytes preceded by their packed length.
fn put_packed_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len() as u64;
    match len {
        0..=250 => out.extend(len.to_le_bytes().first()),
        251..=0xffff => {
            out.push(252);
            out.extend(len.to_le_bytes().iter().take(2));
        }
        _ => {
            out.push(254);
            out.extend(len.to_le_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn greeting(capabilities: u32) -> Vec<u8> {
        let mut packet = vec![10];
        packet.extend(b"9.7.4\0");
        packet.extend(7u32.to_le_bytes());
        packet.extend(b"abcdefgh\0");
        packet.extend((capabilities as u16).to_le_bytes());
        packet.extend([255, 2, 0]);
        packet.extend(((capabilities >> 16) as u16).to_le_bytes());
        packet.push(21);
        packet.extend([0; 10]);
        packet.extend(b"ijklmnopqrst\0");
        packet.extend(b"caching_sha2_password\0");
        packet
    }

    #[test]
    fn a_greeting_and_its_answer() {
        let read = Greeting::read(&greeting(u32::MAX)).unwrap();
        assert_eq!(read.server_version, "9.7.4");
        assert_eq!(read.connection_id, 7);
        assert_eq!(&read.nonce, b"abcdefghijklmnopqrst");
        assert_eq!(read.plugin, "caching_sha2_password");
        assert!(read.offers_tls());

        let answer = read.answer(false, "cdc", "caching_sha2_password", &[5; 32]);
        let flags = u32::from_le_bytes(*answer.first_chunk().unwrap());
        assert_eq!(
            flags & (capability::SSL | capability::LOCAL_FILES | capability::CONNECT_WITH_DB),
            0
        );
        assert_eq!(answer[8], 45);
        assert!(answer[32..].starts_with(b"cdc\0\x20\x05\x05"));
        assert_eq!(read.tls_request().len(), 32);
        assert_eq!(
            u32::from_le_bytes(*read.tls_request().first_chunk().unwrap()),
            flags | capability::SSL
        );
    }

    #[test]
    fn only_what_the_server_can_do_is_asked_for() {
        let old = Greeting::read(&greeting(REQUIRED)).unwrap();
        assert!(!old.offers_tls());
        let answer = old.answer(false, "u", "mysql_native_password", &[1; 20]);
        assert_eq!(u32::from_le_bytes(*answer.first_chunk().unwrap()), REQUIRED);
        assert!(answer.ends_with(b"mysql_native_password\0"));
        assert!(matches!(
            Greeting::read(&greeting(0)),
            Err(Malformed::Unsupported(_))
        ));
        assert!(matches!(Greeting::read(&[9, 0]), Err(Malformed::Unsupported(_))));
    }

    #[test]
    fn long_responses_have_long_lengths() {
        for (len, head) in [
            (250, vec![250]),
            (251, vec![252, 251, 0]),
            (70000, vec![254, 0x70, 0x11, 1, 0, 0, 0, 0, 0]),
        ] {
            let mut out = Vec::new();
            put_packed_bytes(&mut out, &vec![1; len]);
            assert_eq!(out.len(), head.len() + len);
            assert!(out.starts_with(&head));
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, cut in 0usize..80) {
            let _ = Greeting::read(&bytes);
            let mut whole = greeting(u32::MAX);
            whole.truncate(cut);
            let _ = Greeting::read(&whole);
        }
    }
}
