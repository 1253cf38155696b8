//! Why a connection cannot be secured.

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// Why a connection cannot be secured as asked for. No text holds a password, a key or a user's name.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum SecurityError {
    /// The host's name cannot stand in a certificate.
    #[error("`{0}` is no name that a certificate can be for: connect by a DNS name or an address")]
    HostName(String),
    /// The broker's certificate is not accepted.
    #[error("the broker's certificate is not accepted: {reason}{advice}", reason = .0, advice = advice(.0))]
    Certificate(CertificateError),
    /// The broker does not accept the client's certificate, or that there is none.
    #[error(
        "the broker does not accept the client's certificate, or wants one (TLS alert {0:?}): check \
         ssl.certificate.location, and that the broker's truststore has its authority"
    )]
    ClientCertificate(AlertDescription),
    /// There is no TLS that both know.
    #[error(
        "the broker has no version or cipher of TLS in common with Rowtide, which takes TLS 1.2 and 1.3 with keys exchanged \
         by ECDHE ({0}): look at the broker's ssl.enabled.protocols and ssl.cipher.suites"
    )]
    NothingInCommon(rustls::Error),
    /// What answers does not speak TLS.
    #[error("the broker does not speak TLS at this port ({0}): check security.protocol and the port")]
    NotTls(rustls::Error),
    /// TLS failed otherwise.
    #[error("TLS failed: {0}")]
    Tls(rustls::Error),
    /// The broker has no such mechanism of login.
    #[error("the broker has no login by {mechanism}; it has {offered}: set sasl.mechanism to one of them")]
    Mechanism {
        /// What was asked for.
        mechanism: &'static str,
        /// What the broker has, separated by commas.
        offered: String,
    },
    /// The broker refuses the login.
    #[error("the broker refuses the login by {mechanism}: {reason}. Check sasl.username and sasl.password")]
    Login {
        /// The mechanism.
        mechanism: &'static str,
        /// What the broker said.
        reason: String,
    },
    /// The broker has not shown that it knows the password too.
    #[error("the broker has not shown that it knows the password ({0}): somebody may stand between")]
    Impostor(&'static str),
    /// The broker asks for what is not safe, or not reasonable.
    #[error(
        "the broker asks for {0} iterations, and Rowtide does {least} to {most}: create the user anew with \
         `kafka-configs.sh --alter --entity-type users --add-config 'SCRAM-SHA-512=[iterations=8192,password=…]'`",
        least = super::scram::ITERATIONS.start(), most = super::scram::ITERATIONS.end()
    )]
    Iterations(u64),
    /// What the broker sent is no message of the login.
    #[error("what the broker sent is no message of a login by SCRAM: {0}")]
    Malformed(&'static str),
    /// The system has no random bytes.
    #[error("the system gives no random bytes")]
    Random,
}

impl SecurityError {
    /// Whether login or certificate are refused, so that no waiting mends it; else the connection failed.
    pub(crate) fn is_refused(&self) -> bool {
        !matches!(self, Self::Tls(_) | Self::Malformed(_) | Self::Random)
    }
}

/// What a session says when bytes of the broker were given to it.
impl From<rustls::Error> for SecurityError {
    fn from(error: rustls::Error) -> Self {
        use AlertDescription::{HandshakeFailure, InsufficientSecurity, ProtocolVersion};
        use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage as Invalid, PeerIncompatible};
        match error {
            InvalidCertificate(reason) => Self::Certificate(reason),
            AlertReceived(alert) if is_of_certificate(alert) => Self::ClientCertificate(alert),
            AlertReceived(HandshakeFailure | InsufficientSecurity | ProtocolVersion)
            | PeerIncompatible(_) => Self::NothingInCommon(error),
            // Kafka's protocol in the clear begins with a length, which is no kind of message of TLS.
            Invalid(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion) => {
                Self::NotTls(error)
            }
            error => Self::Tls(error),
        }
    }
}

fn is_of_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as Alert;
    matches!(
        alert,
        Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired
    )
}

fn advice(reason: &CertificateError) -> &'static str {
    match reason {
        // An authority of the same name with another key makes a bad signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "; name the file of the authority that signed it (ssl.ca.location)"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "; let the broker's advertised.listeners name a host that the certificate is for (its subjectAltName), or set \
             ssl.endpoint.identification.algorithm=none, which checks the authority and not the name"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "; renew it at the broker",
        CertificateError::Other(_) => {
            "; it must be an X.509 certificate of version 3 with a subjectAltName, signed by an authority and no authority \
             itself (CA:FALSE)"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_refused_and_a_broken_connection_is_not() {
        let of = SecurityError::from;
        let untrusted = of(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer));
        assert!(untrusted.is_refused());
        assert!(untrusted.to_string().contains("(ssl.ca.location)"), "{untrusted}");
        let wanted = of(rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired,
        ));
        assert!(wanted.is_refused());
        assert!(
            wanted.to_string().contains("ssl.certificate.location"),
            "{wanted}"
        );
        let clear = of(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType));
        assert!(clear.is_refused());
        assert!(clear.to_string().contains("security.protocol"), "{clear}");
        assert!(!of(rustls::Error::AlertReceived(AlertDescription::InternalError)).is_refused());
        assert!(!of(rustls::Error::DecryptError).is_refused());
    }
}
