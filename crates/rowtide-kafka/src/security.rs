//! How a connection to a broker is secured: TLS and login, set by librdkafka's settings with librdkafka's meaning, so
//! that one set of settings serves the producer here and librdkafka's readers.

mod error;
mod pem;
mod sasl;
mod scram;
mod tls;

pub(crate) use error::SecurityError;
pub(crate) use sasl::{Answer, Login, Sasl};
pub(crate) use tls::Tls;

use crate::error::KafkaError;

/// What a connection needs before the first request of Kafka's protocol proper.
#[derive(Debug, Clone)]
pub(crate) struct Security {
    /// How the connection is encrypted, if it is.
    pub tls: Option<Tls>,
    /// How we log in, if we do.
    pub sasl: Option<Sasl>,
}

impl Security {
    /// What the user's settings ask for; `lookup` gives the value of a setting of librdkafka, if the user has set it.
    ///
    /// Files are read here and not again.
    ///
    /// # Errors
    /// [`KafkaError::Setting`] for a value or a file that cannot be used, for a setting that would have no effect, and
    /// for those that only librdkafka can do.
    pub(crate) fn from_settings<'a>(lookup: &dyn Fn(&str) -> Option<&'a str>) -> Result<Self, KafkaError> {
        let settings = Settings { lookup };
        settings.refuse(UNSUPPORTED)?;
        let protocol = Protocol::of(&settings)?;
        let tls = if protocol.is_encrypted() {
            Some(Tls::from_settings(&settings)?)
        } else {
            settings.refuse(NEEDS_TLS)?;
            None
        };
        let sasl = if protocol.has_login() {
            Some(Sasl::from_settings(&settings)?)
        } else {
            settings.refuse(NEEDS_SASL)?;
            None
        };
        Ok(Self { tls, sasl })
    }
}

/// The values of `security.protocol`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Plaintext,
    Ssl,
    SaslPlaintext,
    SaslSsl,
}

impl Protocol {
    fn of(settings: &Settings<'_, '_>) -> Result<Self, KafkaError> {
        let name = "security.protocol";
        match settings.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("plaintext") => Ok(Self::Plaintext),
            Some("ssl") => Ok(Self::Ssl),
            Some("sasl_plaintext") => Ok(Self::SaslPlaintext),
            Some("sasl_ssl") => Ok(Self::SaslSsl),
            Some(_) => Err(setting(name, "it is plaintext, ssl, sasl_plaintext or sasl_ssl")),
        }
    }

    fn is_encrypted(self) -> bool {
        matches!(self, Self::Ssl | Self::SaslSsl)
    }

    fn has_login(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// What the user has set.
#[derive(Clone, Copy)]
struct Settings<'l, 'a> {
    lookup: &'l dyn Fn(&str) -> Option<&'a str>,
}

impl<'a> Settings<'_, 'a> {
    /// The value of a setting, if it is not empty. librdkafka leaves out space at the beginning of a value, of a password
    /// too; it must be the same one here.
    fn get(&self, name: &str) -> Option<&'a str> {
        let is_space = |c: char| c.is_ascii_whitespace() || c == '\u{b}';
        (self.lookup)(name)
            .map(|value| value.trim_start_matches(is_space))
            .filter(|value| !value.is_empty())
    }

    /// Whether a setting of yes or no is on.
    fn flag(&self, name: &str, default: bool) -> Result<bool, KafkaError> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true" | "t" | "1") => Ok(true),
            Some("false" | "f" | "0") => Ok(false),
            Some(_) => Err(setting(name, "it is true or false")),
        }
    }

    /// # Errors
    /// If one of `refused` is set.
    fn refuse(&self, refused: &[Refusal]) -> Result<(), KafkaError> {
        let found = refused
            .iter()
            .flat_map(|(names, reason)| names.iter().map(move |name| (name, reason)))
            .find(|(name, _)| self.get(name).is_some());
        match found {
            Some((name, reason)) => Err(setting(name, *reason)),
            None => Ok(()),
        }
    }
}

fn setting(property: &str, reason: impl Into<String>) -> KafkaError {
    KafkaError::Setting {
        property: property.to_owned(),
        reason: reason.into(),
    }
}

/// Settings, and why they cannot be had.
type Refusal = (&'static [&'static str], &'static str);

