//! Passwords in statements: neither the schema history nor the log nor `rowtide inspect` shows them.

use crate::stage::{self, records};

const PASSWORD: &str = "hunter2-canary";

#[test]
fn a_password_in_a_statement_is_never_shown() {
    let (mysql, kafka) = (stage::mysql(), stage::kafka());
    mysql.sql("CREATE DATABASE pw").unwrap();
    let start = stage::position(mysql);
    let script = [
        "CREATE TABLE pw.far (id INT PRIMARY KEY) CONNECTION='mysql://u:PASSWORD@h:3306/d/t'",
        "CREATE USER pw_user IDENTIFIED BY 'PASSWORD'",
        "ALTER USER pw_user IDENTIFIED WITH 'caching_sha2_password' BY 'PASSWORD' COMMENT 'PASSWORD'",
        "SET PASSWORD FOR pw_user = 'PASSWORD'",
        "CREATE SERVER pw_server FOREIGN DATA WRAPPER mysql OPTIONS (USER 'u', PASSWORD 'PASSWORD', HOST 'h')",
        "INSERT INTO pw.far VALUES (1)",
    ];
    mysql
        .sql(
            &script
                .join(";\n")
                .replace("'PASSWORD'", &format!("'{PASSWORD}'"))
                .replace(":PASSWORD@", &format!(":{PASSWORD}@")),
        )
        .unwrap();
    let mut run = stage::run(mysql, kafka, "pw", "pw");
    run.args(["--start", &start, "--until-idle", "300ms", "--log", "trace"]);
    let output = stage::succeed(&mut run);
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!log.contains(PASSWORD), "the log shows it");

    let history = records(kafka, "pw.schema-history");
    // Other tests change other tables of the same server meanwhile.
    let ddl: Vec<String> = history
        .iter()
        .map(|record| serde_json::from_slice::<serde_json::Value>(record.value.as_deref().unwrap()).unwrap())
        .filter(|value| value["position"]["snapshot"].is_null())
        .map(|value| value["ddl"].as_str().unwrap().to_owned())
        .filter(|ddl| ddl.contains("pw"))
        .collect();
    assert_eq!(
        ddl,
        ["CREATE TABLE pw.far (id INT PRIMARY KEY) CONNECTION='***'"],
        "statements that touch no table are not recorded"
    );
    assert_eq!(records(kafka, "pw.pw.far").len(), 1);
}
