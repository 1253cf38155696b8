//! How the program reaches a server: socket, encryption, certificates, ways to log in.

use std::path::Path;
use std::process::Command;

use rowtide_testbed::MySql;
use rowtide_testbed::shared::unique_name;

use crate::stage::{self, Running, assert_says, eventually, fail, records, succeed};

const USAGE: i32 = 2;
/// The source is unreachable or refuses the login.
const SOURCE: i32 = 3;
const PASSWORD: &str = "s3cret ☃";

/// Makes a replica's user of its own, whose password the server has not cached yet; `how` follows its name in CREATE USER.
fn replica_user(how: &str) -> String {
    let name = unique_name("replica");
    let grants = "REPLICATION SLAVE, REPLICATION CLIENT, SELECT";
    stage::mysql()
        .sql(&format!(
            "CREATE USER {name}@'%' {how}; GRANT {grants} ON *.* TO {name}@'%'"
        ))
        .unwrap();
    name
}

fn with_password(plugin: &str) -> String {
    replica_user(&format!("IDENTIFIED WITH {plugin} BY '{PASSWORD}'"))
}

/// `rowtide run` as `user` with these arguments, from the shared server.
fn run_as(user: &str, arguments: &[&str]) -> Command {
    let mysql = stage::mysql();
    let mut run = stage::run(mysql, stage::kafka(), user, "nodb");
    let source = format!("mysql://{user}@127.0.0.1:{}", mysql.port());
    run.args(["--source", &source])
        .args(arguments)
        .env("ROWTIDE_SOURCE_PASSWORD", PASSWORD);
    run
}

/// Runs until the server sends its binlog to `user`; gives what kind of connection it says it is.
fn connection_of(run: &mut Command, user: &str) -> String {
    let mut running = Running::start(run);
    let threads = format!(
        "SELECT CONNECTION_TYPE FROM performance_schema.threads
         WHERE PROCESSLIST_USER = '{user}' AND PROCESSLIST_COMMAND LIKE 'Binlog Dump%'"
    );
    let mut kind = None;
    eventually("the server sends its binlog", || {
        assert!(running.is_running());
        let rows = stage::mysql().query(&threads).unwrap();
        kind = rows.into_iter().next().and_then(|row| row.into_iter().next());
        kind.is_some()
    });
    running.terminate();
    assert_eq!(running.exit_code(), Some(0));
    kind.flatten().unwrap()
}

fn certificate(name: &str) -> String {
    stage::mysql().datadir().join(name).display().to_string()
}

fn mode(name: &str) -> Vec<&str> {
    vec!["--source-ssl-mode", name]
}

#[test]
fn a_unix_socket() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    let user = with_password("caching_sha2_password");
    mysql
        .sql("CREATE DATABASE bysock; CREATE TABLE bysock.t (id INT PRIMARY KEY)")
        .unwrap();
    let start = stage::position(mysql);
    mysql.sql("INSERT INTO bysock.t VALUES (1)").unwrap();
    // Nobody listens on port 1: only the socket leads to the server.
    let source = format!("mysql://{user}@localhost:1?socket={}", escaped(&mysql.socket()));
    let by_socket = || {
        let mut run = stage::run(mysql, kafka, "bysock", "bysock");
        run.args(["--source", &source, "--start", &start])
            .env("ROWTIDE_SOURCE_PASSWORD", PASSWORD);
        run
    };
    succeed(by_socket().args(["--until-idle", "500ms"]));
    assert_eq!(records(kafka, "bysock.bysock.t").len(), 1);
    assert_eq!(connection_of(&mut by_socket(), &user), "Socket");

    let absent = format!("mysql://{user}@localhost?socket=/no/such.sock");
    let said = fail(by_socket().args(["--source", &absent]), SOURCE);
    assert_says(&said, &["/no/such.sock"]);
}

/// A path as a part of an address may have it.
fn escaped(path: &Path) -> String {
    path.display().to_string().replace('%', "%25").replace(' ', "%20")
}

#[test]
fn each_plugin_encrypted_and_in_the_clear() {
    for plugin in ["caching_sha2_password", "sha256_password"] {
        for (ssl, connection) in [
            ("disabled", "TCP/IP"),
            ("preferred", "SSL/TLS"),
            ("required", "SSL/TLS"),
        ] {
            // A new user each time: the server has no password cached, so that in the clear it is sent by the server's
            // RSA key, twice, for the second login of caching_sha2_password goes by the cache.
            let user = with_password(plugin);
            for _ in 0..2 {
                let kind = connection_of(&mut run_as(&user, &mode(ssl)), &user);
                assert_eq!(kind, connection, "{plugin}, {ssl}");
            }
        }
    }
}

