//! What a TABLE_MAP tells without full metadata: with `binlog_row_metadata=MINIMAL` the signs of numbers and the character
//! sets of texts.

use rowtide_event::{ColumnType, Table};

use super::agreement::may_be_another;
use super::are_years_signed;
use super::types::TypeReader;
use crate::event::TableMap;
use crate::server::Flavour;

/// The table as it was told otherwise, with the signs of integers and the character sets of texts that the table map has,
/// where it has any. If that is another table than `told`, one of both is wrong about a statement.
pub fn by_partial_metadata(map: &TableMap<'_>, told: &Table) -> Table {
    let mut table = told.clone();
    let Some(years_are_signed) = are_years_signed(map) else {
        return table;
    };
    if map.written_by.flavour == Flavour::MySql && map.columns.len() != told.columns.len() {
        // A hidden column may stand anywhere.
        return table;
    }
    let mut types = TypeReader::of(map, years_are_signed);
    for (column, logged) in table.columns.iter_mut().zip(&map.columns) {
        // What the metadata lacks is no contradiction.
        if let Ok(ty) = types.next(logged)
            && !may_be_another(map.written_by, logged.wire_type, &ty)
            && are_told_apart(&ty, &column.ty)
        {
            column.ty = ty;
        }
    }
    table
}

/// Whether both are of the types whose differences the partial metadata tells.
fn are_told_apart(logged: &ColumnType, told: &ColumnType) -> bool {
    match (logged, told) {
        (ColumnType::Integer { width, .. }, ColumnType::Integer { width: told, .. }) => width == told,
        (logged, told) => is_string(logged) && is_string(told),
    }
}

fn is_string(ty: &ColumnType) -> bool {
    matches!(
        ty,
        ColumnType::Text { .. } | ColumnType::Binary { .. } | ColumnType::Blob
    )
}

#[cfg(test)]
mod tests {
    use rowtide_event::{Charset, Column, IntegerWidth, TableId};

    use super::*;
    use crate::event::{MapColumn, TableMetadata, WireType};

    fn told(types: Vec<ColumnType>) -> Table {
        let column = |ty| Column {
            name: "c".into(),
            ty,
            nullable: true,
            generated: false,
        };
        Table {
            id: TableId::new("db", "t"),
            columns: types.into_iter().map(column).collect(),
            key: vec![0],
            hidden: 0,
        }
    }

    fn map(types: &[WireType], metadata: TableMetadata<'static>) -> TableMap<'static> {
        let column = |wire_type: &WireType| MapColumn {
            wire_type: *wire_type,
            nullable: true,
        };
        TableMap {
            table_id: 1,
            flags: 0,
            database: "db",
            table: "t",
            columns: types.iter().map(column).collect(),
            metadata,
            written_by: "9.7.4".parse().unwrap(),
        }
    }

    const INT: ColumnType = ColumnType::Integer {
        width: IntegerWidth::Int,
        unsigned: false,
    };
    const UNSIGNED: ColumnType = ColumnType::Integer {
        width: IntegerWidth::Int,
        unsigned: true,
    };

    #[test]
    fn signs_are_those_of_the_binlog() {
        let wire = [WireType::Long, WireType::Date, WireType::Long];
        let signs = TableMetadata {
            unsigned: Some(&[0b0100_0000]),
            ..TableMetadata::default()
        };
        let right = told(vec![INT, ColumnType::Date, UNSIGNED]);
        let wrong = told(vec![INT, ColumnType::Date, INT]);
        let map = map(&wire, signs);
        assert_eq!(by_partial_metadata(&map, &right), right);
        assert_eq!(by_partial_metadata(&map, &wrong), right);
    }

    #[test]
    fn what_is_not_told_stays_as_it_is() {
        let wire = [WireType::Long, WireType::VarChar(20), WireType::Enum(1)];
        let text = ColumnType::Text {
            charset: Charset::Latin1,
        };
        let members = ColumnType::Enum {
            members: vec!["a".into()],
        };
        let known = told(vec![UNSIGNED, text, members]);
        assert_eq!(
            by_partial_metadata(&map(&wire, TableMetadata::default()), &known),
            known
        );
    }
}
