//! MariaDB's ANNOTATE_ROWS (160): the statement whose rows follow (`binlog_annotate_row_events`).

/// The statement's bytes, in the client's character set: all of the body.
pub fn read(body: &[u8]) -> &[u8] {
    body
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_of_the_body() {
        assert_eq!(super::read(b"delete from t"), b"delete from t");
    }
}
