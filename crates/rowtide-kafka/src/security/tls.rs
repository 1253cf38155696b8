//! Encryption by TLS 1.2 and 1.3.

use rowtide_tls::{Client, Identity, Trust, Unusable};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConnection, RootCertStore};

use super::error::SecurityError;
use super::pem::{self, Text};
use super::{Settings, setting};
use crate::error::KafkaError;

/// How connections are encrypted. A clone shares what is known of earlier sessions, which makes the next ones shorter.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    client: Client,
}

impl Tls {
    pub(super) fn from_settings(settings: &Settings<'_, '_>) -> Result<Self, KafkaError> {
        let trust = match Checks::from_settings(settings)? {
            Checks::Nothing => Trust::Anybody,
            Checks::Authority => Trust::Authority(authorities(settings)?),
            Checks::AuthorityAndName => Trust::AuthorityAndName(authorities(settings)?),
        };
        let client = Client::new(trust, identity(settings)?).map_err(|unusable| match unusable {
            Unusable::Authorities(_) => setting("ssl.ca.location", unusable.to_string()),
            Unusable::Identity(_) => setting("ssl.certificate.location", unusable.to_string()),
            other => KafkaError::Client(other.to_string()),
        })?;
        Ok(Self { client })
    }

    /// Begins a session with the broker at `host`, a DNS name or an address. What rustls says when it is given the
    /// broker's bytes becomes a [`SecurityError`] by `from`.
    ///
    /// # Errors
    /// [`SecurityError::HostName`].
    pub(crate) fn session(&self, host: &str) -> Result<ClientConnection, SecurityError> {
        let name = self.client.name(host);
        let name = name.map_err(|_| SecurityError::HostName(host.to_owned()))?;
        Ok(ClientConnection::new(self.client.config(), name)?)
    }
}

/// What is asked of the broker's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checks {
    Nothing,
    Authority,
    AuthorityAndName,
}

impl Checks {
    fn from_settings(settings: &Settings<'_, '_>) -> Result<Self, KafkaError> {
        let name = "ssl.endpoint.identification.algorithm";
        let checks = match settings.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("https") => Self::AuthorityAndName,
            Some("none") => Self::Authority,
            Some(_) => return Err(setting(name, "it is https or none")),
        };
        let is_verified = settings.flag("enable.ssl.certificate.verification", true)?;
        Ok(if is_verified { checks } else { Self::Nothing })
    }
}

/// As librdkafka: what both settings name, else what the system trusts.
fn authorities(settings: &Settings<'_, '_>) -> Result<RootCertStore, KafkaError> {
    let location = settings.get("ssl.ca.location").filter(|path| *path != "probe");
    let pem = settings.get("ssl.ca.pem");
    if location.is_none() && pem.is_none() {
        return rowtide_tls::system_authorities().ok_or_else(|| {
            let reason = "the system has no trusted authorities; name a file with the one that signed the broker's certificate";
            setting("ssl.ca.location", reason)
        });
    }
    let mut roots = RootCertStore::empty();
    if let Some(path) = location {
        add(
            &mut roots,
            "ssl.ca.location",
            pem::authorities_at("ssl.ca.location", path)?,
        )?;
    }
    if let Some(pem) = pem {
        let text = Text::of("ssl.ca.pem", pem);
        add(&mut roots, "ssl.ca.pem", text.certificates()?)?;
    }
    Ok(roots)
}

fn add(
    roots: &mut RootCertStore,
    property: &str,
    certificates: Vec<CertificateDer<'static>>,
) -> Result<(), KafkaError> {
    match roots.add_parsable_certificates(certificates) {
        (0, _) => Err(setting(
            property,
            "none of its certificates can be read as an authority's",
        )),
        (_, 0) => Ok(()),
        (taken, left) => {
            tracing::warn!(
                "{property}: {left} of {} certificates cannot be read",
                taken + left
            );
            Ok(())
        }
    }
}

