//! The type of a column in the text of its table.

use std::sync::Arc;

use rowtide_event::{GeometryKind, IntegerWidth, Label};
use smol_str::SmolStr;

use super::super::collation::Collation;
use super::super::column_type::{list, quoted_member};
use super::super::data_type::{BlobSize, DataType, Sign};
use super::super::table::{Declared, TrackedColumn};
use super::mark::{mark, quoted_in_mark, session};
use crate::schema::ddl::{TypeName, TypeSpec};

/// The type by its own name, and how it was declared if that was otherwise.
pub(super) fn type_text(column: &TrackedColumn, table: &Collation) -> String {
    let mut spec = TypeSpec::new(canonical_name(&column.data_type, column.declared.name));
    let declared = &column.declared;
    spec.length = declared.length.map(u64::from);
    spec.scale = declared.scale.map(u64::from);
    let collation = column.collation.as_ref().unwrap_or(table);
    if spec.name != declared.name || !means(&spec, &column.data_type, collation) {
        (spec.length, spec.scale) = digits(&column.data_type);
    }
    let mut sql = spec.name.words().to_ascii_lowercase();
    sql += &in_parentheses(&spec, &column.data_type);
    sql += sign(&column.data_type);
    if *declared != follows(&spec, &column.data_type) {
        sql += &mark(&format!("DECLARED {}", declaration(declared)));
    }
    sql
}

/// Whether the type's name and numbers are read as this type; sign and members stand elsewhere.
fn means(spec: &TypeSpec, data_type: &DataType, collation: &Collation) -> bool {
    let read = DataType::of(spec, collation, &session());
    match (read, data_type) {
        (Ok(DataType::Integer { display, .. }), DataType::Integer { display: own, .. }) => display == *own,
        (Ok(DataType::Float(_, digits)), DataType::Float(_, own)) => digits == *own,
        (Ok(DataType::Double(_, digits)), DataType::Double(_, own)) => digits == *own,
        (Ok(DataType::Decimal(_, precision, scale)), DataType::Decimal(_, all, behind)) => {
            (precision, scale) == (*all, *behind)
        }
        (Ok(DataType::Enum(_)), DataType::Enum(_)) | (Ok(DataType::Set(_)), DataType::Set(_)) => true,
        (Ok(read), own) => read == *own,
        (Err(_), _) => false,
    }
}

/// What is taken to be declared where only this is said.
fn follows(spec: &TypeSpec, data_type: &DataType) -> Declared {
    let all: Vec<SmolStr> = members(data_type)
        .iter()
        .map(|member| quoted_member(member).into())
        .collect();
    let is_simple = members(data_type)
        .iter()
        .zip(&all)
        .all(|(member, quoted)| **quoted == *member.quoted());
    Declared {
        name: spec.name,
        length: spec.length.and_then(|length| u32::try_from(length).ok()),
        scale: spec.scale.and_then(|scale| u8::try_from(scale).ok()),
        binary: false,
        members: (!is_simple).then(|| Arc::new(all)),
    }
}

fn members(data_type: &DataType) -> &[Label] {
    match data_type {
        DataType::Enum(members) | DataType::Set(members) => members,
        _ => &[],
    }
}

/// The name by which SHOW CREATE TABLE calls a type; for a GEOMETRYCOLLECTION there are two.
fn canonical_name(data_type: &DataType, declared: TypeName) -> TypeName {
    use TypeName as N;
    match data_type {
        DataType::Integer { width, .. } => match width {
            IntegerWidth::Tiny => N::TinyInt,
            IntegerWidth::Small => N::SmallInt,
            IntegerWidth::Medium => N::MediumInt,
            IntegerWidth::Int => N::Int,
            IntegerWidth::Big => N::BigInt,
        },
        DataType::Float(..) => N::Float,
        DataType::Double(..) => N::Double,
        DataType::Decimal(..) => N::Decimal,
        DataType::Bit(_) => N::Bit,
        DataType::Year => N::Year,
        DataType::Date => N::Date,
        DataType::Time(_) => N::Time,
        DataType::DateTime(_) => N::DateTime,
        DataType::Timestamp(_) => N::Timestamp,
        DataType::Char(_) => N::Char,
        DataType::VarChar(_) => N::VarChar,
        DataType::Text(size) => sized(*size, [N::TinyText, N::Text, N::MediumText, N::LongText]),
        DataType::Binary(_) => N::Binary,
        DataType::VarBinary(_) => N::VarBinary,
        DataType::Blob(size) => sized(*size, [N::TinyBlob, N::Blob, N::MediumBlob, N::LongBlob]),
        DataType::Enum(_) => N::Enum,
        DataType::Set(_) => N::Set,
        DataType::Json => N::Json,
        DataType::Geometry(GeometryKind::Collection) if declared == N::GeomCollection => declared,
        DataType::Geometry(kind) => geometry(*kind),
        DataType::Vector(_) => N::Vector,
        DataType::Inet4 => N::Inet4,
        DataType::Inet6 => N::Inet6,
        DataType::Uuid => N::Uuid,
    }
}

