//! Which names mean the same database or table.

use rowtide_event::TableId;

/// How a server compares the names of databases and tables: its `lower_case_table_names`.
///
/// A server that ignores case logs a DDL as the user wrote it (`ALTER TABLE Orders`), and its TABLE_MAPs with the name
/// as it is stored (`orders`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameCase {
    /// 0: names that differ in case are different names.
    Matters,
    /// 1 and 2: they are the same name.
    Ignored,
}

impl NameCase {
    /// The meaning of a server's `lower_case_table_names`.
    pub fn of(lower_case_table_names: u8) -> Self {
        if lower_case_table_names == 0 {
            Self::Matters
        } else {
            Self::Ignored
        }
    }

    /// A name that is the same for all spellings of a database or table.
    pub fn folded(self, name: &str) -> String {
        match self {
            Self::Matters => name.to_owned(),
            // As the server: one letter for one, wherever in a word it stands.
            Self::Ignored => name
                .chars()
                .map(|c| c.to_lowercase().next().unwrap_or(c))
                .collect(),
        }
    }

    /// Both parts of a table's name [`folded`](Self::folded).
    pub fn folded_table(self, id: &TableId) -> TableId {
        TableId::new(self.folded(&id.database), self.folded(&id.table))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_counts_where_the_server_says_so() {
        assert_eq!(NameCase::of(0), NameCase::Matters);
        assert_eq!(NameCase::of(1), NameCase::Ignored);
        assert_eq!(NameCase::of(2), NameCase::Ignored);
        assert_eq!(NameCase::Matters.folded("Größe"), "Größe");
        assert_eq!(NameCase::Ignored.folded("GRÖßE"), "größe");
        assert_eq!(NameCase::Ignored.folded("ΣΑΣ"), "σασ");
        assert_eq!(
            NameCase::Ignored.folded_table(&TableId::new("SHOP", "Orders")),
            TableId::new("shop", "orders")
        );
    }

    proptest! {
        #[test]
        fn a_folded_name_stays_as_it_is(name: String) {
            let folded = NameCase::Ignored.folded(&name);
            prop_assert_eq!(NameCase::Ignored.folded(&folded), folded);
        }
    }
}
