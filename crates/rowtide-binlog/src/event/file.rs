//! The events of a binlog file, one at a time.

use std::io::{self, Read};

use rowtide_event::{Malformed, Reader};

use super::checksum::{Checksum, ChecksumError};
use super::{EventType, FormatDescription, Header};

/// Reads a binlog file's events in order, with memory for one.
pub struct BinlogFile<R> {
    source: R,
    next: u64,
    checksum: Checksum,
    max_event_size: usize,
    event: Vec<u8>,
}

/// An event of a file.
#[derive(Debug, Clone, Copy)]
pub struct FileEvent<'a> {
    /// Where it starts.
    pub pos: u64,
    /// Its header.
    pub header: Header,
    /// What is between header and checksum; of a FORMAT_DESCRIPTION, the checksum too.
    pub body: &'a [u8],
    /// All of it, as [`Decoder::feed`](crate::decoder::Decoder::feed) wants it.
    pub bytes: &'a [u8],
}

/// Why a file could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum BinlogFileError {
    /// The operating system says no.
    #[error("the binlog file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The file has no byte.
    #[error("the file is empty: a binlog file begins with the bytes fe 62 69 6e")]
    Empty,
    /// The file does not begin as a binlog file does.
    #[error("this is not a binlog file: it does not begin with the bytes fe 62 69 6e")]
    NotBinlog,
    /// The file begins with START_V3.
    #[error("this is a binlog file of MySQL 4.1 or older, whose events have another form")]
    TooOld,
    /// The server encrypts its files.
    #[error(
        "the binlog file is encrypted (binlog_encryption): read it from the server, which decrypts what it sends"
    )]
    Encrypted,
    /// The server encrypts its files from an event on.
    #[error(
        "the binlog file is encrypted from {pos} on (START_ENCRYPTION; encrypt_binlog): read it from the server, which \
         decrypts what it sends"
    )]
    EncryptedFrom {
        /// Where the event starts.
        pos: u64,
    },
    /// The file goes on with another's first bytes.
    #[error("another binlog file begins at {pos}: files were joined; read each by itself")]
    Joined {
        /// Where the second file starts.
        pos: u64,
    },
    /// Where an event should begin there is nothing but zeros.
    #[error(
        "there are zeros in place of an event at {pos}: what was written behind it did not reach the disk, or was \
         overwritten"
    )]
    Zeros {
        /// Where they start.
        pos: u64,
    },
    /// The file ends inside an event.
    #[error(
        "the file ends inside of the event at {pos}, of which it has {have} of {len} bytes: it is still being written, or \
         was cut; all events before it are whole"
    )]
    Cut {
        /// Where the event starts.
        pos: u64,
        /// Its bytes in the file.
        have: u64,
        /// Its length.
        len: u64,
    },
    /// An event is damaged.
    #[error("the event at {pos} is malformed: {cause}")]
    Malformed {
        /// Where it starts.
        pos: u64,
        /// What is wrong.
        cause: Malformed,
    },
    /// An event's checksum is not that of its bytes.
    #[error("the checksum of the event at {pos} does not match: the file is damaged")]
    ChecksumMismatch {
        /// Where it starts.
        pos: u64,
    },
}

const MAGIC: [u8; 4] = [0xfe, b'b', b'i', b'n'];
const ENCRYPTED_MAGIC: [u8; 4] = [0xfd, b'b', b'i', b'n'];
/// The place of an event's type in all forms of its header.
const TYPE: usize = 4;
/// How much memory is taken before the bytes that fill it have come.
const STEP: u64 = 64 * 1024;

impl<R: Read> BinlogFile<R> {
    /// Begins to read a file. `max_event_size` bounds the memory that a damaged length can take.
    pub fn open(mut source: R, max_event_size: usize) -> Result<Self, BinlogFileError> {
        let mut magic = Vec::with_capacity(MAGIC.len());
        source.by_ref().take(4).read_to_end(&mut magic)?;
        match magic.as_slice() {
            bytes if bytes == MAGIC => {}
            bytes if bytes == ENCRYPTED_MAGIC => return Err(BinlogFileError::Encrypted),
            [] => return Err(BinlogFileError::Empty),
            _ => return Err(BinlogFileError::NotBinlog),
        }
        Ok(Self {
            source,
            next: 4,
            checksum: Checksum::None,
            max_event_size,
            event: Vec::new(),
        })
    }

    /// Where the next event starts.
    pub fn next_pos(&self) -> u64 {
        self.next
    }

