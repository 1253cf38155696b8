//! Servers that follow one another.

use rowtide_testbed::{CDC_PASSWORD, CDC_USER, MySql, ServerVersion};

use crate::stage::{self, eventually};

/// Lets a server follow another one by GTIDs, from the beginning.
pub fn follow(source: &MySql, replica: &MySql) {
    let (port, mariadb) = (source.port(), source.version().is_mariadb());
    if mariadb {
        for server in [source, replica] {
            server.sql("RESET MASTER").unwrap();
        }
    }
    let account = |word: &str| {
        format!(
            "{word}_HOST = '127.0.0.1', {word}_PORT = {port}, {word}_USER = '{CDC_USER}', {word}_PASSWORD = '{CDC_PASSWORD}'"
        )
    };
    let statement = match source.version() {
        ServerVersion::MySql97 => format!(
            "CHANGE REPLICATION SOURCE TO {}, SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1; START REPLICA",
            account("SOURCE")
        ),
        ServerVersion::MySql80 => format!(
            "CHANGE MASTER TO {}, MASTER_AUTO_POSITION = 1, GET_MASTER_PUBLIC_KEY = 1; START SLAVE",
            account("MASTER")
        ),
        ServerVersion::MySql57 => format!(
            "CHANGE MASTER TO {}, MASTER_AUTO_POSITION = 1; START SLAVE",
            account("MASTER")
        ),
        ServerVersion::MariaDb118 | ServerVersion::MariaDb1011 => format!(
            "CHANGE MASTER TO {}, MASTER_USE_GTID = slave_pos, MASTER_SSL_VERIFY_SERVER_CERT = 0; START SLAVE",
            account("MASTER")
        ),
    };
    replica.sql(&statement).unwrap();
}

/// Waits until the replica has all that the source has, and ends its following.
pub fn take_over(source: &MySql, replica: &MySql) {
    catch_up(source, replica);
    let stop = match source.version() {
        ServerVersion::MySql97 => "STOP REPLICA",
        _ => "STOP SLAVE",
    };
    replica.sql(stop).unwrap();
}

/// Waits until the replica has all that the source has.
pub fn catch_up(source: &MySql, replica: &MySql) {
    let has_all = match source.version().is_mariadb() {
        true => {
            let all = source.query("SELECT @@GLOBAL.gtid_binlog_pos").unwrap();
            let all = all[0][0].clone().unwrap();
            format!("SELECT @@GLOBAL.gtid_slave_pos = '{all}'")
        }
        false => format!(
            "SELECT GTID_SUBSET('{}', @@GLOBAL.gtid_executed)",
            stage::executed(source)
        ),
    };
    eventually("the replica has everything", || {
        replica.query(&has_all).unwrap()[0][0].as_deref() == Some("1")
    });
}
