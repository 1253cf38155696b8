//! QUERY (2): a statement, or what frames a transaction; and EXECUTE_LOAD_QUERY (18), which is one with more in front.

use rowtide_event::{Charset, Malformed, Reader};

/// A statement as the server logged it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// The connection's thread id.
    pub thread_id: u32,
    /// Seconds that it took.
    pub exec_time: u32,
    /// The error that it ended with, 0 for none.
    pub error_code: u16,
    /// The session's state, as far as the statement depends on it.
    pub variables: StatusVariables,
    /// The current database, or empty.
    pub database: &'a str,
    /// The statement, in the client's character set.
    pub query: &'a [u8],
}

/// The status variables of a [`Query`] that Rowtide uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusVariables {
    /// Settings of the session, a bit each.
    pub flags2: Option<u32>,
    /// `sql_mode`.
    pub sql_mode: Option<u64>,
    /// The collation ids of `character_set_client`, `collation_connection` and `collation_server`.
    pub collations: Option<Collations>,
    /// The collation id of the current database, where it differs from the server's.
    pub collation_database: Option<u16>,
    /// `explicit_defaults_for_timestamp`, where the statement depends on it.
    pub explicit_defaults_for_timestamp: Option<bool>,
    /// The default collation of utf8mb4, where the statement depends on it.
    pub default_collation_for_utf8mb4: Option<u16>,
    /// MariaDB's `character_set_collations`, where the statement depends on it.
    pub charset_collations: Option<CharsetCollations>,
    /// Microseconds of the moment at which the statement began; the header has the seconds.
    pub microseconds: Option<u32>,
    /// The transaction number of an atomic DDL.
    pub ddl_xid: Option<u64>,
}

/// Collation ids that a statement ran with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collations {
    /// Of `character_set_client`: the statement's own bytes.
    pub client: u16,
    /// `collation_connection`.
    pub connection: u16,
    /// `collation_server`.
    pub server: u16,
}

/// Collations that character sets have where none is named, in place of those that they have had ever since.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CharsetCollations {
    /// The collation id of a character set's own default, and the id of the one in its place.
    pairs: [(u16, u16); MAX_CHARSET_COLLATIONS],
}

/// How many MariaDB holds (`m_element` in its lex_charset_collations.h).
const MAX_CHARSET_COLLATIONS: usize = 8;

const WHAT: &str = "QUERY";
/// Bytes of the post-header that QUERY and EXECUTE_LOAD_QUERY have in common.
const POST_HEADER: usize = 13;

impl<'a> Query<'a> {
    /// Reads a body whose fixed part is `post_header_len` bytes long.
    pub fn read(body: &'a [u8], post_header_len: usize) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let thread_id = reader.u32(WHAT)?;
        let exec_time = reader.u32(WHAT)?;
        let database_len = usize::from(reader.u8(WHAT)?);
        let error_code = reader.u16(WHAT)?;
        let variables_len = usize::from(reader.u16(WHAT)?);
        let more = post_header_len
            .checked_sub(POST_HEADER)
            .ok_or(Malformed::Invalid("QUERY post-header"))?;
        reader.take(more, WHAT)?;
        let variables = StatusVariables::read(reader.take(variables_len, "QUERY status variables")?)?;
        let database = reader.take(database_len, WHAT)?;
        let database =
            std::str::from_utf8(database).map_err(|_| Malformed::Invalid("QUERY database name"))?;
        if reader.u8(WHAT)? != 0 {
            return Err(Malformed::Invalid("QUERY database name"));
        }
        Ok(Self {
            thread_id,
            exec_time,
            error_code,
            variables,
            database,
            query: reader.take_rest(),
        })
    }
}

impl StatusVariables {
    /// Reads the variables up to the first whose code is not known: its length is not either. What the server added
    /// later stands behind what is read here.
    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut variables = Self::default();
        while !reader.is_empty() && variables.read_one(&mut reader)? {}
        Ok(variables)
    }

    fn read_one(&mut self, reader: &mut Reader<'_>) -> Result<bool, Malformed> {
        const WHAT: &str = "QUERY status variables";
        match reader.u8(WHAT)? {
            0 => self.flags2 = Some(reader.u32(WHAT)?),
            1 => self.sql_mode = Some(reader.u64(WHAT)?),
            4 => self.collations = Some(Collations::read(reader)?),
            8 => self.collation_database = Some(reader.u16(WHAT)?),
            // MySQL's number, and MariaDB's.
            13 | 128 => self.microseconds = Some(reader.u24(WHAT)?),
            16 => self.explicit_defaults_for_timestamp = Some(reader.u8(WHAT)? != 0),
            17 | 129 => self.ddl_xid = Some(reader.u64(WHAT)?),
            18 => self.default_collation_for_utf8mb4 = Some(reader.u16(WHAT)?),
            // MariaDB writes it before the collations, which have a lower number.
            131 => self.charset_collations = Some(CharsetCollations::read(reader)?),
            code => return skip_variable(code, reader),
        }
        Ok(true)
    }
}

impl Collations {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        const WHAT: &str = "QUERY status variables";
        Ok(Self {
            client: reader.u16(WHAT)?,
            connection: reader.u16(WHAT)?,
            server: reader.u16(WHAT)?,
        })
    }
}

impl CharsetCollations {
    /// The collation id of a character set, if it has not its own default.
    pub fn of(&self, charset: Charset) -> Option<u16> {
        let is_it = |(from, _): &&(u16, u16)| Charset::from_collation(*from) == Some(charset);
        self.pairs.iter().find(is_it).map(|(_, to)| *to)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        const WHAT: &str = "QUERY character set collations";
        let mut read = Self::default();
        let mut free = read.pairs.iter_mut();
        for _ in 0..reader.u8(WHAT)? {
            let pair = (reader.u16(WHAT)?, reader.u16(WHAT)?);
            if let Some(free) = free.next() {
                *free = pair;
            }
        }
        Ok(read)
    }
}