/// What librdkafka, or OpenSSL behind it, has and this does not.
const UNSUPPORTED: &[Refusal] = &[
    (
        &["ssl.keystore.location", "ssl.keystore.password"],
        "Rowtide reads no PKCS#12: convert the keystore to PEM (`openssl pkcs12 -in STORE -out client.pem`) and name that \
         file in ssl.certificate.location and ssl.key.location, and its password in ssl.key.password",
    ),
    (
        &["ssl.crl.location"],
        "Rowtide reads no revocation lists: leave it out, and take from ssl.ca.location the authorities that are not to be \
         trusted any more",
    ),
    (
        &[
            "ssl.engine.location",
            "ssl.engine.id",
            "ssl_engine_callback_data",
            "ssl.providers",
        ],
        "Rowtide's own producer does not use OpenSSL: give it the key as a PEM file (ssl.key.location)",
    ),
    (
        &["ssl.cipher.suites", "ssl.curves.list", "ssl.sigalgs.list"],
        "Rowtide's own producer does not use OpenSSL and takes what is safe of TLS 1.2 and 1.3: leave it out, and restrict \
         the choice at the broker (ssl.cipher.suites, ssl.enabled.protocols)",
    ),
    (
        &["ssl.ca.certificate.stores"],
        "it is for Windows: name the authorities' file in ssl.ca.location, or leave both out to trust those of the system",
    ),
    (
        &[
            "ssl_ca",
            "ssl_certificate",
            "ssl_key",
            "ssl.certificate.verify_cb",
        ],
        "it can be set in a program only: use ssl.ca.pem, ssl.certificate.pem and ssl.key.pem, or files \
         (ssl.ca.location, ssl.certificate.location, ssl.key.location)",
    ),
    (
        &[
            "sasl.kerberos.service.name",
            "sasl.kerberos.principal",
            "sasl.kerberos.kinit.cmd",
            "sasl.kerberos.keytab",
            "sasl.kerberos.min.time.before.relogin",
        ],
        "Rowtide has no Kerberos: log in with sasl.mechanism PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, or with a client \
         certificate (ssl.certificate.location), and leave it out",
    ),
    (
        &[
            "enable.sasl.oauthbearer.unsecure.jwt",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.method",
            "sasl.oauthbearer.client.id",
            "sasl.oauthbearer.client.credentials.client.id",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.client.credentials.client.secret",
            "sasl.oauthbearer.scope",
            "sasl.oauthbearer.extensions",
            "sasl.oauthbearer.token.endpoint.url",
            "sasl.oauthbearer.grant.type",
            "sasl.oauthbearer.assertion.algorithm",
            "sasl.oauthbearer.assertion.private.key.file",
            "sasl.oauthbearer.assertion.private.key.passphrase",
            "sasl.oauthbearer.assertion.private.key.pem",
            "sasl.oauthbearer.assertion.file",
            "sasl.oauthbearer.assertion.claim.aud",
            "sasl.oauthbearer.assertion.claim.exp.seconds",
            "sasl.oauthbearer.assertion.claim.iss",
            "sasl.oauthbearer.assertion.claim.jti.include",
            "sasl.oauthbearer.assertion.claim.nbf.seconds",
            "sasl.oauthbearer.assertion.claim.sub",
            "sasl.oauthbearer.assertion.jwt.template.file",
            "sasl.oauthbearer.metadata.authentication.type",
            "sasl.oauthbearer.metadata.authentication.query",
            "https.ca.location",
            "https.ca.pem",
        ],
        "Rowtide has no login by OAuth: log in with sasl.mechanism PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, or with a client \
         certificate (ssl.certificate.location), and leave it out",
    ),
];

/// What is of use with TLS only. That it is set and TLS is not would leave a connection in the clear by mistake.
const NEEDS_TLS: &[Refusal] = &[(
    &[
        "ssl.ca.location",
        "ssl.ca.pem",
        "ssl.certificate.location",
        "ssl.certificate.pem",
        "ssl.key.location",
        "ssl.key.pem",
        "ssl.key.password",
    ],
    "security.protocol makes no use of it, since the connection is not encrypted: choose ssl or sasl_ssl, or leave it out",
)];

