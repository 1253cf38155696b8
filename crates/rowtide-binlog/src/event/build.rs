//! Builds events as a server writes them, for tests.

use super::checksum::{self, Checksum};
use super::{EventType, Header};

/// An event to be.
#[derive(Debug, Clone)]
pub(crate) struct EventBuilder {
    event_type: EventType,
    timestamp: u32,
    server_id: u32,
    start: u32,
    flags: u16,
    body: Vec<u8>,
    checksum: Checksum,
    /// Whether it is a FORMAT_DESCRIPTION that has no checksum of its own.
    is_old: bool,
}

impl EventBuilder {
    pub(crate) fn new(event_type: EventType) -> Self {
        Self {
            event_type,
            timestamp: 1_700_000_000,
            server_id: 1,
            start: 0,
            flags: 0,
            body: Vec::new(),
            checksum: Checksum::Crc32,
            is_old: false,
        }
    }

    /// A FORMAT_DESCRIPTION of a server of this version, with the algorithm CRC-32.
    pub(crate) fn format_description(version: &str, created: u32) -> Self {
        const POST_HEADERS: [u8; 42] = [
            0, 13, 0, 8, 0, 0, 0, 0, 4, 0, 4, 0, 0, 0, 98, 0, 4, 26, 8, 0, 0, 0, 8, 8, 8, 2, 0, 0, 0, 10, 10,
            10, 42, 42, 0, 18, 52, 0, 10, 40, 0, 0,
        ];
        let mut body = vec![4, 0];
        body.extend(version.as_bytes());
        body.resize(52, 0);
        body.extend(created.to_le_bytes());
        body.push(19);
        body.extend(POST_HEADERS);
        body.push(1);
        Self::new(EventType::FormatDescription).body(&body)
    }

    /// As MySQL 5.1 wrote it: without an algorithm, and without a checksum.
    pub(crate) fn old_format_description(version: &str, created: u32) -> Self {
        const POST_HEADERS: [u8; 26] = [
            56, 13, 0, 8, 0, 18, 0, 4, 4, 4, 4, 18, 0, 0, 83, 0, 4, 26, 8, 0, 0, 0, 8, 8, 8, 2,
        ];
        let mut event = Self::format_description(version, created);
        event.body.truncate(57);
        event.body.extend(POST_HEADERS);
        event.checksum = Checksum::None;
        event.is_old = true;
        event
    }

    pub(crate) fn rotate(file: &str, pos: u64) -> Self {
        Self::new(EventType::Rotate).body(&[&pos.to_le_bytes()[..], file.as_bytes()].concat())
    }

    pub(crate) fn query(database: &str, query: &str) -> Self {
        let mut body = vec![77, 0, 0, 0, 0, 0, 0, 0, database.len() as u8, 0, 0, 0, 0];
        body.extend(database.as_bytes());
        body.push(0);
        body.extend(query.as_bytes());
        Self::new(EventType::Query).body(&body)
    }

    pub(crate) fn xid(xid: u64) -> Self {
        Self::new(EventType::Xid).body(&xid.to_le_bytes())
    }

    pub(crate) fn gtid(gno: u64) -> Self {
        let mut body = vec![1];
        body.extend([0x11; 16]);
        body.extend(gno.to_le_bytes());
        body.push(2);
        body.extend([0; 16]);
        body.extend([0x40, 0x42, 0x0f, 0, 0, 0, 0]);
        Self::new(EventType::Gtid).body(&body)
    }

    /// MariaDB's: `rest` is what follows the flags.
    pub(crate) fn mariadb_gtid(number: u64, flags: u8, rest: &[u8]) -> Self {
        let mut body = [&number.to_le_bytes()[..], &[0; 4], &[flags], rest].concat();
        body.resize(body.len().max(19), 0);
        Self::new(EventType::MariadbGtid).body(&body)
    }

