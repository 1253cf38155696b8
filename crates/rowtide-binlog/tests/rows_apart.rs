//! Rows that are decoded apart from their events, later and in another order, beside the same rows decoded as they come: in
//! all files of testdata/binlog.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test fails with it"
)]

use std::path::PathBuf;

use rowtide_binlog::decoder::{
    CapturedTable, DecodeError, Decoder, DecoderOptions, DetachedRows, EventContext, Handler, Rows,
    RowsApart, TableRows,
};
use rowtide_binlog::event::TableMap;
use rowtide_binlog::event::file::BinlogFile;
use rowtide_binlog::row::RowPlan;
use rowtide_binlog::schema::metadata;
use rowtide_event::BinlogPosition;

/// What was decoded of one event.
type Found = (usize, String, Result<Vec<String>, String>);

/// Keeps rows apart, and decodes them as well.
#[derive(Default)]
struct Both {
    tables: usize,
    /// Of every event, and whether it could be kept apart.
    as_they_come: Vec<(Found, bool)>,
    apart: DetachedRows,
    is_apart: bool,
}

impl Handler for Both {
    type Error = DecodeError;

    fn table(&mut self, map: &TableMap<'_>, _shape: &[u8]) -> Result<TableRows, DecodeError> {
        let Ok(table) = metadata::table(map).or_else(|_| metadata::as_logged(map)) else {
            return Ok(TableRows::Unwanted);
        };
        let plan = RowPlan::compile(map, &table).unwrap();
        self.tables += 1;
        // Tables share tags, as versions of a table do.
        let tag = self.tables % 7;
        Ok(TableRows::Wanted(CapturedTable::new(tag, plan)))
    }

    fn takes_apart(&mut self, _: usize) -> bool {
        true
    }

    fn rows_apart(&mut self, rows: &RowsApart<'_>) -> Result<bool, DecodeError> {
        self.is_apart = self.apart.push(rows);
        Ok(false)
    }

    fn rows(&mut self, rows: &mut Rows<'_>) -> Result<(), DecodeError> {
        self.as_they_come.push((found(rows), self.is_apart));
        Ok(())
    }
}

fn found(rows: &mut Rows<'_>) -> Found {
    let context = EventContext {
        query: None,
        ..*rows.context()
    };
    let mut all = Vec::new();
    let result = loop {
        match rows.next() {
            Ok(Some(change)) => all.push(format!("{change:?}")),
            Ok(None) => break Ok(all),
            Err(error) => break Err(error.to_string()),
        }
    };
    let table = rows.plan().table();
    (
        rows.tag,
        format!("{table} {:?} {context:?}", rows.operation()),
        result,
    )
}

fn both(bytes: &[u8]) -> Both {
    let mut both = Both::default();
    let mut decoder = Decoder::new(DecoderOptions::default(), BinlogPosition::new("binlog.000001", 4));
    let mut file = BinlogFile::open(bytes, 1 << 30).unwrap();
    while let Some(event) = file.next_event().unwrap() {
        decoder
            .feed(event.bytes, &mut both)
            .unwrap_or_else(|error| panic!("{error}"));
    }
    both
}

#[test]
fn rows_apart_are_those_of_their_events() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/binlog");
    let (mut files, mut events, mut rows, mut not_apart) = (0, 0, 0, 0);
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "binlog") {
            continue;
        }
        let mut both = both(&std::fs::read(&path).unwrap());
        not_apart += both.as_they_come.iter().filter(|(_, is_apart)| !is_apart).count();
        let expected = || both.as_they_come.iter().filter(|(_, is_apart)| *is_apart);
        assert_eq!(both.apart.len(), expected().count(), "{}", path.display());
        // The last one first, so that none leans on the one before it.
        for (at, (expected, _)) in expected().enumerate().collect::<Vec<_>>().into_iter().rev() {
            let mut rows_apart = both.apart.rows(at).unwrap().unwrap();
            let (tag, place, result) = found(&mut rows_apart);
            assert_eq!((&tag, &place, &result), (&expected.0, &expected.1, &expected.2));
            assert_eq!(both.apart.tag(at), Some(tag));
            rows += result.map_or(0, |all| all.len());
        }
        (files, events) = (files + 1, events + both.apart.len());
        assert!(both.apart.rows(both.apart.len()).unwrap().is_none());
        let memory = both.apart.memory();
        both.apart.clear();
        assert!(both.apart.is_empty() && both.apart.memory() < memory);
    }
    assert!(
        files >= 22 && events >= 400 && rows >= 3_700,
        "{files} files, {events} events, {rows} rows"
    );
    // Differences of JSON documents are decoded with their events alone.
    assert!(not_apart > 0);
}
