//! Authentication: each plugin, on each kind of connection.

use std::net::TcpListener;
use std::time::Duration;

use rowtide_binlog::client::{Client, ClientError, SourceOptions};
use rowtide_binlog::tls::TlsMode;
use rowtide_binlog::wire::auth::AuthError;
use rowtide_testbed::{MySql, Scratch};
use rsa::RsaPrivateKey;
use rsa::pkcs8::{EncodePublicKey, LineEnding};
use rsa::rand_core::OsRng;

use super::{cdc, make_user, server, server_with, user, value};

/// Logs in twice, first with the server's cache emptied and then with it filled, and says who it is.
async fn logs_in_twice(server: &MySql, options: &SourceOptions) {
    for _ in 0..2 {
        let mut client = Client::connect(options).await.unwrap();
        assert!(
            value(&mut client, "SELECT USER()")
                .await
                .starts_with(&format!("{}@", options.user))
        );
        client.close().await;
    }
    // What the cache holds is forgotten, so that the next to come takes the full path.
    server.sql("FLUSH PRIVILEGES").unwrap();
}

#[tokio::test]
async fn each_plugin_by_each_way() {
    let server = server();
    for plugin in ["caching_sha2_password", "sha256_password"] {
        for password in ["s3cret ☃", ""] {
            let name = make_user(server, &format!("IDENTIFIED WITH {plugin} BY '{password}'"));
            logs_in_twice(server, &user(server, &name, password, TlsMode::Required)).await;
            logs_in_twice(server, &user(server, &name, password, TlsMode::Disabled)).await;
            logs_in_twice(
                server,
                &SourceOptions::by_socket(server.socket(), &name, password),
            )
            .await;

            let pinned = Some(server.datadir().join("public_key.pem"));
            let disabled = user(server, &name, password, TlsMode::Disabled);
            logs_in_twice(
                server,
                &SourceOptions {
                    server_public_key: pinned,
                    ..disabled
                },
            )
            .await;
        }
    }
}

#[tokio::test]
async fn a_foreign_public_key_gives_no_login() {
    let server = server();
    let name = make_user(server, "IDENTIFIED BY 'pw'");
    let mut options = user(server, &name, "pw", TlsMode::Disabled);
    options.server_public_key = Some(server.datadir().join("server-cert.pem"));
    let error = Client::connect(&options).await.unwrap_err();
    assert!(
        matches!(error, ClientError::Auth(AuthError::PublicKey(_))),
        "{error}"
    );
    assert!(error.is_auth());

    options.server_public_key = Some("/no/such/file.pem".into());
    let error = Client::connect(&options).await.unwrap_err();
    assert!(error.to_string().contains("/no/such/file.pem"), "{error}");

    // A key of somebody else's encrypts the password for nobody.
    let other = Scratch::new("key").unwrap();
    let path = other.path().join("public_key.pem");
    let key = RsaPrivateKey::new(&mut OsRng, 2048).unwrap().to_public_key();
    std::fs::write(&path, key.to_public_key_pem(LineEnding::LF).unwrap()).unwrap();
    options.server_public_key = Some(path);
    assert_eq!(Client::connect(&options).await.unwrap_err().code(), Some(1045));
}

#[tokio::test]
async fn wrong_passwords_and_unknown_users_are_refused_with_advice() {
    let server = server();
    for plugin in ["caching_sha2_password", "sha256_password"] {
        let name = make_user(server, &format!("IDENTIFIED WITH {plugin} BY 'right'"));
        for mode in [TlsMode::Disabled, TlsMode::Required] {
            for password in ["wrong", ""] {
                let error = Client::connect(&user(server, &name, password, mode))
                    .await
                    .unwrap_err();
                assert_eq!(error.code(), Some(1045), "{error}");
                assert!(error.is_auth() && !error.is_retriable());
                assert!(error.to_string().contains("check user, password"), "{error}");
            }
        }
    }
    let error = Client::connect(&user(server, "nobody", "x", TlsMode::Preferred))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(1045), "{error}");
}

#[tokio::test]
async fn locked_accounts_and_long_passwords() {
    let server = server();
    let locked = make_user(server, "IDENTIFIED BY 'pw' ACCOUNT LOCK");
    let error = Client::connect(&user(server, &locked, "pw", TlsMode::Preferred))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some(3118));
    assert!(
        error.is_auth() && error.to_string().contains("ACCOUNT UNLOCK"),
        "{error}"
    );

    let long = "p".repeat(230);
    let name = make_user(server, &format!("IDENTIFIED BY '{long}'"));
    let error = Client::connect(&user(server, &name, &long, TlsMode::Disabled))
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::Auth(AuthError::PasswordTooLong)),
        "{error}"
    );
    Client::connect(&user(server, &name, &long, TlsMode::Required))
        .await
        .unwrap();
}

#[tokio::test]
async fn nobody_there_and_nobody_answering() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut options = SourceOptions::new("127.0.0.1", port, "cdc", "pw");
    options.connect_timeout = Duration::from_millis(50);
    let silent = Client::connect(&options).await.unwrap_err();
    assert!(matches!(silent, ClientError::ConnectTimeout { .. }), "{silent}");
    assert!(silent.is_unreachable() && silent.is_retriable());

    drop(listener);
    options.connect_timeout = Duration::from_secs(10);
    let refused = Client::connect(&options).await.unwrap_err();
    assert!(matches!(refused, ClientError::Connect { .. }), "{refused}");
    assert!(refused.is_unreachable() && refused.to_string().contains(&format!("127.0.0.1:{port}")));

    let no_socket = SourceOptions::by_socket("/no/such.sock", "cdc", "pw");
    assert!(Client::connect(&no_socket).await.unwrap_err().is_unreachable());
}

#[tokio::test]
async fn too_many_connections_pass() {
    let server = server_with(&["--max-connections=1"]);
    let _first = Client::connect(&cdc(&server)).await.unwrap();
    let error = Client::connect(&cdc(&server)).await.unwrap_err();
    assert_eq!(error.code(), Some(1040), "{error}");
    assert!(error.is_retriable() && !error.is_auth());
}
