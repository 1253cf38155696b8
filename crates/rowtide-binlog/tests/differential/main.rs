//! The same binlog files through Rowtide and through other decoders: every row and every value is the same, but for the
//! differences in known.rs.
//!
//! `ROWTIDE_DIFFERENTIAL_FILES` names a folder whose files are compared in place of those of testdata: as many as there are,
//! of any server, up to the first event of each that Rowtide stops at.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test fails with it"
)]

mod compare;
mod known;
mod mysql_cdc_crate;
mod mysql_common_crate;
mod mysqlbinlog;
mod rows;
mod rowtide;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rowtide_testbed::shared;

use compare::{Peer, assert_known, assert_none_unknown, differences};
use known::{Known, MYSQL_CDC, MYSQL_COMMON, MYSQLBINLOG};
use rowtide::{Style, decode};

/// The files of a folder that whoever runs the test names.
fn files_of_the_user() -> Option<Vec<PathBuf>> {
    let folder = std::env::var_os("ROWTIDE_DIFFERENTIAL_FILES")?;
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    Some(files)
}

/// The files of testdata, and one that a server makes of rich.sql.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/binlog");
    let entries = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "binlog"))
        // The digits of its times are not in the file: Rowtide asks the server, and the others take them for times without.
        .filter(|path| !path.ends_with("mariadb-11.8-old-times.binlog"))
        .collect();
    files.sort();
    files.push(rich());
    assert!(files.len() >= 20, "{files:?}");
    files
}

fn rich() -> PathBuf {
    static MADE: OnceLock<()> = OnceLock::new();
    let server = shared::mysql().unwrap();
    MADE.get_or_init(|| {
        server.sql(include_str!("rich.sql")).unwrap();
    });
    server.datadir().join("binlog.000001")
}

/// Compares all files with what a decoder, which `start` starts for each file, finds in them.
fn compare<P: Peer>(style: Style, known: &[Known], start: impl Fn(&Path) -> P) {
    let (mut found, mut compared) = (Vec::new(), 0);
    let of_the_user = files_of_the_user();
    for path in of_the_user.clone().unwrap_or_else(files) {
        let name = path.file_name().unwrap().to_string_lossy();
        let (events, stopped) = decode(&std::fs::read(&path).unwrap(), style);
        if let Some(stopped) = stopped {
            assert!(of_the_user.is_some(), "{name}: {stopped}");
            println!("{name}: {stopped}");
        }
        let mut peer = start(&path);
        let (differ, same) = differences(&name, &events, &mut peer);
        found.extend(differ);
        assert!(of_the_user.is_some() || peer.left_over() == 0, "{name}");
        compared += same;
    }
    println!("{compared} values compared, {} differences", found.len());
    if of_the_user.is_some() {
        return assert_none_unknown(&found, known);
    }
    assert!(compared > 10_000, "{compared}");
    assert_known(&found, known);
}

#[test]
fn mysql_common_finds_the_same() {
    compare(Style::Text, MYSQL_COMMON, |_| {
        mysql_common_crate::MysqlCommon::new()
    });
}

#[test]
fn mysql_cdc_finds_the_same() {
    compare(Style::RawDocuments, MYSQL_CDC, |_| {
        mysql_cdc_crate::MysqlCdc::new()
    });
}

#[test]
fn mysqlbinlog_finds_the_same() {
    compare(Style::Printed, MYSQLBINLOG, mysqlbinlog::Mysqlbinlog::of);
}
