//! Encryption by TLS 1.2 and 1.3.

use std::path::{Path, PathBuf};

use rowtide_tls::{Client, Identity, Trust, Unusable};
use rustls::InvalidMessage as InvalidMessageKind;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{AlertDescription, CertificateError, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::Peer;
use crate::wire::handshake::Greeting;

/// How much is asked of TLS; each mode asks for all that the ones before it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum TlsMode {
    /// No encryption.
    Disabled,
    /// Encryption if the server offers it, except over a unix socket, which nobody can read. The one mode in which
    /// somebody who stands between can have it switched off. Where a handshake fails, nothing is sent in the clear: that
    /// is what MySQL's own clients do too.
    #[default]
    Preferred,
    /// Encryption, or no connection. Who the server is, is not checked.
    Required,
    /// The server's certificate must come from a trusted authority; its name does not count. This is what works with
    /// the certificates that MySQL makes for itself.
    VerifyCa,
    /// The server's certificate must come from a trusted authority and be for the host that was named.
    VerifyIdentity,
}

impl TlsMode {
    /// Whether a connection to the server that said `greeting` is to be encrypted.
    pub(crate) fn is_wanted(self, greeting: &Greeting, peer: Peer) -> bool {
        match self {
            Self::Disabled => false,
            Self::Preferred => greeting.offers_tls() && peer != Peer::Socket,
            Self::Required | Self::VerifyCa | Self::VerifyIdentity => greeting.offers_tls(),
        }
    }
}

/// How a connection is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// How much is asked of TLS.
    pub mode: TlsMode,
    /// A file of authorities' certificates (PEM) to trust; without it, those that the system trusts.
    pub ca: Option<PathBuf>,
    /// A file with the client's certificate and its chain (PEM). Goes with [`key`](Self::key).
    pub cert: Option<PathBuf>,
    /// A file with the key of the client's certificate (PEM).
    pub key: Option<PathBuf>,
}

impl TlsOptions {
    /// Checks all that can be checked without a server: that the files hold what they should, and that the mode makes
    /// use of each.
    ///
    /// # Errors
    /// [`TlsError::Unused`], [`TlsError::File`], [`TlsError::HalfAnIdentity`], [`TlsError::Unusable`],
    /// [`TlsError::NoAuthorities`].
    pub fn check(&self) -> Result<(), TlsError> {
        if self.ca.is_some() && self.mode < TlsMode::VerifyCa {
            return Err(TlsError::Unused {
                what: "the authorities' file (--source-ssl-ca)",
                remedy: "choose the mode verify_ca or verify_identity",
            });
        }
        if self.cert.is_some() && self.mode == TlsMode::Disabled {
            return Err(TlsError::Unused {
                what: "the client certificate (--source-ssl-cert)",
                remedy: "choose a mode that encrypts",
            });
        }
        client(self).map(drop)
    }
}

/// Why a connection cannot be encrypted as asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The server has no TLS.
    #[error(
        "the server does not offer TLS, which the mode asks for; give it a certificate (ssl_cert, ssl_key), or choose the \
         mode disabled where the network is trusted"
    )]
    NotOffered,
    /// The server, or who stands between, sent something where TLS was due.
    #[error("bytes came in the clear where TLS was due; somebody may be tampering with the connection")]
    BytesBeforeTls,
    /// A file cannot be read.
    #[error("{path} is no PEM file with {what}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What it should hold.
        what: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A file is named of which the mode makes no use.
    #[error("the mode makes no use of {what}: {remedy}, or leave it out")]
    Unused {
        /// The file.
        what: &'static str,
        /// The mode that makes use of it.
        remedy: &'static str,
    },
    /// Only one of certificate and key is named.
    #[error(
        "a client certificate and its key (--source-ssl-cert, --source-ssl-key) go together: name both or neither"
    )]
    HalfAnIdentity,
    /// What the files hold cannot be used.
    #[error(transparent)]
    Unusable(Unusable),
    /// There is nothing to verify the server with.
    #[error("the system has no trusted authorities; name a file with those of the server (--source-ssl-ca)")]
    NoAuthorities,
    /// The host's name cannot stand in a certificate.
    #[error("`{0}` is no name that a certificate can be for; verify_identity needs a DNS name or an address")]
    HostName(String),
    /// The server's certificate is not accepted.
    #[error("the server's certificate is not accepted: {reason}{advice}", reason = .0, advice = advice(.0))]
    Certificate(CertificateError),
    /// The server and Rowtide know no TLS that both know.
    #[error(
        "the server has no version or cipher of TLS in common with Rowtide ({0}), which takes TLS 1.2 and 1.3 with keys \
         exchanged by ECDHE; servers built with yaSSL or OpenSSL 1.0 have none of these (MySQL 5.7.22 and 8.0.15 are such): \
         upgrade the server, connect through a tunnel (SSH, stunnel), or, where the network is trusted, choose the mode \
         disabled (--source-ssl-mode=disabled)"
    )]
    NothingInCommon(rustls::Error),
    /// The handshake failed otherwise.
    #[error("the TLS handshake failed: {0}")]
    Handshake(std::io::Error),
}