/// What is of use with a login only.
const NEEDS_SASL: &[Refusal] = &[(
    &[
        "sasl.mechanisms",
        "sasl.mechanism",
        "sasl.username",
        "sasl.password",
    ],
    "security.protocol makes no use of it, since there is no login: choose sasl_ssl (or sasl_plaintext), or leave it out",
)];

#[cfg(test)]
mod tests {
    use super::*;

    fn security(settings: &[(&str, &str)]) -> Result<Security, KafkaError> {
        Security::from_settings(&|name| {
            let found = settings.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| *value)
        })
    }

    /// The setting that is refused, and the whole text.
    fn refused(settings: &[(&str, &str)]) -> (String, String) {
        match security(settings) {
            Err(ref e @ KafkaError::Setting { ref property, .. }) => (property.clone(), e.to_string()),
            other => panic!("{settings:?}: {other:?}"),
        }
    }

    #[test]
    fn the_protocol_says_what_there_is() {
        let login = [
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "u"),
            ("sasl.password", "p"),
        ];
        for (protocol, tls, sasl) in [
            ("plaintext", false, false),
            ("SSL", true, false),
            ("sasl_plaintext", false, true),
            ("SASL_SSL", true, true),
        ] {
            let mut settings = vec![
                ("security.protocol", protocol),
                ("enable.ssl.certificate.verification", "False"),
            ];
            settings.extend(login.iter().filter(|_| sasl));
            let security = security(&settings).unwrap();
            assert_eq!(
                (security.tls.is_some(), security.sasl.is_some()),
                (tls, sasl),
                "{protocol}"
            );
        }
        let none = security(&[]).unwrap();
        assert!(none.tls.is_none() && none.sasl.is_none());
        assert_eq!(refused(&[("security.protocol", "tls")]).0, "security.protocol");
    }

    #[test]
    fn what_would_have_no_effect_is_refused() {
        let (property, text) = refused(&[("ssl.ca.location", "/ca.pem")]);
        assert_eq!(property, "ssl.ca.location");
        assert!(text.contains("choose ssl or sasl_ssl"), "{text}");
        let settings = [
            ("security.protocol", "ssl"),
            ("enable.ssl.certificate.verification", "false"),
            ("sasl.password", "hunter2"),
        ];
        let (property, text) = refused(&settings);
        assert_eq!(property, "sasl.password");
        assert!(!text.contains("hunter2"), "{text}");
    }

    #[test]
    fn what_only_librdkafka_can_do_is_refused_with_the_way_out() {
        for (name, way_out) in [
            ("ssl.keystore.location", "openssl pkcs12"),
            ("ssl.crl.location", "ssl.ca.location"),
            ("ssl.providers", "ssl.key.location"),
            ("ssl.cipher.suites", "at the broker"),
            ("ssl.ca.certificate.stores", "ssl.ca.location"),
            ("ssl_key", "ssl.key.pem"),
            ("sasl.kerberos.keytab", "SCRAM-SHA-512"),
            ("sasl.oauthbearer.client.secret", "SCRAM-SHA-512"),
        ] {
            let (property, text) = refused(&[("security.protocol", "sasl_ssl"), (name, "hunter2")]);
            assert_eq!(property, name);
            assert!(text.contains(way_out) && !text.contains("hunter2"), "{text}");
        }
    }

    #[test]
    fn space_before_a_value_does_not_count() {
        let settings = [
            ("security.protocol", " sasl_plaintext"),
            ("sasl.mechanisms", "\u{b}PLAIN"),
            ("sasl.username", "\tu"),
            ("sasl.password", "  p "),
        ];
        let sasl = security(&settings).unwrap().sasl.unwrap();
        assert_eq!(sasl.login().unwrap().first(), b"\0u\0p ");
    }

    #[test]
    fn nothing_secret_is_shown() {
        let settings = [
            ("security.protocol", "sasl_ssl"),
            ("enable.ssl.certificate.verification", "false"),
            ("sasl.mechanism", "PLAIN"),
            ("sasl.username", "somebody"),
            ("sasl.password", "hunter2"),
        ];
        let security = security(&settings).unwrap();
        let login = security.sasl.as_ref().unwrap().login().unwrap();
        let shown = format!("{security:?} {login:?}");
        assert!(
            !shown.contains("hunter2") && !shown.contains("somebody"),
            "{shown}"
        );
    }
}
