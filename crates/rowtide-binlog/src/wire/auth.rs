//! The exchange that proves the password.
//!
//! The server names a plugin, each plugin has its own way, and the server may switch to another plugin on the way.
//! A password leaves in readable form only where nobody can listen: within TLS, over a unix socket, or encrypted with
//! a public key that is trusted.

mod signature;

use rowtide_event::{Malformed, Reader};
use rsa::pkcs8::DecodePublicKey;
use rsa::rand_core::OsRng;
use rsa::{Oaep, RsaPublicKey};
use sha1::{Digest, Sha1};
use sha2::Sha256;

use self::signature::{Challenge, Derivation};
use super::handshake::{Greeting, Nonce, nonce};
use super::response::{is_ok, printable};

/// Packets that a server may send before the login must be decided.
const MAX_ROUNDS: u8 = 8;

/// Who could read the connection, which decides how a password may be sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Channel {
    /// Encrypted.
    Tls,
    /// A unix socket.
    Socket,
    /// In the clear, with what is known of the server's public key.
    Clear(KeyTrust),
}

/// Which public key of the server may encrypt a password.
#[derive(Debug, Clone, PartialEq)]
pub enum KeyTrust {
    /// None: whoever stands between could send one of his own.
    None,
    /// The one that the server sends.
    Fetched,
    /// This one, known beforehand.
    Pinned(RsaPublicKey),
}

