//! Tables as information_schema tells them, against the same tables as the binlog's metadata tells them.

use std::collections::BTreeMap;

use rowtide_binlog::client::Client;
use rowtide_binlog::event::{Checksum, EventType, Header, TableMap};
use rowtide_binlog::schema::{information_schema, metadata};
use rowtide_event::{Table, TableId};
use rowtide_testbed::MySql;

use super::stream::{file_start, start, to_the_end};
use super::{cdc, root, server_with};

/// Names, members and keys that are hard to ask for.
const HARD: &str = r#"
    USE golden;
    CREATE TABLE `we``ird'"\\x` (`c``1'` INT NOT NULL PRIMARY KEY);
    CREATE TABLE T_CASE (x INT); CREATE TABLE t_case (y BIGINT);
    CREATE TABLE members (e ENUM('a''b', 'c\\d', 'e\nf', '', 'g"h', 'i),(', 'Größe', '表', '\t\r\Z'),
        s SET('x\\''y', 'z') CHARACTER SET latin1);
    CREATE TABLE by_order (a INT NOT NULL, b INT NOT NULL, n INT, UNIQUE (n), UNIQUE z (b), UNIQUE y (a, b), UNIQUE x (a));
    CREATE TABLE by_part (a VARCHAR(9) NOT NULL, b INT NOT NULL, UNIQUE (a(3)), UNIQUE ((b + 1)), UNIQUE w (b DESC, a));
    CREATE TABLE part_of_primary (b INT NOT NULL, a VARCHAR(90) NOT NULL, PRIMARY KEY (a(3), b));
    CREATE TABLE no_key (a VARCHAR(9) NOT NULL, UNIQUE (a(3)));
    INSERT INTO `we``ird'"\\x` VALUES (1); INSERT INTO T_CASE VALUES (1); INSERT INTO t_case VALUES (1);
    INSERT INTO members VALUES (1, 1); INSERT INTO by_order VALUES (1, 1, 1); INSERT INTO by_part VALUES (1, 1);
    INSERT INTO part_of_primary VALUES (1, 1); INSERT INTO no_key VALUES (1);
"#;

/// The latest shape of each table in the first binlog file.
async fn of_the_binlog(server: &MySql) -> BTreeMap<TableId, Table> {
    let mut replica = start(server, &file_start("binlog.000001"), &to_the_end(7301)).await;
    let mut tables = BTreeMap::new();
    while let Some(event) = replica.next_event().await.unwrap() {
        let (header, body) = Header::split(event).unwrap();
        Checksum::Crc32.verify(event).unwrap();
        let body = body.strip_suffix(event.last_chunk::<4>().unwrap()).unwrap();
        if header.event_type == EventType::TableMap {
            let table = metadata::table(&TableMap::read(body, 8).unwrap()).unwrap();
            tables.insert(table.id.clone(), table);
        }
    }
    tables
}

#[tokio::test]
async fn all_tables_are_as_the_binlog_has_them() {
    let server = server_with(&[]);
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/golden");
    for file in ["01-types.sql", "02-dml.sql"] {
        server
            .sql(&std::fs::read_to_string(format!("{golden}/{file}")).unwrap())
            .unwrap();
    }
    server.sql(HARD).unwrap();
    let logged = of_the_binlog(&server).await;
    assert!(logged.len() > 40, "{}", logged.len());

    let mut client = Client::connect(&cdc(&server)).await.unwrap();
    let rows = client.query(information_schema::TABLES).await.unwrap().rows;
    let names = information_schema::table_names(&rows).unwrap();
    for (id, logged) in &logged {
        assert!(names.contains(id), "{id}");
        let columns = client
            .query(&information_schema::columns_query(id))
            .await
            .unwrap()
            .rows;
        let keys = client
            .query(&information_schema::keys_query(id))
            .await
            .unwrap()
            .rows;
        let told = information_schema::table(id, &columns, &keys).unwrap().unwrap();
        assert_eq!(as_table_maps_tell(told), *logged);
    }
}

/// Without what table maps do not tell.
fn as_table_maps_tell(mut table: Table) -> Table {
    table.hidden = 0;
    for column in &mut table.columns {
        column.generated = false;
    }
    table
}

#[tokio::test]
async fn a_table_that_is_not_there_has_no_columns() {
    let mut client = root(super::server()).await;
    let id = TableId::new("nowhere", "nothing");
    assert_eq!(
        client
            .query(&information_schema::columns_query(&id))
            .await
            .unwrap()
            .rows
            .len(),
        0
    );
    assert_eq!(information_schema::table(&id, &[], &[]), Ok(None));
}