    /// The next event, or `None` at the file's end. A file that ends inside an event, as one being written may, is an
    /// error.
    pub fn next_event(&mut self) -> Result<Option<FileEvent<'_>>, BinlogFileError> {
        let pos = self.next;
        let malformed = |cause| BinlogFileError::Malformed { pos, cause };
        self.event.clear();
        self.fill(Header::LEN as u64)?;
        if self.event.is_empty() {
            return Ok(None);
        }
        self.check_start(pos)?;
        let have = self.event.len() as u64;
        if have < Header::LEN as u64 {
            let len = Header::LEN as u64;
            return Err(BinlogFileError::Cut { pos, have, len });
        }
        let header = Header::read(&mut Reader::new(&self.event)).map_err(malformed)?;
        if pos == MAGIC.len() as u64 && header.event_type != EventType::FormatDescription {
            return Err(malformed(Malformed::Unsupported(
                "a file that does not begin with FORMAT_DESCRIPTION",
            )));
        }
        let len = u64::from(header.event_len);
        if len > self.max_event_size as u64 {
            return Err(malformed(Malformed::TooLarge("event")));
        }
        self.fill(len)?;
        let have = self.event.len() as u64;
        if have < len {
            return Err(BinlogFileError::Cut { pos, have, len });
        }
        self.next = pos.saturating_add(len);
        self.verify(pos, header).map(Some)
    }

    /// Names what stands where an event should begin, if it is known.
    fn check_start(&self, pos: u64) -> Result<(), BinlogFileError> {
        let event_type = |at: usize| self.event.get(at).copied().map(EventType::from_number);
        let first = pos == MAGIC.len() as u64;
        if self.event.iter().all(|byte| *byte == 0) {
            Err(BinlogFileError::Zeros { pos })
        } else if first && event_type(TYPE) == Some(EventType::StartV3) {
            Err(BinlogFileError::TooOld)
        } else if self.event.starts_with(&MAGIC)
            && event_type(MAGIC.len() + TYPE) == Some(EventType::FormatDescription)
        {
            Err(BinlogFileError::Joined { pos })
        } else {
            Ok(())
        }
    }

    fn fill(&mut self, len: u64) -> Result<(), BinlogFileError> {
        let wanted = len.saturating_sub(self.event.len() as u64);
        // The memory grows with what is read, not with what the length says.
        self.event.reserve(usize::try_from(wanted.min(STEP)).unwrap_or(0));
        self.source.by_ref().take(wanted).read_to_end(&mut self.event)?;
        Ok(())
    }

    fn verify(&mut self, pos: u64, header: Header) -> Result<FileEvent<'_>, BinlogFileError> {
        let malformed = |cause| BinlogFileError::Malformed { pos, cause };
        let bytes = self.event.as_slice();
        let is_format = header.event_type == EventType::FormatDescription;
        if is_format {
            self.checksum = FormatDescription::checksum_of(bytes).map_err(malformed)?;
        }
        let protected = if is_format {
            FormatDescription::verify_in_file(bytes).map(|()| bytes)
        } else {
            self.checksum.verify(bytes)
        };
        let whole = protected.map_err(|error| match error {
            ChecksumError::Malformed(cause) => malformed(cause),
            ChecksumError::Mismatch => BinlogFileError::ChecksumMismatch { pos },
        })?;
        if header.event_type == EventType::StartEncryption {
            return Err(BinlogFileError::EncryptedFrom { pos });
        }
        Ok(FileEvent {
            pos,
            header,
            body: whole.get(Header::LEN..).unwrap_or_default(),
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::build::EventBuilder;
    use crate::event::{HeaderFlags, Rotate};

    fn file(events: &[Vec<u8>]) -> Vec<u8> {
        [&MAGIC[..], &events.concat()].concat()
    }

    fn events() -> Vec<Vec<u8>> {
        let format = EventBuilder::format_description("9.7.4", 1)
            .flags(HeaderFlags::IN_USE)
            .build();
        vec![
            format,
            EventBuilder::xid(7).build(),
            EventBuilder::rotate("b.2", 4).build(),
        ]
    }

    #[test]
    fn events_in_order_of_a_file_being_written() {
        let bytes = file(&events());
        let mut file = BinlogFile::open(&bytes[..], 1 << 20).unwrap();
        let mut types = Vec::new();
        let mut end = 4;
        while let Some(event) = file.next_event().unwrap() {
            assert_eq!(event.pos, end);
            end += u64::from(event.header.event_len);
            if event.header.event_type == EventType::Rotate {
                assert_eq!(Rotate::read(event.body).unwrap().file, "b.2");
            }
            types.push(event.header.event_type);
        }
        assert_eq!(
            types,
            [EventType::FormatDescription, EventType::Xid, EventType::Rotate]
        );
        assert_eq!(end, bytes.len() as u64);
    }

    #[test]
    fn what_is_no_binlog_is_refused_by_name() {
        assert!(matches!(
            BinlogFile::open(&b"fe62696e"[..], 1),
            Err(BinlogFileError::NotBinlog)
        ));
        assert!(matches!(
            BinlogFile::open(&b""[..], 1),
            Err(BinlogFileError::Empty)
        ));
        assert!(matches!(
            BinlogFile::open(&b"\xfdbin...."[..], 1),
            Err(BinlogFileError::Encrypted)
        ));
    }

    fn stopped(bytes: &[u8]) -> BinlogFileError {
        let mut file = BinlogFile::open(bytes, 1 << 20).unwrap();
        loop {
            match file.next_event() {
                Ok(event) => assert!(event.is_some(), "it was read to its end"),
                Err(error) => return error,
            }
        }
    }

    #[test]
    fn what_is_no_event_is_told_from_a_damaged_one() {
        let whole = file(&events());
        let end = whole.len() as u64;
        let joined = stopped(&[whole.clone(), whole.clone()].concat());
        assert!(
            matches!(joined, BinlogFileError::Joined { pos } if pos == end),
            "{joined}"
        );
        for zeros in [1, 19, 4096] {
            let error = stopped(&[whole.clone(), vec![0; zeros]].concat());
            assert!(
                matches!(error, BinlogFileError::Zeros { pos } if pos == end),
                "{error}"
            );
        }
        let cause = |error| match error {
            BinlogFileError::Malformed { pos, cause } => (pos, cause),
            other => panic!("{other}"),
        };
        let error = stopped(&[&whole[..], &[0xff; 100]].concat());
        assert_eq!(cause(error), (end, Malformed::TooLarge("event")));
        // A second file without its first bytes: its events are as good as any.
        let without = [&whole[..], &whole[4..]].concat();
        let mut file = BinlogFile::open(&without[..], 1 << 20).unwrap();
        let mut count = 0;
        while file.next_event().unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 6);
    }

    /// The first event of MySQL 3.23, whose header has 13 bytes, and that of MySQL 4.0 and 4.1.
    #[test]
    fn files_of_old_servers_are_refused_by_name() {
        let first = [0x80, 0x3c, 0xa4, 0x35, 1, 1, 0, 0, 0];
        let body = [&[1, 0][..], b"3.23.58-log", &[0; 43]].concat();
        for header_rest in [&[69, 0, 0, 0][..], &[75, 0, 0, 0, 79, 0, 0, 0, 0, 0]] {
            let error = stopped(&file(&[[&first[..], header_rest, &body].concat()]));
            assert!(matches!(error, BinlogFileError::TooOld), "{error}");
        }
        for version in ["5.1.4-a_drop5p20", "4.1.22-log"] {
            let error = stopped(&file(&[EventBuilder::format_description(version, 1).build()]));
            assert!(error.to_string().contains("older than MySQL 5.0"), "{error}");
        }
    }

    #[test]
    fn a_cut_file_says_where_it_ends() {
        let whole = file(&events());
        let last = whole.len() - events()[2].len();
        for (cut, have, len) in [(2, 2, 19), (18, 18, 19), (19, 19, 34), (30, 30, 34)] {
            match stopped(&whole[..last + cut]) {
                BinlogFileError::Cut {
                    pos,
                    have: found,
                    len: wanted,
                } => assert_eq!((pos, found, wanted), (last as u64, have, len)),
                other => panic!("{other}"),
            }
        }
    }

    /// Neither the events of MySQL 5.1 nor its FORMAT_DESCRIPTION have checksums.
    #[test]
    fn a_file_without_checksums_of_an_old_server() {
        let format = EventBuilder::old_format_description("5.1.73-log", 1).build();
        let xid = EventBuilder::xid(7).checksum(Checksum::None).build();
        let bytes = file(&[format, xid]);
        let mut file = BinlogFile::open(&bytes[..], 1 << 20).unwrap();
        let format = file.next_event().unwrap().unwrap();
        assert_eq!((format.header.event_len, format.body.len()), (102, 83));
        let xid = file.next_event().unwrap().unwrap();
        assert_eq!((xid.pos, xid.body), (106, &[7, 0, 0, 0, 0, 0, 0, 0][..]));
        assert!(file.next_event().unwrap().is_none());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let events = events();
        let whole = file(&events);
        let read = |bytes: &[u8]| -> Result<usize, BinlogFileError> {
            let mut file = BinlogFile::open(bytes, 1 << 20)?;
            let mut count = 0;
            while file.next_event()?.is_some() {
                count += 1;
            }
            Ok(count)
        };
        assert_eq!(read(&whole).unwrap(), 3);
        let in_use_flag = 4 + 17;
        for at in (0..whole.len()).filter(|at| *at != in_use_flag) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            assert!(read(&damaged).is_err(), "byte {at}");
        }
        let boundaries = [
            4,
            4 + events[0].len(),
            4 + events[0].len() + events[1].len(),
            whole.len(),
        ];
        for len in 0..=whole.len() {
            assert_eq!(
                read(&whole[..len]).is_ok(),
                boundaries.contains(&len),
                "{len} bytes"
            );
        }
    }
}