/// Why a login cannot go on. What the server itself refuses is a [`super::response::ServerError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// A plugin that is not known.
    #[error(
        "the account uses the authentication plugin {0}, which Rowtide does not have; give it one that it has: \
         ALTER USER ... IDENTIFIED WITH caching_sha2_password BY '...'"
    )]
    UnknownPlugin(String),
    /// A second factor.
    #[error(
        "the account asks for a second factor, which a service cannot give; use an account with a password alone"
    )]
    SecondFactor,
    /// The password would go over an open network.
    #[error(
        "{plugin} sends the password itself at the first login, and the connection is not encrypted: switch TLS on \
         (mode required or better), or name the server's public key, or allow it to be fetched where the network is trusted"
    )]
    NotEncrypted {
        /// The plugin.
        plugin: &'static str,
    },
    /// The server's public key cannot be used.
    #[error("the public key of the server cannot be used: {0}")]
    PublicKey(String),
    /// The password is longer than the key can encrypt.
    #[error("the password is too long to be encrypted with the server's public key; switch TLS on")]
    PasswordTooLong,
    /// The answer must hold random bytes.
    #[error("the operating system has no random numbers for the login")]
    NoRandomNumbers,
    /// The exchange has no end.
    #[error("the server did not decide the login in {MAX_ROUNDS} rounds")]
    TooManyRounds,
    /// The server's part makes no sense.
    #[error("the server's part of the login is not understood: {0}")]
    Malformed(#[from] Malformed),
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum AuthStep {
    /// Send these bytes as a packet, then read the next one.
    Send(Vec<u8>),
    /// Read the next packet.
    Wait,
    /// The server has accepted the login.
    Done,
}

/// The client's side of a login.
pub struct AuthExchange<'a> {
    plugin: Plugin,
    nonce: Nonce,
    /// What the plugins sign that sign.
    challenge: Challenge,
    password: &'a str,
    channel: Channel,
    rounds: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plugin {
    Native,
    CachingSha2,
    Sha256,
    Ed25519,
    Parsec,
}

impl Plugin {
    const ALL: [Self; 5] = [
        Self::Native,
        Self::CachingSha2,
        Self::Sha256,
        Self::Ed25519,
        Self::Parsec,
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// Whether the server sends a challenge to be signed, which is longer than what is in its greeting.
    fn signs(self) -> bool {
        matches!(self, Self::Ed25519 | Self::Parsec)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Native => "mysql_native_password",
            Self::CachingSha2 => "caching_sha2_password",
            Self::Sha256 => "sha256_password",
            Self::Ed25519 => "client_ed25519",
            Self::Parsec => "parsec",
        }
    }
}

impl<'a> AuthExchange<'a> {
    /// A login on the connection that `greeting` opened.
    pub fn new(greeting: &Greeting, password: &'a str, channel: Channel) -> Self {
        // A plugin that the server prefers and we do not know may not be that of the account: the server switches.
        let plugin = Plugin::named(&greeting.plugin)
            .filter(|plugin| !plugin.signs())
            .unwrap_or(Plugin::CachingSha2);
        Self {
            plugin,
            nonce: greeting.nonce,
            challenge: Challenge::default(),
            password,
            channel,
            rounds: 0,
        }
    }

    /// The plugin that the first response is for.
    pub fn plugin_name(&self) -> &'static str {
        self.plugin.name()
    }

    /// What the answer to the greeting holds, and what is sent after a switch.
    ///
    /// # Errors
    /// If the password must be encrypted and cannot be.
    pub fn first_response(&self) -> Result<Vec<u8>, AuthError> {
        match self.plugin {
            Plugin::Native | Plugin::CachingSha2 if self.password.is_empty() => Ok(Vec::new()),
            Plugin::Sha256 if self.password.is_empty() => Ok(vec![0]),
            Plugin::Native => Ok(scramble_native(self.password, &self.nonce)),
            Plugin::CachingSha2 => Ok(scramble_caching_sha2(self.password, &self.nonce)),
            Plugin::Sha256 => self.password_itself(),
            Plugin::Ed25519 => Ok(signature::ed25519(self.password, &self.challenge)),
            // Asks for the salt.
            Plugin::Parsec => Ok(Vec::new()),
        }
    }

    /// Takes the server's next packet, which is no ERR.
    ///
    /// # Errors
    /// See [`AuthError`]; the connection is of no use afterwards.
    pub fn next(&mut self, packet: &[u8]) -> Result<AuthStep, AuthError> {
        self.rounds += 1;
        if self.rounds > MAX_ROUNDS {
            return Err(AuthError::TooManyRounds);
        }
        let mut reader = Reader::new(packet);
        match reader.u8("login packet")? {
            _ if is_ok(packet) => Ok(AuthStep::Done),
            // Sent as it is, since it cannot be taken for another packet.
            b'P' if self.plugin == Plugin::Parsec => self.more_data(packet),
            0x01 => self.more_data(reader.rest()),
            0x02 => Err(AuthError::SecondFactor),
            0xfe if reader.is_empty() => Err(AuthError::UnknownPlugin("mysql_old_password".to_owned())),
            0xfe => self.switch(reader),
            _ => Err(Malformed::Invalid("login packet").into()),
        }
    }

    fn switch(&mut self, mut reader: Reader<'_>) -> Result<AuthStep, AuthError> {
        let name = printable(reader.until_nul("name of an authentication plugin")?);
        self.plugin = Plugin::named(&name).ok_or(AuthError::UnknownPlugin(name))?;
        if self.plugin.signs() {
            self.challenge = signature::challenge(reader.rest())?;
        } else {
            self.nonce = nonce(reader.rest())?;
        }
        self.first_response().map(AuthStep::Send)
    }

    fn more_data(&mut self, data: &[u8]) -> Result<AuthStep, AuthError> {
        const FAST_OK: &[u8] = &[3];
        const FULL: &[u8] = &[4];
        match (self.plugin, data) {
            (Plugin::CachingSha2, FAST_OK) => Ok(AuthStep::Wait),
            (Plugin::CachingSha2, FULL) => self.password_itself().map(AuthStep::Send),
            (Plugin::CachingSha2 | Plugin::Sha256, pem) => self.with_fetched_key(pem).map(AuthStep::Send),
            (Plugin::Parsec, salt) => {
                let derivation = Derivation::read(salt)?;
                signature::parsec(self.password, &derivation, &self.challenge).map(AuthStep::Send)
            }
            (Plugin::Native | Plugin::Ed25519, _) => Err(Malformed::Invalid("login packet").into()),
        }
    }

    /// The password where nobody listens, encrypted with a pinned key, or the request for the server's key.
    fn password_itself(&self) -> Result<Vec<u8>, AuthError> {
        match (self.plugin, &self.channel) {
            (_, Channel::Tls) | (Plugin::CachingSha2, Channel::Socket) => Ok(self.with_nul()),
            (_, Channel::Clear(KeyTrust::Pinned(key))) => self.encrypted(key),
            // The server's sha256_password does not count a unix socket as safe and wants the key to be used.
            (_, Channel::Socket | Channel::Clear(KeyTrust::Fetched)) => Ok(vec![self.key_request()]),
            (plugin, Channel::Clear(KeyTrust::None)) => Err(AuthError::NotEncrypted {
                plugin: plugin.name(),
            }),
        }
    }

    fn key_request(&self) -> u8 {
        match self.plugin {
            Plugin::Sha256 => 1,
            _ => 2,
        }
    }

    fn with_fetched_key(&self, pem: &[u8]) -> Result<Vec<u8>, AuthError> {
        match self.channel {
            Channel::Socket | Channel::Clear(KeyTrust::Fetched) => self.encrypted(&public_key(pem)?),
            _ => Err(Malformed::Invalid("login packet").into()),
        }
    }

    fn encrypted(&self, key: &RsaPublicKey) -> Result<Vec<u8>, AuthError> {
        let mut text = self.with_nul();
        for (byte, with) in text.iter_mut().zip(self.nonce.iter().cycle()) {
            *byte ^= with;
        }
        key.encrypt(&mut OsRng, Oaep::new::<Sha1>(), &text)
            .map_err(|e| match e {
                rsa::Error::MessageTooLong => AuthError::PasswordTooLong,
                e => AuthError::PublicKey(e.to_string()),
            })
    }

    fn with_nul(&self) -> Vec<u8> {
        let mut text = self.password.as_bytes().to_vec();
        text.push(0);
        text
    }
}