#[test]
fn a_wrong_password_is_refused_by_each_plugin() {
    for plugin in ["caching_sha2_password", "sha256_password"] {
        for ssl in ["disabled", "required"] {
            let user = with_password(plugin);
            let mut run = run_as(&user, &mode(ssl));
            let said = fail(run.env("ROWTIDE_SOURCE_PASSWORD", "hunter2"), SOURCE);
            assert_says(&said, &[&user, "password"]);
            assert!(!said.contains("hunter2"), "{said}");
        }
    }
}

#[test]
fn a_server_that_wants_encryption_refuses_a_login_in_the_clear() {
    let user = replica_user(&format!("IDENTIFIED BY '{PASSWORD}' REQUIRE SSL"));
    let said = fail(&mut run_as(&user, &mode("disabled")), SOURCE);
    assert_says(&said, &[&user]);
    assert_eq!(connection_of(&mut run_as(&user, &[]), &user), "SSL/TLS");
}

#[test]
fn the_authority_of_the_servers_certificate() {
    let user = with_password("caching_sha2_password");
    let ca = certificate("ca.pem");
    let right = ["--source-ssl-mode", "verify_ca", "--source-ssl-ca", &ca];
    assert_eq!(connection_of(&mut run_as(&user, &right), &user), "SSL/TLS");

    // A certificate of the same family that has signed nothing.
    let other = certificate("client-cert.pem");
    let wrong = ["--source-ssl-mode", "verify_ca", "--source-ssl-ca", &other];
    let said = fail(&mut run_as(&user, &wrong), SOURCE);
    assert_says(&said, &["certificate", "--source-ssl-ca"]);
    // The system's authorities have not signed it either.
    let said = fail(&mut run_as(&user, &mode("verify_ca")), SOURCE);
    assert_says(&said, &["certificate", "--source-ssl-ca"]);
}

#[test]
fn the_name_in_the_servers_certificate() {
    let user = with_password("caching_sha2_password");
    let ca = certificate("ca.pem");
    // The certificate that MySQL made for itself names no host.
    let arguments = ["--source-ssl-mode", "verify_identity", "--source-ssl-ca", &ca];
    let said = fail(&mut run_as(&user, &arguments), SOURCE);
    assert_says(&said, &["127.0.0.1", "verify_ca"]);
}

#[test]
fn a_client_certificate() {
    let user = replica_user(&format!("IDENTIFIED BY '{PASSWORD}' REQUIRE X509"));
    let said = fail(&mut run_as(&user, &mode("required")), SOURCE);
    assert_says(&said, &[&user]);

    let (cert, key) = (certificate("client-cert.pem"), certificate("client-key.pem"));
    let mut both = mode("required");
    both.extend(["--source-ssl-cert", &cert, "--source-ssl-key", &key]);
    assert_eq!(connection_of(&mut run_as(&user, &both), &user), "SSL/TLS");

    let mut half = mode("required");
    half.extend(["--source-ssl-cert", &cert]);
    let said = fail(&mut run_as(&user, &half), USAGE);
    assert_says(&said, &["--source-ssl-key"]);
}

#[test]
fn files_that_cannot_be_used_are_named_before_anything_connects() {
    // Nobody listens there.
    let run = |arguments: &[&str]| {
        let mut run = run_as("cdc", arguments);
        run.args(["--source", "mysql://cdc@127.0.0.1:1"]);
        run
    };
    let verifying = |ca: &str| run(&["--source-ssl-mode", "verify_ca", "--source-ssl-ca", ca]);
    let said = fail(&mut verifying("/no/such-ca.pem"), USAGE);
    assert_says(&said, &["/no/such-ca.pem"]);
    let said = fail(&mut verifying(&certificate("auto.cnf")), USAGE);
    assert_says(&said, &["auto.cnf"]);
    // Without a mode that verifies, an authority would protect from nothing.
    let said = fail(&mut run(&["--source-ssl-ca", &certificate("ca.pem")]), USAGE);
    assert_says(&said, &["--source-ssl-ca", "verify_ca"]);
}

#[test]
fn a_server_without_encryption() {
    let mysql = MySql::start(rowtide_testbed::MySqlOptions {
        arguments: vec!["--tls-version=".to_owned()],
        ..Default::default()
    })
    .unwrap();
    let run = |ssl: &str| {
        let mut run = stage::run(&mysql, stage::kafka(), "no_tls", "nodb");
        run.args(["--source-ssl-mode", ssl, "--until-idle", "300ms"]);
        run
    };
    succeed(&mut run("preferred"));
    let said = fail(&mut run("required"), SOURCE);
    assert_says(&said, &["TLS"]);
}