impl TlsError {
    /// Whether the same again may succeed with nothing changed.
    pub fn is_retriable(&self) -> bool {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
        match self {
            Self::Handshake(e) => {
                matches!(
                    e.kind(),
                    BrokenPipe | ConnectionAborted | ConnectionReset | TimedOut | UnexpectedEof
                )
            }
            _ => false,
        }
    }
}

/// What connections are encrypted with as `options` ask for; `None` if they are not to be.
///
/// # Errors
/// If a file is not readable, or does not hold what it should.
pub(crate) fn client(options: &TlsOptions) -> Result<Option<Client>, TlsError> {
    let ca = options.ca.as_deref();
    let trust = match options.mode {
        TlsMode::Disabled => return Ok(None),
        TlsMode::Preferred | TlsMode::Required => Trust::Anybody,
        TlsMode::VerifyCa => Trust::Authority(authorities(ca)?),
        TlsMode::VerifyIdentity => Trust::AuthorityAndName(authorities(ca)?),
    };
    let client = Client::new(trust, identity(options)?).map_err(TlsError::Unusable)?;
    Ok(Some(client))
}

/// Makes `stream` an encrypted one, with the server called `host`.
pub(crate) async fn handshake<S>(client: &Client, host: &str, stream: S) -> Result<TlsStream<S>, TlsError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = client.name(host);
    let name = name.map_err(|_| TlsError::HostName(host.to_owned()))?;
    let connector = TlsConnector::from(client.config());
    connector.connect(name, stream).await.map_err(handshake_error)
}

fn handshake_error(error: std::io::Error) -> TlsError {
    use AlertDescription::{HandshakeFailure, InsufficientSecurity, ProtocolVersion};
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, PeerIncompatible};
    let cause = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    match cause {
        Some(InvalidCertificate(reason)) => TlsError::Certificate(reason.clone()),
        Some(
            // A server that knows no version of what it was offered answers in the clear: that is no message of TLS.
            cause @ (AlertReceived(HandshakeFailure | InsufficientSecurity | ProtocolVersion)
            | PeerIncompatible(_)
            | InvalidMessage(
                InvalidMessageKind::UnknownProtocolVersion | InvalidMessageKind::InvalidContentType,
            )),
        ) => TlsError::NothingInCommon(cause.clone()),
        _ => TlsError::Handshake(error),
    }
}

fn advice(reason: &CertificateError) -> &'static str {
    match reason {
        CertificateError::UnknownIssuer => {
            "; name the file of the authority that signed it (--source-ssl-ca)"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "; the mode verify_ca checks the authority and not the name"
        }
        _ => "",
    }
}

fn identity(options: &TlsOptions) -> Result<Option<Identity>, TlsError> {
    match (&options.cert, &options.key) {
        (None, None) => Ok(None),
        (Some(cert), Some(key)) => {
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| file_error(key, "a private key", &e))?;
            Ok(Some(Identity {
                chain: certificates(cert)?,
                key,
            }))
        }
        _ => Err(TlsError::HalfAnIdentity),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let error = |e: pem::Error| file_error(path, "certificates", &e);
    let found = CertificateDer::pem_file_iter(path)
        .map_err(error)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(error)?;
    if found.is_empty() {
        Err(error(pem::Error::NoItemsFound))
    } else {
        Ok(found)
    }
}

fn file_error(path: &Path, what: &'static str, reason: &pem::Error) -> TlsError {
    let reason = match reason {
        pem::Error::Io(e) => e.to_string(),
        other => other.to_string(),
    };
    TlsError::File {
        path: path.display().to_string(),
        what,
        reason,
    }
}

fn authorities(file: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let Some(path) = file else {
        return rowtide_tls::system_authorities().ok_or(TlsError::NoAuthorities);
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots
            .add(certificate)
            .map_err(|e| TlsError::Unusable(Unusable::Authorities(e.to_string())))?;
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_the_mode_makes_no_use_of_is_refused() {
        let unused = |mode, ca: Option<&str>, cert: Option<&str>| {
            let options = TlsOptions {
                mode,
                ca: ca.map(PathBuf::from),
                cert: cert.map(PathBuf::from),
                key: cert.map(PathBuf::from),
            };
            match options.check() {
                Err(TlsError::Unused { what, .. }) => Some(what),
                Err(TlsError::File { .. }) | Ok(()) => None,
                Err(other) => panic!("{other}"),
            }
        };
        for mode in [TlsMode::Disabled, TlsMode::Preferred, TlsMode::Required] {
            let what = unused(mode, Some("/none"), None);
            assert_eq!(what, Some("the authorities' file (--source-ssl-ca)"), "{mode:?}");
            assert_eq!(unused(mode, None, None), None, "{mode:?}");
        }
        let what = unused(TlsMode::Disabled, None, Some("/none"));
        assert_eq!(what, Some("the client certificate (--source-ssl-cert)"));
        assert_eq!(unused(TlsMode::Preferred, None, Some("/none")), None);
        assert_eq!(unused(TlsMode::VerifyCa, Some("/none"), Some("/none")), None);
    }
}