/// Reads a server's public key (PEM, as `caching_sha2_password_public_key_path` names it).
///
/// # Errors
/// If it is no RSA public key in PEM.
pub fn public_key(pem: &[u8]) -> Result<RsaPublicKey, AuthError> {
    let pem = std::str::from_utf8(pem).map_err(|_| AuthError::PublicKey("it is no PEM".to_owned()))?;
    RsaPublicKey::from_public_key_pem(pem.trim_matches(['\0', '\n', ' ']))
        .map_err(|e| AuthError::PublicKey(e.to_string()))
}

/// `SHA1(password) XOR SHA1(nonce, SHA1(SHA1(password)))`.
fn scramble_native(password: &str, nonce: &Nonce) -> Vec<u8> {
    let once = Sha1::digest(password);
    let twice = Sha1::digest(once);
    let with = Sha1::new().chain_update(nonce).chain_update(twice).finalize();
    xor(&once, &with)
}

/// `SHA256(password) XOR SHA256(SHA256(SHA256(password)), nonce)`.
fn scramble_caching_sha2(password: &str, nonce: &Nonce) -> Vec<u8> {
    let once = Sha256::digest(password);
    let twice = Sha256::digest(once);
    let with = Sha256::new().chain_update(twice).chain_update(nonce).finalize();
    xor(&once, &with)
}

