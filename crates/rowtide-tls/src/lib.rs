//! How connections to databases and brokers are encrypted: by TLS 1.2 and 1.3, and by whom servers have to be vouched for.

mod verifier;

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};

use verifier::{AnyCertificate, AnyName};

/// Which servers are spoken to.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Any. Nobody who only listens can read what is sent; whoever stands between can.
    Anybody,
    /// Those with a certificate that one of these authorities has signed, for whatever name.
    Authority(RootCertStore),
    /// Those with such a certificate for the host that was named.
    AuthorityAndName(RootCertStore),
}

/// A certificate of the client's, the chain from it to an authority, and its key.
#[derive(Debug)]
pub struct Identity {
    /// The client's own certificate first.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key of the first certificate. Its `Debug` does not show it.
    pub key: PrivateKeyDer<'static>,
}

/// Why connections cannot be encrypted as asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// The authorities cannot vouch for anybody.
    #[error("the authorities' certificates cannot be used: {0}")]
    Authorities(String),
    /// The client's certificate does not fit its key, or cannot be read.
    #[error("the client certificate and its key cannot be used: {0}")]
    Identity(rustls::Error),
    /// The library has no protocol to offer.
    #[error("TLS cannot be used: {0}")]
    Protocol(rustls::Error),
}

/// How connections are encrypted. A clone shares what is known of earlier sessions, which makes the next ones shorter.
#[derive(Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
    needs_name: bool,
}

/// rustls shows what it knows of certificates and keys.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

impl Client {
    /// One that speaks to servers of `trust`, and shows `identity` to those that ask for it.
    ///
    /// # Errors
    /// If the authorities or the identity cannot be used.
    pub fn new(trust: Trust, identity: Option<Identity>) -> Result<Self, Unusable> {
        let provider = Arc::new(ring::default_provider());
        let needs_name = matches!(trust, Trust::AuthorityAndName(_));
        let verifier = trust.verifier(&provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(Unusable::Protocol)?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key }) => builder
                .with_client_auth_cert(chain, key)
                .map_err(Unusable::Identity)?,
        };
        Ok(Self {
            config: Arc::new(config),
            needs_name,
        })
    }

    /// What a session begins with.
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.config)
    }

    /// The name that the certificate of the server at `host` has to be for: a DNS name or an address, which may stand in
    /// brackets. Where the name does not count, any host has one.
    ///
    /// # Errors
    /// If no certificate can be for it.
    pub fn name(&self, host: &str) -> Result<ServerName<'static>, InvalidDnsNameError> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match ServerName::try_from(bare.unwrap_or(host).to_owned()) {
            // No certificate is compared with it.
            Err(_) if !self.needs_name => ServerName::try_from("unnamed.invalid"),
            name => name,
        }
    }
}

impl Trust {
    fn verifier(self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Unusable> {
        let strict = |roots| {
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|e| Unusable::Authorities(e.to_string()))
        };
        Ok(match self {
            Self::Anybody => Arc::new(AnyCertificate::new(provider)),
            Self::Authority(roots) => Arc::new(AnyName::new(strict(roots)?)),
            Self::AuthorityAndName(roots) => strict(roots)?,
        })
    }
}

/// The authorities that the system trusts; none if it trusts none.
pub fn system_authorities() -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    // A certificate of the system's that cannot be read is one that is not trusted.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Some(roots).filter(|roots| !roots.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_where_the_name_counts_must_a_certificate_be_able_to_have_it() {
        let named = |trust: Trust, host: &str| {
            let client = Client::new(trust, None).unwrap();
            client.name(host).ok().map(|name| name.to_str().into_owned())
        };
        for host in ["db.example", "::1", "127.0.0.1"] {
            assert_eq!(named(Trust::Anybody, host).as_deref(), Some(host));
        }
        assert_eq!(named(Trust::Anybody, "[::1]").as_deref(), Some("::1"));
        assert_eq!(
            named(Trust::Anybody, "no name").as_deref(),
            Some("unnamed.invalid")
        );
        let client = Client {
            needs_name: true,
            ..Client::new(Trust::Anybody, None).unwrap()
        };
        assert!(client.name("no name").is_err());
        assert!(client.name("db.example").is_ok());
    }

    #[test]
    fn authorities_that_can_vouch_for_nobody_are_refused() {
        for trust in [Trust::Authority, Trust::AuthorityAndName] {
            let refused = Client::new(trust(RootCertStore::empty()), None).unwrap_err();
            assert!(matches!(refused, Unusable::Authorities(_)), "{refused}");
        }
    }
}
