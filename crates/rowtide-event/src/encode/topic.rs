//! The topic of a table.

use crate::TableId;

/// The longest name that Kafka gives a topic.
pub const MAX_TOPIC_NAME: usize = 249;

/// A table's topic would have a name that Kafka refuses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the topic {name} would have a name of {} characters and Kafka allows {MAX_TOPIC_NAME}: choose a shorter topic \
     prefix, or exclude the table", .name.len()
)]
pub struct TopicNameError {
    /// The name.
    pub name: String,
}

/// The topic of a table: `<prefix>.<database>.<table>`, where each character that Kafka does not allow in a topic's name
/// is an underscore. Two tables can come to the same name: the caller has to refuse that.
///
/// # Errors
/// If the name is longer than Kafka allows. Debezium cuts it off there, which can mix tables.
pub fn topic_name(prefix: &str, table: &TableId) -> Result<String, TopicNameError> {
    let parts = [prefix, &table.database, &table.table].map(sanitised);
    let name = parts.join(".");
    if name.len() > MAX_TOPIC_NAME {
        Err(TopicNameError { name })
    } else {
        Ok(name)
    }
}

/// Debezium replaces UTF-16 units: a character beyond U+FFFF becomes two underscores.
fn sanitised(part: &str) -> String {
    part.encode_utf16()
        .map(|unit| u8::try_from(unit).ok().filter(is_legal).map_or('_', char::from))
        .collect()
}

fn is_legal(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(table: &str) -> String {
        topic_name("gA", &TableId::new("golden", table)).unwrap()
    }

    #[test]
    fn names_as_debezium_makes_them() {
        assert_eq!(name("t_int_s"), "gA.golden.t_int_s");
        assert_eq!(name("T_Upper"), "gA.golden.T_Upper");
        assert_eq!(name("t-dash"), "gA.golden.t-dash");
        assert_eq!(name("t.dot"), "gA.golden.t.dot");
        assert_eq!(name("t sp$表"), "gA.golden.t_sp__");
        assert_eq!(name("d-é.1"), "gA.golden.d-_.1");
        assert_eq!(name("😀"), "gA.golden.__");
    }

    #[test]
    fn a_name_beyond_kafkas_limit_is_refused() {
        let fitting = "t".repeat(MAX_TOPIC_NAME - "gA.golden.".len());
        assert_eq!(name(&fitting).len(), MAX_TOPIC_NAME);
        let error = topic_name("gA", &TableId::new("golden", format!("{fitting}x"))).unwrap_err();
        assert!(error.to_string().contains("250 characters"), "{error}");
    }
}
