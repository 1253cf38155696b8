//! The authentication plugins that only MariaDB has.

use rowtide_binlog::client::{Client, SourceOptions};
use rowtide_binlog::tls::TlsMode;
use rowtide_testbed::{MySql, MySqlOptions, ServerVersion};

use super::{user, value};

#[tokio::test]
async fn ed25519_by_each_way() {
    for version in [ServerVersion::MariaDb1011, ServerVersion::MariaDb118] {
        let server = MySql::start(MySqlOptions::of(version)).unwrap();
        server.sql("INSTALL SONAME 'auth_ed25519'").unwrap();
        logs_in(&server, "ed25519").await;
    }
}

#[tokio::test]
async fn parsec_by_each_way() {
    let server = MySql::start(MySqlOptions::of(ServerVersion::MariaDb118)).unwrap();
    server.sql("INSTALL SONAME 'auth_parsec'").unwrap();
    logs_in(&server, "parsec").await;
}

async fn logs_in(server: &MySql, plugin: &str) {
    for (name, password) in [("short", "s3cret ☃"), ("lengthy", &"x".repeat(200))] {
        server
            .sql(&format!(
                "CREATE USER {name}@'%' IDENTIFIED VIA {plugin} USING PASSWORD('{password}')"
            ))
            .unwrap();
        let by_tcp = user(server, name, password, TlsMode::Disabled);
        let by_socket = SourceOptions::by_socket(server.socket(), name, password);
        for options in [by_tcp, by_socket] {
            let mut client = Client::connect(&options).await.unwrap();
            let who = value(&mut client, "SELECT CURRENT_USER()").await;
            assert_eq!(who, format!("{name}@%"));
            client.close().await;
        }
        let wrong = user(server, name, "wrong", TlsMode::Disabled);
        let refused = Client::connect(&wrong).await.unwrap_err();
        assert!(refused.is_auth(), "{refused}");
    }
}