/// Skips a variable that is of no use here, and says whether its length was known.
fn skip_variable(code: u8, reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    const WHAT: &str = "QUERY status variables";
    let fixed = match code {
        // auto_increment, master_data_written
        3 | 10 => 4,
        // catalog, with a NUL
        2 => usize::from(reader.u8(WHAT)?).saturating_add(1),
        // time zone, catalog
        5 | 6 => usize::from(reader.u8(WHAT)?),
        // lc_time_names
        7 => 2,
        // table map for update
        9 => 8,
        11 => return skip_invoker(reader),
        12 => return skip_updated_databases(reader),
        // explicit_defaults_for_timestamp, sql_require_primary_key, default_table_encryption
        19 | 20 => 1,
        _ => return Ok(false),
    };
    reader.take(fixed, WHAT)?;
    Ok(true)
}

fn skip_invoker(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    for _ in ["user", "host"] {
        let len = usize::from(reader.u8("QUERY invoker")?);
        reader.take(len, "QUERY invoker")?;
    }
    Ok(true)
}

fn skip_updated_databases(reader: &mut Reader<'_>) -> Result<bool, Malformed> {
    /// Stands for "too many to list".
    const OVER_MAX: u8 = 254;
    let count = reader.u8("QUERY updated databases")?;
    if count != OVER_MAX {
        for _ in 0..count {
            reader.until_nul("QUERY updated databases")?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn body(variables: &[u8], database: &str, query: &str) -> Vec<u8> {
        let mut body = vec![9, 0, 0, 0, 2, 0, 0, 0, database.len() as u8, 0, 0];
        body.extend((variables.len() as u16).to_le_bytes());
        body.extend(variables);
        body.extend(database.as_bytes());
        body.push(0);
        body.extend(query.as_bytes());
        body
    }

    #[test]
    fn statement_and_its_session() {
        let variables = [
            &[0, 0, 0, 0, 0][..],
            &[1, 4, 0, 0x10, 0, 0, 0, 0, 0],
            &[6, 3, b's', b't', b'd'],
            &[3, 1, 0, 1, 0],
            &[4, 255, 0, 45, 0, 8, 0],
            &[5, 3, b'U', b'T', b'C'],
            &[12, 2, b'a', 0, b'b', 0],
            &[8, 33, 0],
            &[13, 1, 2, 3],
            &[17, 7, 0, 0, 0, 0, 0, 0, 0],
            &[18, 255, 0],
            &[200, 1],
        ]
        .concat();
        let bytes = body(&variables, "shop", "DROP TABLE t");
        let query = Query::read(&bytes, 13).unwrap();
        assert_eq!((query.thread_id, query.exec_time, query.error_code), (9, 2, 0));
        assert_eq!((query.database, query.query), ("shop", &b"DROP TABLE t"[..]));
        assert_eq!(query.variables.sql_mode, Some(0x10_0004));
        assert_eq!(
            query.variables.collations,
            Some(Collations {
                client: 255,
                connection: 45,
                server: 8
            })
        );
        assert_eq!(query.variables.collation_database, Some(33));
        assert_eq!(query.variables.microseconds, Some(0x03_02_01));
        assert_eq!(query.variables.ddl_xid, Some(7));
        assert_eq!(query.variables.default_collation_for_utf8mb4, Some(255));
    }

    #[test]
    fn session_of_mariadb() {
        let variables = [
            &[1, 4, 0, 0, 0, 0, 0, 0, 0][..],
            &[131, 2, 45, 0, 224, 0, 8, 0, 47, 0],
            &[4, 8, 0, 8, 0, 0, 9],
            &[128, 1, 2, 3],
            &[129, 7, 0, 0, 0, 0, 0, 0, 0],
        ]
        .concat();
        let bytes = body(&variables, "shop", "DROP TABLE t");
        let variables = Query::read(&bytes, 13).unwrap().variables;
        assert_eq!(variables.collations.unwrap().client, 8);
        assert_eq!(
            (variables.microseconds, variables.ddl_xid),
            (Some(0x03_02_01), Some(7))
        );
        let named = variables.charset_collations.unwrap();
        assert_eq!(
            [Charset::Utf8, Charset::Latin1, Charset::Utf8Mb3].map(|charset| named.of(charset)),
            [Some(224), Some(47), None]
        );
        assert_eq!(
            StatusVariables::read(&[131, 0]).unwrap().charset_collations,
            Some(CharsetCollations::default())
        );
    }

    #[test]
    fn a_longer_post_header_is_skipped_and_a_shorter_one_refused() {
        let mut bytes = body(&[], "", "BEGIN");
        assert_eq!(
            Query::read(&bytes, 12),
            Err(Malformed::Invalid("QUERY post-header"))
        );
        bytes.splice(13..13, [0; 13]);
        assert_eq!(Query::read(&bytes, 26).unwrap().query, b"BEGIN");
    }

    #[test]
    fn every_cut_before_the_statement_is_an_error() {
        let bytes = body(&[1, 4, 0, 0x10, 0, 0, 0, 0, 0], "shop", "");
        for len in 0..bytes.len() {
            assert!(Query::read(&bytes[..len], 13).is_err(), "{len} bytes");
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Query::read(&bytes, 13);
            let _ = StatusVariables::read(&bytes);
        }
    }
}