fn identity(settings: &Settings<'_, '_>) -> Result<Option<Identity>, KafkaError> {
    let chain = Text::either(settings, "ssl.certificate.location", "ssl.certificate.pem")?;
    let key = Text::either(settings, "ssl.key.location", "ssl.key.pem")?;
    match (chain, key) {
        (None, None) => settings
            .refuse(&[(
                &["ssl.key.password"],
                "there is no key that it is for (ssl.key.location)",
            )])
            .map(|()| None),
        (Some(chain), Some(key)) => {
            let key = key.private_key(settings.get("ssl.key.password"))?;
            Ok(Some(Identity {
                chain: chain.certificates()?,
                key,
            }))
        }
        (Some(_), None) => Err(setting(
            "ssl.key.location",
            "it must be set with ssl.certificate.location",
        )),
        (None, Some(_)) => Err(setting(
            "ssl.certificate.location",
            "it must be set with ssl.key.location",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::path::PathBuf;
    use std::sync::Arc;

    use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
    use rustls::crypto::ring;
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use rustls::server::WebPkiClientVerifier;
    use rustls::{ServerConfig, ServerConnection};

    use super::*;

    /// An authority, and what it signed.
    struct Pki {
        authority: rcgen::Certificate,
        issuer: Issuer<'static, KeyPair>,
    }

    impl Pki {
        fn new() -> Self {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let authority = params.self_signed(&key).unwrap();
            let issuer = Issuer::new(params, key);
            Self { authority, issuer }
        }

        fn sign(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new([name.to_owned()]).unwrap();
            params.extended_key_usages = vec![purpose];
            (params.signed_by(&key, &self.issuer).unwrap(), key)
        }

        /// A broker called broker.example, which may want a certificate of the client.
        fn broker(&self, wants_certificate: bool) -> ServerConnection {
            let (certificate, key) = self.sign("broker.example", ExtendedKeyUsagePurpose::ServerAuth);
            let provider = Arc::new(ring::default_provider());
            let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
                .with_safe_default_protocol_versions()
                .unwrap();
            let builder = if wants_certificate {
                let mut roots = RootCertStore::empty();
                roots.add(self.authority.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            } else {
                builder.with_no_client_auth()
            };
            let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
            let config = builder
                .with_single_cert(vec![certificate.der().clone()], key)
                .unwrap();
            ServerConnection::new(Arc::new(config)).unwrap()
        }
    }

    fn tls(settings: &[(&str, &str)]) -> Result<Tls, KafkaError> {
        let lookup = |name: &str| {
            let found = settings.iter().find(|(given, _)| *given == name);
            found.map(|(_, value)| *value)
        };
        Tls::from_settings(&Settings { lookup: &lookup })
    }

    /// Joins both ends until the broker has taken a byte of the client.
    fn handshake(tls: &Tls, host: &str, mut broker: ServerConnection) -> Result<(), SecurityError> {
        let mut client = tls.session(host)?;
        client.writer().write_all(b"x").unwrap();
        for _ in 0..10 {
            let mut bytes = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut bytes).unwrap();
            }
            broker.read_tls(&mut bytes.as_slice()).unwrap();
            // What the broker has against it, it says by an alert.
            let _ = broker.process_new_packets();
            if broker.reader().read(&mut [0]).is_ok_and(|taken| taken == 1) {
                return Ok(());
            }
            let mut bytes = Vec::new();
            while broker.wants_write() {
                broker.write_tls(&mut bytes).unwrap();
            }
            client.read_tls(&mut bytes.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        panic!("neither an error nor a session");
    }

    #[test]
    fn authority_and_name_are_checked_unless_that_is_switched_off() {
        let pki = Pki::new();
        let ca = pki.authority.pem();
        let other = Pki::new().authority.pem();
        let any_name = ("ssl.endpoint.identification.algorithm", "NONE");
        let anything = ("enable.ssl.certificate.verification", "false");
        let run = |settings: &[(&str, &str)], host: &str| {
            handshake(&tls(settings).unwrap(), host, pki.broker(false))
        };
        assert_eq!(run(&[("ssl.ca.pem", &ca)], "broker.example"), Ok(()));
        assert_eq!(
            run(&[("ssl.ca.pem", &format!("{other}{ca}"))], "broker.example"),
            Ok(())
        );
        for host in ["other.example", "127.0.0.1", "[::1]"] {
            let error = run(&[("ssl.ca.pem", &ca)], host).unwrap_err();
            assert!(error.is_refused(), "{error}");
            assert!(
                error
                    .to_string()
                    .contains("ssl.endpoint.identification.algorithm=none"),
                "{error}"
            );
            assert_eq!(run(&[("ssl.ca.pem", &ca), any_name], host), Ok(()));
            let error = run(&[("ssl.ca.pem", &other), any_name], host).unwrap_err();
            assert!(
                error.is_refused() && error.to_string().contains("(ssl.ca.location)"),
                "{error}"
            );
            assert_eq!(run(&[anything], host), Ok(()));
        }
        let error = run(&[("ssl.ca.pem", &ca)], "no name").unwrap_err();
        assert_eq!(error, SecurityError::HostName("no name".into()));
        assert_eq!(run(&[("ssl.ca.pem", &ca), any_name], "no name"), Ok(()));
    }

    #[test]
    fn a_client_certificate_is_shown() {
        let pki = Pki::new();
        let ca = pki.authority.pem();
        let (certificate, key) = pki.sign("rowtide", ExtendedKeyUsagePurpose::ClientAuth);
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        let with = [
            ("ssl.ca.pem", ca.as_str()),
            ("ssl.certificate.pem", certificate.as_str()),
            ("ssl.key.pem", key.as_str()),
        ];
        let broker = || pki.broker(true);
        assert_eq!(
            handshake(&tls(&with).unwrap(), "broker.example", broker()),
            Ok(())
        );
        let error = handshake(&tls(&with[..1]).unwrap(), "broker.example", broker()).unwrap_err();
        assert!(matches!(error, SecurityError::ClientCertificate(_)), "{error}");

        let refused = |settings: &[(&str, &str)]| match tls(settings) {
            Err(KafkaError::Setting { property, .. }) => property,
            other => panic!("{other:?}"),
        };
        assert_eq!(refused(&with[..2]), "ssl.key.location");
        assert_eq!(refused(&[with[0], with[2]]), "ssl.certificate.location");
        let foreign = KeyPair::generate().unwrap().serialize_pem();
        assert_eq!(
            refused(&[with[0], with[1], ("ssl.key.pem", &foreign)]),
            "ssl.certificate.location"
        );
        assert_eq!(refused(&[with[0], ("ssl.key.password", "p")]), "ssl.key.password");
        let twice = [with[0], with[1], with[2], ("ssl.key.location", "/none")];
        assert_eq!(refused(&twice), "ssl.key.pem");
    }

    #[test]
    fn authorities_come_from_a_file_or_a_folder() {
        let folder = Folder::new("rowtide-kafka-authorities");
        let pki = Pki::new();
        let empty = tls(&[("ssl.ca.location", folder.path())]).unwrap_err();
        assert!(
            empty.to_string().contains("none of the folder's files"),
            "{empty}"
        );
        std::fs::write(folder.0.join("README"), "none").unwrap();
        std::fs::write(folder.0.join("0.pem"), Pki::new().authority.pem()).unwrap();
        std::fs::write(folder.0.join("1.pem"), pki.authority.pem()).unwrap();
        let file = folder.0.join("1.pem").display().to_string();
        for location in [folder.path(), &file] {
            let tls = tls(&[("ssl.ca.location", location)]).unwrap();
            assert_eq!(
                handshake(&tls, "broker.example", pki.broker(false)),
                Ok(()),
                "{location}"
            );
        }
        let readme = folder.0.join("README").display().to_string();
        assert!(tls(&[("ssl.ca.location", &readme)]).is_err());
    }

    #[test]
    fn a_broker_that_speaks_no_tls_is_told_apart() {
        let tls = tls(&[("enable.ssl.certificate.verification", "0")]).unwrap();
        let mut client = tls.session("broker.example").unwrap();
        // A response of Kafka's protocol: a length, a correlation id, an error.
        client
            .read_tls(&mut [0, 0, 0, 10, 0, 0, 0, 1, 0, 35, 0, 0, 0, 0].as_slice())
            .unwrap();
        let error = SecurityError::from(client.process_new_packets().unwrap_err());
        assert!(matches!(error, SecurityError::NotTls(_)), "{error}");
    }

    /// A folder that is removed in the end.
    struct Folder(PathBuf, String);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            let text = path.display().to_string();
            Self(path, text)
        }

        fn path(&self) -> &str {
            &self.1
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
