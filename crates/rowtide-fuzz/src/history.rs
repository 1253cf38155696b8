//! A message of the schema history.

use rowtide_kafka::HistoryMessage;

/// A header up to the first NUL, and a value behind; without a NUL, a value alone. What is read is written and read
/// again.
pub fn history(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (header, value) = match (parts.next(), parts.next()) {
        (Some(header), Some(value)) => (Some(header), value),
        (value, _) => (None, value.unwrap_or_default()),
    };
    if let Ok(message) = HistoryMessage::read(value, header) {
        // Not the record itself: Debezium's form has no place for the comment of a table that was dropped.
        let (value, header) = (message.value(), message.header());
        let again = HistoryMessage::read(value.as_bytes(), Some(&header));
        let written = again.map(|again| (again.value(), again.effects));
        assert_eq!(written, Ok((value, message.effects)));
    }
}
