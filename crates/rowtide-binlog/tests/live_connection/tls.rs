//! Every TLS mode: where it works, and where it must not.

use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rowtide_binlog::client::{Client, ClientError, SourceOptions};
use rowtide_binlog::tls::{TlsError, TlsMode, TlsOptions};
use rowtide_testbed::{MySql, MySqlOptions, Scratch, ServerVersion, shared};

use super::{cdc, make_user, server, server_with, value};

fn with(server: &MySql, mode: TlsMode, ca: Option<PathBuf>) -> SourceOptions {
    SourceOptions {
        tls: TlsOptions {
            mode,
            ca,
            cert: None,
            key: None,
        },
        ..cdc(server)
    }
}

async fn cipher(client: &mut Client) -> String {
    client
        .query("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        .await
        .unwrap()
        .first()
        .unwrap()
        .nth_text(1)
        .unwrap()
        .into()
}

#[tokio::test]
async fn modes_on_a_server_with_its_own_certificates() {
    let server = server();
    let ca = Some(server.datadir().join("ca.pem"));
    let cases = [
        (TlsMode::Disabled, None, false),
        (TlsMode::Preferred, None, true),
        (TlsMode::Required, None, true),
        (TlsMode::VerifyCa, ca.clone(), true),
    ];
    for (mode, ca, encrypted) in cases {
        let mut client = Client::connect(&with(server, mode, ca)).await.unwrap();
        assert_eq!(client.is_encrypted(), encrypted, "{mode:?}");
        assert_eq!(!cipher(&mut client).await.is_empty(), encrypted, "{mode:?}");
    }
    let error = Client::connect(&with(server, TlsMode::VerifyIdentity, ca))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::Tls(TlsError::Certificate(_))),
        "{error}"
    );
    assert!(
        error
            .to_string()
            .contains("verify_ca checks the authority and not the name"),
        "{error}"
    );
    assert!(error.is_tls() && !error.is_retriable());
}

#[tokio::test]
async fn an_authority_that_did_not_sign_is_refused() {
    let server = server();
    let pki = Pki::new();
    for mode in [TlsMode::VerifyCa, TlsMode::VerifyIdentity] {
        let error = Client::connect(&with(server, mode, Some(pki.file("ca.pem"))))
            .await
            .unwrap_err();
        assert!(
            matches!(error, ClientError::Tls(TlsError::Certificate(_))),
            "{error}"
        );
        assert!(error.to_string().contains("(--source-ssl-ca)"), "{error}");
        // The system's authorities did not sign it either.
        assert!(
            Client::connect(&with(server, mode, None))
                .await
                .unwrap_err()
                .is_tls()
        );
    }
}

#[tokio::test]
async fn a_name_in_the_certificate_is_verified() {
    let pki = Pki::new();
    let argument = |name: &str, file: &str| format!("--{name}={}", pki.file(file).display());
    let arguments = [
        argument("ssl-ca", "ca.pem"),
        argument("ssl-cert", "server.pem"),
        argument("ssl-key", "server-key.pem"),
    ];
    let server = server_with(&arguments.each_ref().map(String::as_str));
    let ca = Some(pki.file("ca.pem"));
    for host in ["127.0.0.1", "localhost"] {
        let options = SourceOptions {
            host: host.into(),
            ..with(&server, TlsMode::VerifyIdentity, ca.clone())
        };
        assert!(Client::connect(&options).await.unwrap().is_encrypted(), "{host}");
    }
    let mut by_socket = with(&server, TlsMode::VerifyIdentity, ca.clone());
    by_socket.socket = Some(server.socket());
    by_socket.host = "other.example".into();
    let error = Client::connect(&by_socket).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Tls(TlsError::Certificate(_))),
        "{error}"
    );
    by_socket.host = "no name".into();
    let error = Client::connect(&by_socket).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Tls(TlsError::HostName(_))),
        "{error}"
    );
    by_socket.tls.mode = TlsMode::VerifyCa;
    assert!(Client::connect(&by_socket).await.unwrap().is_encrypted());
}

#[tokio::test]
async fn a_server_without_tls() {
    let server = server_with(&["--tls-version="]);
    let ca = Some(server.datadir().join("ca.pem"));
    for mode in [TlsMode::Required, TlsMode::VerifyCa, TlsMode::VerifyIdentity] {
        let error = Client::connect(&with(&server, mode, ca.clone()))
            .await
            .unwrap_err();
        assert!(
            matches!(error, ClientError::Tls(TlsError::NotOffered)),
            "{mode:?}: {error}"
        );
    }
    for mode in [TlsMode::Disabled, TlsMode::Preferred] {
        assert!(
            !Client::connect(&with(&server, mode, None))
                .await
                .unwrap()
                .is_encrypted()
        );
    }
}

