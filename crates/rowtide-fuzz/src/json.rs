//! JSON documents in the server's binary form, and their differences.

use rowtide_event::json::{apply_diff, write_text};

use crate::frames::sections;

/// A binary document.
pub fn json(data: &[u8]) {
    let mut text = Vec::new();
    if write_text(data, &mut text).is_ok() {
        assert!(
            std::str::from_utf8(&text).is_ok(),
            "a document's text is not UTF-8"
        );
    }
}

/// A binary document, two bytes of its length before it, and a difference.
pub fn json_diff(data: &[u8]) {
    let [document, diffs] = sections(data);
    let mut changed = Vec::new();
    if apply_diff(document, diffs, &mut changed).is_ok() {
        json(&changed);
    }
}