    /// As MariaDB compresses it: all of the body behind `plain` bytes.
    pub(crate) fn compressed(self, event_type: EventType, plain: usize) -> Self {
        let (head, rest) = self.body.split_at(plain);
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut encoder, rest).unwrap();
        let len = (rest.len() as u32).to_be_bytes();
        let body = [head, &[0x84], &len, &encoder.finish().unwrap()].concat();
        Self { event_type, ..self }.body(&body)
    }

    /// A table of INT columns, with signs and names as FULL metadata has them.
    pub(crate) fn table_map(id: u64, database: &str, table: &str, columns: usize) -> Self {
        let mut body = id.to_le_bytes()[..6].to_vec();
        body.extend([1, 0]);
        for name in [database, table] {
            body.push(name.len() as u8);
            body.extend(name.as_bytes());
            body.push(0);
        }
        body.push(columns as u8);
        body.extend(vec![3; columns]);
        body.push(0);
        body.extend(vec![0xff; columns.div_ceil(8)]);
        let names: Vec<u8> = (0..columns).flat_map(|at| [2, b'c', b'0' + at as u8]).collect();
        body.extend([1, 1, 0, 4, names.len() as u8]);
        body.extend(names);
        body.extend([8, 1, 0]);
        Self::new(EventType::TableMap).body(&body)
    }

    /// Inserted rows of INT columns that are not NULL; the last of their statement.
    pub(crate) fn write_rows(id: u64, rows: &[&[i32]]) -> Self {
        let width = rows.first().map_or(1, |row| row.len());
        let mut body = id.to_le_bytes()[..6].to_vec();
        body.extend([1, 0, 2, 0, width as u8]);
        body.extend(vec![0xff; width.div_ceil(8)]);
        for row in rows {
            body.extend(vec![0; width.div_ceil(8)]);
            body.extend(row.iter().flat_map(|value| value.to_le_bytes()));
        }
        Self::new(EventType::WriteRows).body(&body)
    }

    pub(crate) fn xa_prepare(one_phase: bool, gtrid: &str) -> Self {
        let mut body = vec![
            u8::from(one_phase),
            1,
            0,
            0,
            0,
            gtrid.len() as u8,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        body.extend(gtrid.as_bytes());
        Self::new(EventType::XaPrepare).body(&body)
    }

    /// These events in one, compressed or not.
    pub(crate) fn payload(events: &[Self], compressed: bool) -> Self {
        let inside = events
            .iter()
            .flat_map(|event| event.clone().nested())
            .collect::<Vec<_>>();
        let packed = if compressed {
            zstd::encode_all(&inside[..], 3).unwrap()
        } else {
            inside
        };
        let mut body = if compressed {
            vec![2, 1, 0]
        } else {
            vec![2, 3, 252, 255, 0]
        };
        body.extend([1, 9, 254]);
        body.extend((packed.len() as u64).to_le_bytes());
        body.push(0);
        body.extend(packed);
        Self::new(EventType::TransactionPayload).body(&body)
    }

    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    pub(crate) fn flags(mut self, flags: u16) -> Self {
        self.flags = flags;
        self
    }

    /// Where the event starts in its file.
    pub(crate) fn at(mut self, start: u32) -> Self {
        self.start = start;
        self
    }

    pub(crate) fn checksum(mut self, checksum: Checksum) -> Self {
        self.checksum = checksum;
        self
    }

    /// The event as it stands in a file, if it was given a place in one.
    pub(crate) fn build(self) -> Vec<u8> {
        let always = self.event_type == EventType::FormatDescription && !self.is_old;
        let protected = always || self.checksum == Checksum::Crc32;
        let len = Header::LEN + self.body.len() + if protected { checksum::LEN } else { 0 };
        let end = if self.start == 0 {
            0
        } else {
            self.start + len as u32
        };
        let mut event = self.unprotected(len, end);
        if protected {
            event.extend(checksum::crc32(&event).to_le_bytes());
        }
        event
    }

    /// The event as it stands in a payload.
    pub(crate) fn nested(self) -> Vec<u8> {
        let len = Header::LEN + self.body.len();
        self.unprotected(len, 0)
    }

    fn unprotected(&self, len: usize, end: u32) -> Vec<u8> {
        let mut event = self.timestamp.to_le_bytes().to_vec();
        event.push(self.event_type.number());
        event.extend(self.server_id.to_le_bytes());
        event.extend((len as u32).to_le_bytes());
        event.extend(end.to_le_bytes());
        event.extend(self.flags.to_le_bytes());
        event.extend(&self.body);
        event
    }
}
