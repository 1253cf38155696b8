//! The login: what it is made from, and its messages one after another.

use std::fmt;

use super::error::SecurityError;
use super::scram::{self, Hash, Scram};
use super::{Settings, setting};
use crate::error::KafkaError;

/// Who logs in, and how.
#[derive(Clone)]
pub(crate) struct Sasl {
    mechanism: Mechanism,
    username: String,
    password: String,
}

/// Neither user nor password is shown.
impl fmt::Debug for Sasl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sasl")
            .field("mechanism", &self.mechanism())
            .finish_non_exhaustive()
    }
}

/// The messages of one login.
#[derive(Debug)]
pub(crate) struct Login(Steps);

/// What a broker's message asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Another SaslAuthenticate with these bytes.
    Send(Vec<u8>),
    /// We are logged in.
    Done,
}

impl Sasl {
    pub(super) fn from_settings(settings: &Settings<'_, '_>) -> Result<Self, KafkaError> {
        let name = "sasl.mechanism";
        let given = settings.get("sasl.mechanisms").or_else(|| settings.get(name));
        let mechanism = match given {
            None => Err(setting(
                name,
                format!(
                    "it must be set with a security.protocol of sasl, {MECHANISMS}; librdkafka's default, GSSAPI, {ABSENT}"
                ),
            )),
            Some(given @ ("GSSAPI" | "OAUTHBEARER")) => {
                Err(setting(name, format!("{given} {ABSENT}: set it {MECHANISMS}")))
            }
            Some(given) => {
                Mechanism::named(given).ok_or_else(|| setting(name, format!("set it {MECHANISMS}")))
            }
        }?;
        let needed = |name| {
            settings.get(name).ok_or_else(|| {
                setting(
                    name,
                    format!("it must be set for a login by {}", mechanism.name()),
                )
            })
        };
        let (username, password) = (needed("sasl.username")?, needed("sasl.password")?);
        // RFC 4616: it separates the parts of the message; no broker has such a user.
        for (name, value) in [("sasl.username", username), ("sasl.password", password)] {
            if value.contains('\0') {
                return Err(setting(name, "it holds a zero byte"));
            }
        }
        Ok(Self {
            mechanism,
            username: username.to_owned(),
            password: password.to_owned(),
        })
    }

    /// The name for SaslHandshake.
    pub(crate) fn mechanism(&self) -> &'static str {
        self.mechanism.name()
    }

    /// Begins the login of one connection.
    ///
    /// # Errors
    /// [`SecurityError::Random`].
    pub(crate) fn login(&self) -> Result<Login, SecurityError> {
        let (username, password) = (&self.username, &self.password);
        Ok(Login(match self.mechanism {
            Mechanism::Plain => Steps::Plain(format!("\0{username}\0{password}").into_bytes()),
            Mechanism::Scram(hash) => {
                let nonce = scram::nonce()?;
                Steps::Scram(Box::new(Scram::new(hash, username, password.as_bytes(), nonce)))
            }
        }))
    }
}

impl Login {
    /// The bytes of the first SaslAuthenticate.
    pub(crate) fn first(&mut self) -> Vec<u8> {
        match &mut self.0 {
            Steps::Plain(message) => std::mem::take(message),
            Steps::Scram(scram) => scram.first(),
        }
    }

    /// Takes the bytes of the broker's SaslAuthenticate response, if that was without an error.
    ///
    /// # Errors
    /// If the broker refuses, does not know the password itself, or sends what is no message of the mechanism.
    pub(crate) fn challenge(&mut self, bytes: &[u8]) -> Result<Answer, SecurityError> {
        match &mut self.0 {
            // What says that the password is right is that the response is no error.
            Steps::Plain(_) => Ok(Answer::Done),
            Steps::Scram(scram) => scram.challenge(bytes),
        }
    }
}

enum Steps {
    Plain(Vec<u8>),
    Scram(Box<Scram>),
}

/// Both hold the password.
impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Scram(_) => "Scram",
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    Plain,
    Scram(Hash),
}

impl Mechanism {
    const ALL: [Self; 3] = [Self::Plain, Self::Scram(Hash::Sha256), Self::Scram(Hash::Sha512)];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mechanism| mechanism.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::Scram(hash) => hash.mechanism(),
        }
    }
}

const MECHANISMS: &str = "to PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512";
const ABSENT: &str = "is not in Rowtide";

#[cfg(test)]
mod tests {
    use super::*;

    fn sasl(mechanism: Option<&str>, username: &str, password: &str) -> Result<Sasl, KafkaError> {
        let lookup = |name: &str| match name {
            "sasl.mechanisms" => mechanism,
            "sasl.username" => Some(username),
            "sasl.password" => Some(password),
            _ => None,
        };
        Sasl::from_settings(&Settings { lookup: &lookup })
    }

    #[test]
    fn plain_sends_user_and_password_and_takes_any_answer() {
        let sasl = sasl(Some("PLAIN"), "us,er", "p=w").unwrap();
        assert_eq!(sasl.mechanism(), "PLAIN");
        let mut login = sasl.login().unwrap();
        assert_eq!(login.first(), b"\0us,er\0p=w");
        assert_eq!(login.challenge(b""), Ok(Answer::Done));
    }

    #[test]
    fn each_login_by_scram_has_a_nonce_of_its_own() {
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            let sasl = sasl(Some(mechanism), "user", "pencil").unwrap();
            assert_eq!(sasl.mechanism(), mechanism);
            let first = sasl.login().unwrap().first();
            assert!(first.starts_with(b"n,,n=user,r="));
            assert_ne!(sasl.login().unwrap().first(), first);
        }
    }

    #[test]
    fn what_is_missing_or_not_to_be_had_is_named() {
        let refused = |mechanism, username, password| match sasl(mechanism, username, password) {
            Err(ref e @ KafkaError::Setting { ref property, .. }) => (property.clone(), e.to_string()),
            other => panic!("{other:?}"),
        };
        for mechanism in [None, Some("GSSAPI"), Some("OAUTHBEARER"), Some("plain")] {
            let (property, text) = refused(mechanism, "u", "hunter2");
            assert_eq!(property, "sasl.mechanism");
            assert!(text.contains("PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512"), "{text}");
        }
        assert_eq!(refused(Some("PLAIN"), "", "p").0, "sasl.username");
        assert_eq!(refused(Some("PLAIN"), "u", "").0, "sasl.password");
        let (property, text) = refused(Some("PLAIN"), "u", "hunter\0two");
        assert_eq!(property, "sasl.password");
        assert!(!text.contains("hunter"), "{text}");
    }
}
