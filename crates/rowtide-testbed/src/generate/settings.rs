//! Settings of the server and the session that change how the binlog says the same.

use super::dialect::Dialect;
use crate::random::Random;

/// `binlog_row_image`: which columns of a changed row are in the binlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowImage {
    /// All.
    Full,
    /// The key, and what changed.
    Minimal,
    /// All but large columns that did not change.
    NoBlob,
}

/// The settings of a round.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) row_image: RowImage,
    /// Statements that set them for the server.
    pub(super) global: Vec<String>,
    /// Statements that set them for the session.
    pub(super) session: Vec<String>,
    pub(super) full_metadata: bool,
    /// The server refuses what it would otherwise cut.
    pub(super) strict: bool,
    pub(super) odd_dates: bool,
    /// Tables without a key get one.
    pub(super) makes_keys: bool,
    /// All events of a transaction have one place in the binlog.
    pub(super) compressed: bool,
}

impl RowImage {
    fn name(self) -> &'static str {
        match self {
            RowImage::Full => "FULL",
            RowImage::Minimal => "MINIMAL",
            RowImage::NoBlob => "NOBLOB",
        }
    }
}

impl Settings {
    pub(super) fn choose(random: &mut Random, dialect: &Dialect) -> Settings {
        let row_image = random.one_of(&[
            RowImage::Full,
            RowImage::Full,
            RowImage::Full,
            RowImage::Minimal,
            RowImage::NoBlob,
        ]);
        let checksum = random.pick(&["CRC32", "CRC32", "NONE"]);
        let mut global = vec![format!("SET GLOBAL binlog_checksum = {checksum}")];
        let metadata = (!dialect.row_metadata.is_empty()).then(|| random.one_of(dialect.row_metadata));
        global.extend(metadata.map(|value| format!("SET GLOBAL binlog_row_metadata = {value}")));
        let modes = [
            "",
            "",
            "ALLOW_INVALID_DATES",
            "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE",
        ];
        let mode = random.one_of(&modes);
        let strict = mode.starts_with("STRICT");
        let mut settings = Settings {
            row_image,
            global,
            session: vec![
                format!("SET SESSION sql_mode = '{mode}'"),
                format!("SET SESSION binlog_row_image = '{}'", row_image.name()),
            ],
            full_metadata: metadata == Some("FULL"),
            strict,
            odd_dates: !strict,
            makes_keys: false,
            compressed: false,
        };
        settings.choose_session(random, dialect);
        settings
    }

    fn choose_session(&mut self, random: &mut Random, dialect: &Dialect) {
        let zone = random.pick(&["+00:00", "-11:30", "+13:00", "SYSTEM"]);
        self.session.push(format!("SET SESSION time_zone = '{zone}'"));
        for (variable, values) in dialect.binlog_variables {
            let value = random.one_of(values);
            self.compressed |= variable.contains("compression") && value == "ON";
            self.makes_keys |= variable.contains("primary_key") && value == "ON";
            self.session.push(format!("SET SESSION {variable} = {value}"));
        }
        // Without the document before, a difference says nothing: then the stream stops.
        if dialect.partial_json && self.row_image == RowImage::Full {
            let options = random.pick(&["PARTIAL_JSON", ""]);
            self.session
                .push(format!("SET SESSION binlog_row_value_options = '{options}'"));
        }
    }
}
