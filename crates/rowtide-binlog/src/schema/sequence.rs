//! MariaDB's sequences, which are tables of one row.

use rowtide_event::{Flavour, Table};

/// The columns of every sequence (`sequence_structure` in the server's sql_sequence.cc).
const COLUMNS: [&str; 8] = [
    "next_not_cached_value",
    "minimum_value",
    "maximum_value",
    "start_value",
    "increment",
    "cache_size",
    "cycle_option",
    "cycle_count",
];

/// Whether the table is a sequence. The server logs that it has moved as an insert of its one row, which is there already:
/// such an insert is no change of a table's rows.
pub fn is_sequence(flavour: Flavour, table: &Table) -> bool {
    let names = table.columns.iter().map(|column| column.name.as_str());
    flavour == Flavour::MariaDb && table.key.is_empty() && names.eq(COLUMNS)
}

#[cfg(test)]
mod tests {
    use rowtide_event::{Column, ColumnType, IntegerWidth, TableId};

    use super::*;

    #[test]
    fn a_sequence_has_its_own_columns_and_no_key() {
        let column = |name: &&str| Column {
            name: (*name).to_owned(),
            ty: ColumnType::Integer {
                width: IntegerWidth::Big,
                unsigned: false,
            },
            nullable: false,
            generated: false,
        };
        let mut table = Table {
            id: TableId::new("shop", "numbers"),
            columns: COLUMNS.iter().map(column).collect(),
            key: vec![],
            hidden: 0,
        };
        assert!(is_sequence(Flavour::MariaDb, &table));
        assert!(!is_sequence(Flavour::MySql, &table));
        table.key.push(0);
        assert!(!is_sequence(Flavour::MariaDb, &table));
        table.key.clear();
        table.columns.pop();
        assert!(!is_sequence(Flavour::MariaDb, &table));
    }
}