#[tokio::test]
async fn client_certificates() {
    let server = server();
    let name = make_user(server, "IDENTIFIED BY 'pw' REQUIRE X509");
    let mut options = with(server, TlsMode::VerifyCa, Some(server.datadir().join("ca.pem")));
    options.user = name;
    options.password = "pw".into();
    assert_eq!(Client::connect(&options).await.unwrap_err().code(), Some(1045));

    options.tls.cert = Some(server.datadir().join("client-cert.pem"));
    let half = Client::connect(&options).await.unwrap_err();
    assert!(
        matches!(half, ClientError::Tls(TlsError::HalfAnIdentity)),
        "{half}"
    );
    options.tls.key = Some(server.datadir().join("server-key.pem"));
    let foreign = Client::connect(&options).await.unwrap_err();
    assert!(foreign.is_tls(), "{foreign}");
    options.tls.key = Some(server.datadir().join("client-key.pem"));
    let mut client = Client::connect(&options).await.unwrap();
    assert!(!cipher(&mut client).await.is_empty());
}

#[tokio::test]
async fn files_that_are_no_certificates_are_named() {
    let server = server();
    for file in ["auto.cnf", "no-such-file.pem"] {
        let path = server.datadir().join(file);
        let error = Client::connect(&with(server, TlsMode::VerifyCa, Some(path)))
            .await
            .unwrap_err();
        assert!(error.is_tls() && error.to_string().contains(file), "{error}");
    }
}

#[tokio::test]
async fn a_unix_socket_is_encrypted_only_where_asked_for() {
    let server = server();
    for (mode, encrypted) in [(TlsMode::Preferred, false), (TlsMode::Required, true)] {
        let options = SourceOptions {
            socket: Some(server.socket()),
            ..with(server, mode, None)
        };
        let mut client = Client::connect(&options).await.unwrap();
        assert_eq!(client.is_encrypted(), encrypted);
        assert_eq!(!cipher(&mut client).await.is_empty(), encrypted);
    }
}

#[tokio::test]
async fn an_account_that_wants_tls_says_so() {
    let server = server_with(&["--require-secure-transport=ON"]);
    let error = Client::connect(&with(&server, TlsMode::Disabled, None))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(3159), "{error}");
    assert!(
        error.is_auth() && error.to_string().contains("switch TLS on"),
        "{error}"
    );
    let mut client = Client::connect(&with(&server, TlsMode::Preferred, None))
        .await
        .unwrap();
    assert_eq!(value(&mut client, "SELECT 1").await, "1");
}

/// MySQL 8.0.15 is built with OpenSSL 1.0 and exchanges keys by DHE and RSA only; 5.7.22, built with yaSSL, knows TLS 1.0
/// and 1.1. Neither is tried in the clear unless that is asked for.
#[tokio::test]
async fn servers_with_old_tls_are_refused_with_the_remedies() {
    let old = shared::server(ServerVersion::MySql80).unwrap();
    let file = |name: &str, file: &str| format!("--{name}={}", old.datadir().join(file).display());
    let older = MySql::start(
        MySqlOptions::of(ServerVersion::MySql57)
            .with(&file("ssl-ca", "ca.pem"))
            .with(&file("ssl-cert", "server-cert.pem"))
            .with(&file("ssl-key", "server-key.pem")),
    )
    .unwrap();
    for server in [old, &older] {
        for mode in [TlsMode::Preferred, TlsMode::Required, TlsMode::VerifyCa] {
            let ca = (mode == TlsMode::VerifyCa).then(|| old.datadir().join("ca.pem"));
            let error = Client::connect(&with(server, mode, ca)).await.unwrap_err();
            assert!(
                matches!(error, ClientError::Tls(TlsError::NothingInCommon(_))),
                "{mode:?}: {error}"
            );
            for word in [
                "ECDHE",
                "upgrade the server",
                "tunnel",
                "--source-ssl-mode=disabled",
            ] {
                assert!(error.to_string().contains(word), "{error}");
            }
            assert!(error.is_tls() && !error.is_retriable());
        }
        let mut client = Client::connect(&with(server, TlsMode::Disabled, None))
            .await
            .unwrap();
        assert_eq!(value(&mut client, "SELECT 1").await, "1");
    }
}

/// An authority and a server's certificate for `localhost` and `127.0.0.1`.
struct Pki {
    scratch: Scratch,
}

impl Pki {
    fn new() -> Self {
        let pki = Self {
            scratch: Scratch::new("pki").unwrap(),
        };
        let ca_key = KeyPair::generate().unwrap();
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        pki.write("ca.pem", &ca.self_signed(&ca_key).unwrap().pem());
        let issuer = Issuer::new(ca, ca_key);

        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        pki.write("server.pem", &params.signed_by(&key, &issuer).unwrap().pem());
        pki.write("server-key.pem", &key.serialize_pem());
        pki
    }

    fn file(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.file(name), text).unwrap();
    }
}
