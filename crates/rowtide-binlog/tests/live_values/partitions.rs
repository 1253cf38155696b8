//! The partition of rows, which the server logs in the extra header of a rows event.

use rowtide_binlog::event::describe::Describer;
use rowtide_binlog::event::file::BinlogFile;
use rowtide_event::Malformed;
use rowtide_testbed::{MySql, MySqlOptions};

#[test]
fn rows_of_a_partitioned_table_name_their_partition() {
    let server = MySql::start(MySqlOptions::default()).unwrap();
    server
        .sql(
            "CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, j JSON) PARTITION BY RANGE (id)
                 (PARTITION a VALUES LESS THAN (10), PARTITION b VALUES LESS THAN (20), PARTITION c VALUES LESS THAN MAXVALUE);
             INSERT INTO d.t VALUES (12, '[1]'); UPDATE d.t SET id = 22; DELETE FROM d.t; INSERT INTO d.t VALUES (1, '[1]');
             SET binlog_row_value_options = PARTIAL_JSON; UPDATE d.t SET id = 13, j = JSON_SET(j, '$[0]', 2);
             FLUSH BINARY LOGS",
        )
        .unwrap();
    let bytes = std::fs::read(server.datadir().join("binlog.000001")).unwrap();
    let mut file = BinlogFile::open(&bytes[..], 1 << 20).unwrap();
    let mut describer = Describer::default();
    let mut partitions = Vec::new();
    while let Some(event) = file.next_event().unwrap() {
        describer
            .describe::<Malformed>(&event.header, event.body, |description| {
                let field = |wanted: &str| {
                    let found = description.fields.iter().find(|(name, _)| *name == wanted);
                    found.map(|(_, value)| value.clone())
                };
                if let Some(partition) = field("partition") {
                    let source = field("source_partition").unwrap_or_default();
                    partitions.push(format!("{} {partition} {source}", description.type_name));
                }
                Ok(())
            })
            .unwrap();
    }
    assert_eq!(
        partitions,
        [
            "WRITE_ROWS 1 ",
            "UPDATE_ROWS 2 1",
            "DELETE_ROWS 2 ",
            "WRITE_ROWS 0 ",
            "PARTIAL_UPDATE_ROWS 1 0"
        ]
    );
}