fn sized(size: BlobSize, [tiny, normal, medium, long]: [TypeName; 4]) -> TypeName {
    match size {
        BlobSize::Tiny => tiny,
        BlobSize::Normal => normal,
        BlobSize::Medium => medium,
        BlobSize::Long => long,
    }
}

fn geometry(kind: GeometryKind) -> TypeName {
    match kind {
        GeometryKind::Any => TypeName::Geometry,
        GeometryKind::Point => TypeName::Point,
        GeometryKind::LineString => TypeName::LineString,
        GeometryKind::Polygon => TypeName::Polygon,
        GeometryKind::MultiPoint => TypeName::MultiPoint,
        GeometryKind::MultiLineString => TypeName::MultiLineString,
        GeometryKind::MultiPolygon => TypeName::MultiPolygon,
        GeometryKind::Collection => TypeName::GeometryCollection,
    }
}

/// The numbers in parentheses that are needed to say which type it is.
fn digits(data_type: &DataType) -> (Option<u64>, Option<u64>) {
    let one = |number: u32| (Some(u64::from(number)), None);
    let two = |all: u8, behind: u8| (Some(u64::from(all)), Some(u64::from(behind)));
    match data_type {
        DataType::Integer { display, .. } => (display.map(u64::from), None),
        DataType::Float(_, Some((all, behind))) | DataType::Double(_, Some((all, behind))) => {
            two(*all, *behind)
        }
        DataType::Decimal(_, all, behind) => two(*all, *behind),
        DataType::Bit(width) => one(u32::from(*width)),
        DataType::Time(fsp) | DataType::DateTime(fsp) | DataType::Timestamp(fsp) if *fsp > 0 => {
            one(u32::from(*fsp))
        }
        DataType::Char(length)
        | DataType::VarChar(length)
        | DataType::Binary(length)
        | DataType::VarBinary(length)
        | DataType::Vector(length) => one(*length),
        _ => (None, None),
    }
}

fn in_parentheses(spec: &TypeSpec, data_type: &DataType) -> String {
    let members = members(data_type);
    match (spec.length, spec.scale) {
        _ if !members.is_empty() => format!("({})", list(members)),
        (Some(length), Some(scale)) => format!("({length},{scale})"),
        (Some(length), None) => format!("({length})"),
        (None, _) => String::new(),
    }
}

fn sign(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Integer { sign, .. }
        | DataType::Float(sign, _)
        | DataType::Double(sign, _)
        | DataType::Decimal(sign, ..) => match sign {
            Sign::Signed => "",
            Sign::Unsigned => " unsigned",
            Sign::ZeroFill => " unsigned zerofill",
        },
        _ => "",
    }
}

/// A type as it was declared.
fn declaration(declared: &Declared) -> String {
    let mut sql = declared.name.words().to_owned();
    match (&declared.members, declared.length, declared.scale) {
        (Some(members), ..) => {
            let all: Vec<String> = members.iter().map(|member| quoted_in_mark(member)).collect();
            sql += &format!("({})", all.join(","));
        }
        (None, Some(length), Some(scale)) => sql += &format!("({length},{scale})"),
        (None, Some(length), None) => sql += &format!("({length})"),
        (None, None, _) => {}
    }
    if declared.binary {
        sql += " BINARY";
    }
    sql
}
