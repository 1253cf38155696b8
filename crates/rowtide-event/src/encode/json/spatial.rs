//! GEOMETRY and VECTOR.

use super::{bytes, float};
use crate::{Malformed, Reader};

const GEOMETRY: &str = "GEOMETRY";
const POINT: &str = "POINT";
/// WKB's mark of little-endian, and its number of a point.
const LITTLE_ENDIAN: u8 = 1;
const WKB_POINT: u32 = 1;

/// Appends a geometry as its WKB and SRID. The server's form is the SRID in four bytes, then the WKB.
///
/// A value without a byte is null: MySQL 5.7 and MariaDB put it into a NOT NULL column in place of an invalid value, and it
/// is no geometry.
pub(super) fn write_geometry(value: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    if value.is_empty() {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    let mut reader = Reader::new(value);
    let srid = reader.u32(GEOMETRY)?;
    out.push(b'{');
    write_wkb(reader.rest(), srid, out)
}

/// Appends the value of a POINT column, which has its coordinates too: in the order in which they are stored, so that
/// `x` is the longitude where the SRID's coordinates are geographic.
pub(super) fn write_point(value: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    if value.is_empty() {
        return write_geometry(value, out);
    }
    let mut reader = Reader::new(value);
    let srid = reader.u32(POINT)?;
    let wkb = reader.rest();
    if reader.u8(POINT)? != LITTLE_ENDIAN || reader.u32(POINT)? != WKB_POINT {
        return Err(Malformed::Invalid(POINT));
    }
    out.extend_from_slice(b"{\"x\":");
    float::write_double(f64::from_bits(reader.u64(POINT)?), out);
    out.extend_from_slice(b",\"y\":");
    float::write_double(f64::from_bits(reader.u64(POINT)?), out);
    reader.finish(POINT)?;
    out.push(b',');
    write_wkb(wkb, srid, out)
}

fn write_wkb(wkb: &[u8], srid: u32, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if wkb.is_empty() {
        return Err(Malformed::Truncated(GEOMETRY));
    }
    out.extend_from_slice(b"\"wkb\":");
    bytes::write(wkb, out)?;
    out.extend_from_slice(b",\"srid\":");
    match srid {
        0 => out.extend_from_slice(b"null"),
        srid => out.extend_from_slice(itoa::Buffer::new().format(srid).as_bytes()),
    }
    out.push(b'}');
    Ok(())
}

/// Appends a VECTOR as an array of numbers.
pub(super) fn write_vector(value: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let (elements, []) = value.as_chunks::<4>() else {
        return Err(Malformed::Trailing("VECTOR"));
    };
    out.push(b'[');
    for (n, element) in elements.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        float::write_float(f32::from_le_bytes(*element), out);
    }
    out.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Malformed>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn point(srid: u32, x: f64, y: f64) -> Vec<u8> {
        let mut value = srid.to_le_bytes().to_vec();
        value.extend([1, 1, 0, 0, 0]);
        value.extend(x.to_le_bytes());
        value.extend(y.to_le_bytes());
        value
    }

    #[test]
    fn points_have_coordinates() {
        let p0 = r#"{"x":1.5,"y":-2.5,"wkb":"AQEAAAAAAAAAAAD4PwAAAAAAAATA","srid":null}"#;
        assert_eq!(text(|out| write_point(&point(0, 1.5, -2.5), out)), p0);
        let p4 = r#"{"x":20.0,"y":10.0,"wkb":"AQEAAAAAAAAAAAA0QAAAAAAAACRA","srid":4326}"#;
        assert_eq!(text(|out| write_point(&point(4326, 20.0, 10.0), out)), p4);
        let any = r#"{"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAABA","srid":null}"#;
        assert_eq!(text(|out| write_geometry(&point(0, 1.0, 2.0), out)), any);
    }

    #[test]
    fn what_is_no_point_is_refused() {
        let mut line = point(0, 1.0, 2.0);
        line[5] = 2;
        assert_eq!(
            write_point(&line, &mut Vec::new()),
            Err(Malformed::Invalid(POINT))
        );
        let mut long = point(0, 1.0, 2.0);
        long.push(0);
        assert_eq!(
            write_point(&long, &mut Vec::new()),
            Err(Malformed::Trailing(POINT))
        );
        assert_eq!(
            write_geometry(&[0, 0, 0, 0], &mut Vec::new()),
            Err(Malformed::Truncated(GEOMETRY))
        );
    }

    #[test]
    fn no_bytes_are_no_geometry() {
        assert_eq!(text(|out| write_geometry(&[], out)), "null");
        assert_eq!(text(|out| write_point(&[], out)), "null");
    }

    #[test]
    fn an_empty_collection() {
        let value = [0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            text(|out| write_geometry(&value, out)),
            r#"{"wkb":"AQcAAAAAAAAA","srid":null}"#
        );
    }

    #[test]
    fn vectors_are_arrays_of_floats() {
        let bytes: Vec<u8> = [-1.5f32, 0.0, 3.4e38]
            .iter()
            .flat_map(|f| f.to_le_bytes())
            .collect();
        assert_eq!(text(|out| write_vector(&bytes, out)), "[-1.5,0.0,3.4E38]");
        assert_eq!(text(|out| write_vector(&[], out)), "[]");
        assert_eq!(
            write_vector(&bytes[..7], &mut Vec::new()),
            Err(Malformed::Trailing("VECTOR"))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(value: Vec<u8>) {
            let mut out = Vec::new();
            let _ = write_geometry(&value, &mut out);
            let _ = write_point(&value, &mut out);
            let _ = write_vector(&value, &mut out);
        }
    }
}