fn xor(a: &[u8], b: &[u8]) -> Vec<u8> {
    a.iter().zip(b).map(|(a, b)| a ^ b).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rsa::RsaPrivateKey;
    use rsa::pkcs8::{EncodePublicKey, LineEnding};

    use super::*;

    fn greeting(plugin: &str) -> Greeting {
        let nonce = *b"abcdefghijklmnopqrst";
        Greeting {
            server_version: "9".into(),
            connection_id: 1,
            capabilities: u32::MAX,
            nonce,
            plugin: plugin.into(),
        }
    }

    fn exchange(plugin: &str, password: &'static str, channel: Channel) -> AuthExchange<'static> {
        AuthExchange::new(&greeting(plugin), password, channel)
    }

    /// What a server does that stores `SHA1(SHA1(password))`.
    #[test]
    fn a_server_can_verify_the_native_scramble() {
        let nonce = greeting("").nonce;
        let sent = exchange("mysql_native_password", "secret", Channel::Tls)
            .first_response()
            .unwrap();
        let stored = Sha1::digest(Sha1::digest("secret"));
        let with = Sha1::new().chain_update(nonce).chain_update(stored).finalize();
        assert_eq!(Sha1::digest(xor(&sent, &with)), stored);
    }

    #[test]
    fn a_server_can_verify_the_sha2_scramble() {
        let nonce = greeting("").nonce;
        let sent = exchange("caching_sha2_password", "secret", Channel::Tls)
            .first_response()
            .unwrap();
        let stored = Sha256::digest(Sha256::digest("secret"));
        let with = Sha256::new().chain_update(stored).chain_update(nonce).finalize();
        assert_eq!(Sha256::digest(xor(&sent, &with)), stored);
    }

    #[test]
    fn empty_passwords() {
        for (plugin, response) in [
            ("mysql_native_password", &[][..]),
            ("caching_sha2_password", &[]),
            ("sha256_password", &[0]),
        ] {
            let clear = Channel::Clear(KeyTrust::None);
            assert_eq!(
                exchange(plugin, "", clear).first_response().unwrap(),
                response,
                "{plugin}"
            );
        }
    }

    #[test]
    fn fast_and_full_path_where_nobody_listens() {
        for channel in [Channel::Tls, Channel::Socket] {
            let mut auth = exchange("caching_sha2_password", "pw", channel);
            assert_eq!(auth.next(&[1, 3]), Ok(AuthStep::Wait));
            assert_eq!(auth.next(&[1, 4]), Ok(AuthStep::Send(b"pw\0".to_vec())));
            assert_eq!(auth.next(&[0, 0, 0]), Ok(AuthStep::Done));
        }
        assert_eq!(
            exchange("sha256_password", "pw", Channel::Tls)
                .first_response()
                .unwrap(),
            b"pw\0"
        );
        assert_eq!(
            exchange("sha256_password", "pw", Channel::Socket)
                .first_response()
                .unwrap(),
            [1]
        );
    }

    #[test]
    fn a_password_in_the_clear_is_encrypted_with_a_trusted_key_or_not_sent() {
        let private = RsaPrivateKey::new(&mut OsRng, 1024).unwrap();
        let public = private.to_public_key();
        let pem = public.to_public_key_pem(LineEnding::LF).unwrap();
        let decrypted = |sent: &[u8]| {
            let text = private.decrypt(Oaep::new::<Sha1>(), sent).unwrap();
            xor(&text, &greeting("").nonce)
        };

        let mut pinned = exchange(
            "caching_sha2_password",
            "pw",
            Channel::Clear(KeyTrust::Pinned(public)),
        );
        let Ok(AuthStep::Send(sent)) = pinned.next(&[1, 4]) else {
            panic!("nothing sent")
        };
        assert_eq!(decrypted(&sent), b"pw\0");

        for (plugin, request) in [("caching_sha2_password", 2), ("sha256_password", 1)] {
            let mut fetched = exchange(plugin, "pw", Channel::Clear(KeyTrust::Fetched));
            if plugin == "sha256_password" {
                assert_eq!(fetched.first_response().unwrap(), [request]);
            } else {
                assert_eq!(fetched.next(&[1, 4]), Ok(AuthStep::Send(vec![request])));
            }
            let Ok(AuthStep::Send(sent)) = fetched.next(&[&[1], pem.as_bytes()].concat()) else {
                panic!("nothing sent")
            };
            assert_eq!(decrypted(&sent), b"pw\0");
        }

        let mut none = exchange("caching_sha2_password", "pw", Channel::Clear(KeyTrust::None));
        assert_eq!(
            none.next(&[1, 4]),
            Err(AuthError::NotEncrypted {
                plugin: "caching_sha2_password"
            })
        );
        // A key that was not asked for is never used.
        assert!(none.next(&[&[1], pem.as_bytes()].concat()).is_err());
        let sha256 = exchange("sha256_password", "pw", Channel::Clear(KeyTrust::None));
        assert_eq!(
            sha256.first_response(),
            Err(AuthError::NotEncrypted {
                plugin: "sha256_password"
            })
        );
    }

    #[test]
    fn switches() {
        let mut auth = exchange("some_new_default", "pw", Channel::Tls);
        assert_eq!(auth.plugin_name(), "caching_sha2_password");
        let Ok(AuthStep::Send(sent)) = auth.next(b"\xfemysql_native_password\0ABCDEFGHIJKLMNOPQRST\0") else {
            panic!()
        };
        assert_eq!(sent, scramble_native("pw", b"ABCDEFGHIJKLMNOPQRST"));
        let clear = auth.next(b"\xfemysql_clear_password\0");
        assert_eq!(
            clear,
            Err(AuthError::UnknownPlugin("mysql_clear_password".into()))
        );
        assert_eq!(
            auth.next(b"\xfe"),
            Err(AuthError::UnknownPlugin("mysql_old_password".into()))
        );
        assert_eq!(auth.next(b"\x02webauthn\0"), Err(AuthError::SecondFactor));
        assert!(matches!(
            auth.next(b"\xfesha256_password\0short"),
            Err(AuthError::Malformed(_))
        ));
    }

    #[test]
    fn signatures() {
        let mut auth = exchange("client_ed25519", "pw", Channel::Clear(KeyTrust::None));
        assert_eq!(auth.plugin_name(), "caching_sha2_password");
        let switch = |plugin: &str| [b"\xfe", plugin.as_bytes(), b"\0", &[7; 32]].concat();
        let Ok(AuthStep::Send(sent)) = auth.next(&switch("client_ed25519")) else {
            panic!("nothing sent")
        };
        assert_eq!(sent.len(), 64);
        assert_eq!(auth.next(&switch("parsec")), Ok(AuthStep::Send(vec![])));
        let Ok(AuthStep::Send(sent)) = auth.next(&[&b"P\0"[..], &[9; 18]].concat()) else {
            panic!("nothing sent")
        };
        assert_eq!(sent.len(), 32 + 64);
        assert_eq!(auth.next(&[0, 0, 0]), Ok(AuthStep::Done));
        assert!(matches!(
            auth.next(b"\xfeparsec\0short"),
            Err(AuthError::Malformed(_))
        ));
    }

    #[test]
    fn a_server_cannot_go_on_for_ever() {
        let mut auth = exchange("caching_sha2_password", "pw", Channel::Tls);
        for _ in 0..8 {
            assert_eq!(auth.next(&[1, 3]), Ok(AuthStep::Wait));
        }
        assert_eq!(auth.next(&[1, 3]), Err(AuthError::TooManyRounds));
    }

    proptest! {
        #[test]
        fn arbitrary_packets_never_panic(plugin in 0usize..5, packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..9)) {
            let mut auth = exchange("", "pw", Channel::Clear(KeyTrust::Fetched));
            auth.plugin = Plugin::ALL[plugin];
            for packet in packets {
                let _ = auth.next(&packet);
            }
        }
    }
}
