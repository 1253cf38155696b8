//! Where Rowtide's records differ from Debezium's on purpose.

/// A value that Debezium alters and Rowtide does not.
pub struct Exception {
    /// The table.
    pub table: &'static str,
    /// `"column":` and the value as Debezium writes it, with as much around it as it takes to be unique.
    pub debezium: &'static str,
    /// The same as Rowtide writes it.
    pub rowtide: &'static str,
    /// How many keys and values hold it; headers that hold a key are changed with it and not counted.
    pub records: usize,
    /// Why.
    pub reason: &'static str,
}

/// A key that Debezium does not see.
pub struct KeyException {
    /// The table.
    pub table: &'static str,
    /// Which of the table's records, from 0.
    pub record: usize,
    /// The key that Rowtide gives it.
    pub key: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// All records that have a key only here.
pub const KEY_EXCEPTIONS: &[KeyException] = &[KeyException {
    table: "d1",
    record: 9,
    key: r#"{"a3":1010,"id":10}"#,
    reason: "after DROP PRIMARY KEY the unique key that was added before is not looked for",
}];

/// What the schema history and the schema-change topic say otherwise: the statement, and a part of its record as Debezium and as Rowtide write it.
pub const HISTORY_EXCEPTION: (&str, &str, &str) = (
    // There is a unique key of columns that are not nullable, which names rows from then on: the server's own rule.
    "ALTER TABLE d1 DROP PRIMARY KEY",
    r#""primaryKeyColumnNames":[]"#,
    r#""primaryKeyColumnNames":["a3","id"]"#,
);

/// All values.
pub const EXCEPTIONS: &[Exception] = &[
    Exception {
        table: "t_int_u",
        debezium: r#""e":-1,"#,
        rowtide: r#""e":18446744073709551615,"#,
        records: 1,
        reason: "BIGINT UNSIGNED wraps to a negative number above 2^63-1",
    },
    Exception {
        table: "t_int_u",
        debezium: r#""e":-9223372036854775808"#,
        rowtide: r#""e":9223372036854775808"#,
        records: 1,
        reason: "BIGINT UNSIGNED wraps to a negative number above 2^63-1",
    },
    Exception {
        table: "t_bigpk",
        debezium: r#""id":-1"#,
        rowtide: r#""id":18446744073709551615"#,
        records: 7,
        reason: "BIGINT UNSIGNED wraps to a negative number above 2^63-1",
    },
    Exception {
        table: "t_bigpk",
        debezium: r#""id":-2"#,
        rowtide: r#""id":18446744073709551614"#,
        records: 2,
        reason: "BIGINT UNSIGNED wraps to a negative number above 2^63-1",
    },
    Exception {
        table: "t_bigpk",
        debezium: r#""v":-1"#,
        rowtide: r#""v":18446744073709551615"#,
        records: 2,
        reason: "BIGINT UNSIGNED wraps to a negative number above 2^63-1",
    },
    Exception {
        table: "t_bigpk",
        debezium: r#""v":-9223372036854775808"#,
        rowtide: r#""v":9223372036854775808"#,
        records: 1,
        reason: "BIGINT UNSIGNED wraps to a negative number above 2^63-1",
    },
    Exception {
        table: "t_float",
        debezium: r#""a":1.17549435E-38"#,
        rowtide: r#""a":1.1754944E-38"#,
        records: 1,
        reason: "Java 17 writes a digit more than the float needs (JDK-4511638, mended in Java 19); the same number",
    },
    Exception {
        table: "t_float",
        debezium: r#""h":1.23456792E8"#,
        rowtide: r#""h":1.2345679E8"#,
        records: 1,
        reason: "Java 17 writes a digit more than the float needs (JDK-4511638, mended in Java 19); the same number",
    },
    Exception {
        table: "t_float",
        debezium: r#""c":9999.9990234375"#,
        rowtide: r#""c":9999.999"#,
        records: 1,
        reason: "FLOAT(M,D) is a float, printed as the double it is nearest to",
    },
    Exception {
        table: "t_float",
        debezium: r#""c":-9999.9990234375"#,
        rowtide: r#""c":-9999.999"#,
        records: 1,
        reason: "FLOAT(M,D) is a float, printed as the double it is nearest to",
    },
    Exception {
        table: "t_float",
        debezium: r#""c":0.0010000000474974513"#,
        rowtide: r#""c":0.001"#,
        records: 1,
        reason: "FLOAT(M,D) is a float, printed as the double it is nearest to",
    },
    Exception {
        table: "t_float",
        debezium: r#""c":3.140000104904175"#,
        rowtide: r#""c":3.14"#,
        records: 1,
        reason: "FLOAT(M,D) is a float, printed as the double it is nearest to",
    },
    Exception {
        table: "t_bool",
        debezium: r#""a":true,"b":true,"c":1}"#,
        rowtide: r#""a":1,"b":1,"c":1}"#,
        records: 1,
        reason: "BOOL is a number for the server; true hides 2, 127 and -1",
    },
    Exception {
        table: "t_bool",
        debezium: r#""a":false,"b":false,"#,
        rowtide: r#""a":0,"b":0,"#,
        records: 1,
        reason: "BOOL is a number for the server; true hides 2, 127 and -1",
    },
    Exception {
        table: "t_bool",
        debezium: r#""a":null,"b":true,"#,
        rowtide: r#""a":null,"b":1,"#,
        records: 2,
        reason: "BOOL is a number for the server; true hides 2, 127 and -1",
    },
    Exception {
        table: "t_bool",
        debezium: r#""a":true,"b":true,"c":-128"#,
        rowtide: r#""a":2,"b":127,"c":-128"#,
        records: 1,
        reason: "BOOL is a number for the server; true hides 2, 127 and -1",
    },
    Exception {
        table: "t_str2",
        debezium: r#""cb":"bytes""#,
        rowtide: r#""cb":"Ynl0ZXM=""#,
        records: 1,
        reason: "CHAR(n) CHARACTER SET binary is BINARY(n) for the server",
    },
    Exception {
        table: "t_str2",
        debezium: r#""cb":"""#,
        rowtide: r#""cb":"AAAAAAA=""#,
        records: 1,
        reason: "CHAR(n) CHARACTER SET binary is BINARY(n) for the server",
    },
    Exception {
        table: "t_temporal",
        debezium: r#""dt3":978307200000"#,
        rowtide: r#""dt3":-62135596800000"#,
        records: 1,
        reason: "enable.time.adjuster takes the year 1 for 2001",
    },
    Exception {
        table: "t_temporal",
        debezium: r#""y":1900"#,
        rowtide: r#""y":0"#,
        records: 1,
        reason: "YEAR 0 becomes 1900",
    },
    Exception {
        table: "t_temporal",
        debezium: r#""id":11,"d":null,"t0":null,"t3":null,"t6":null,"dt0":null,"dt3":null,"dt6":null"#,
        rowtide: r#""id":11,"d":-719528,"t0":null,"t3":null,"t6":null,"dt0":-62167219200000,"dt3":null,"dt6":-62167219200000000"#,
        records: 1,
        reason: "a date in the year 0 is lost",
    },
    Exception {
        table: "t_temporal_nn",
        debezium: r#""d":0,"t0":0,"dt0":0,"dt6":0,"ts0":"1970-01-01T00:00:00Z","ts6":"1970-01-01T00:00:00Z","y":1900"#,
        rowtide: r#""d":null,"t0":0,"dt0":null,"dt6":null,"ts0":null,"ts6":null,"y":0"#,
        records: 1,
        reason: "a date that no calendar has becomes the epoch in a NOT NULL column; YEAR 0 becomes 1900",
    },
    Exception {
        table: "t_temporal_nn",
        debezium: r#""d":0,"t0":3600000000,"dt0":0,"dt6":0"#,
        rowtide: r#""d":null,"t0":3600000000,"dt0":null,"dt6":null"#,
        records: 1,
        reason: "a date that no calendar has becomes the epoch in a NOT NULL column",
    },
    Exception {
        table: "t_enumset",
        debezium: r#""e":"c\\,d""#,
        rowtide: r#""e":"c,d""#,
        records: 2,
        reason: "a comma in an ENUM label gets a backslash",
    },
    Exception {
        table: "t_json",
        debezium: r#""k":"123456789012345677877719597056""#,
        rowtide: r#""k":"1.2345678901234568e29""#,
        records: 1,
        reason: "a double inside JSON is written as the expansion of its binary form, or as an integer",
    },
    Exception {
        table: "t_json",
        debezium: r#""k":"-1500000000000000078757140382806630373056702871662238732373781173267703686983362293679557062620671796065556665749325817265413784853040645863467188277180060474272580801389863705606745350692182135089053429852456199917621678558451461320111979114170213741868888183230085264257173504208294580298189100810240""#,
        rowtide: r#""k":"-1.5e300""#,
        records: 1,
        reason: "a double inside JSON is written as the expansion of its binary form, or as an integer",
    },
    Exception {
        table: "t_json",
        debezium: r#""k":"0.0000000999999999999999954748111825886258685613938723690807819366455078125""#,
        rowtide: r#""k":"0.0000001""#,
        records: 1,
        reason: "a double inside JSON is written as the expansion of its binary form, or as an integer",
    },
    Exception {
        table: "t_json",
        debezium: r#"[1.0,100.0,10000000000,10000000000000000,1000000000000000000000,123456789.1229999959468841552734375]"#,
        rowtide: r#"[1.0,100.0,10000000000.0,1e16,1e21,123456789.123]"#,
        records: 1,
        reason: "a double inside JSON is written as the expansion of its binary form, or as an integer",
    },
    Exception {
        table: "t_json",
        debezium: r#"\"t\":\"10:00:00\""#,
        rowtide: r#"\"t\":\"-10:00:00\""#,
        records: 1,
        reason: "a TIME inside JSON loses its sign",
    },
    Exception {
        table: "t_invis",
        debezium: r#""after":{"id":2,"a":2,"hid":7,"#,
        rowtide: r#""after":{"id":2,"a":2,"hid":null,"#,
        records: 1,
        reason: "null in a column with a default comes out as the default",
    },
    Exception {
        table: "t_def",
        debezium: r#""after":{"id":1,"i1":5,"i2":-7,"i3":9223372036854775807,"i4":255,"i5":null,"i6":null,"d1":"AJY=","d2":"CQ==","f1":1.5,"f2":-2.25E10,"b1":true,"b2":"BQ==","bo":true,"bo2":false,"c1":"abc","c2":"","c3":"it''s é 中","c4":"fixed","t1":null,"bi":"QUI=","vb":"QUI=","da":18321,"da2":-354285,"ti":-45296000000,"ti6":3723000004,"dt":1577934245000,"dt3":1577934245678,"dt6":0,"dtn":1767225600000,"ts":"2026-01-01T00:00:01Z","ts2":"2020-01-02T03:04:05Z","ts6":"2020-01-02T03:04:05.123456Z","y":2020,"y2":1999,"e":"b","e2":"a","s":"x,z","s2":"","j":null}"#,
        rowtide: r#""after":{"id":1,"i1":null,"i2":-7,"i3":null,"i4":255,"i5":null,"i6":null,"d1":null,"d2":"CQ==","f1":null,"f2":-2.25E10,"b1":null,"b2":"BQ==","bo":null,"bo2":0,"c1":null,"c2":"","c3":null,"c4":"fixed","t1":null,"bi":null,"vb":"QUI=","da":null,"da2":-354285,"ti":null,"ti6":3723000004,"dt":null,"dt3":1577934245678,"dt6":null,"dtn":1767225600000,"ts":"2026-01-01T00:00:01Z","ts2":null,"ts6":"2020-01-02T03:04:05.123456Z","y":null,"y2":1999,"e":null,"e2":"a","s":null,"s2":"","j":null}"#,
        records: 1,
        reason: "null in a column with a default comes out as the default",
    },
    Exception {
        table: "t_def",
        debezium: r#""i3":-1,"#,
        rowtide: r#""i3":18446744073709551615,"#,
        records: 2,
        reason: "BIGINT UNSIGNED wraps to a negative number above 2^63-1",
    },
    Exception {
        table: "t_def",
        debezium: r#""bo":true,"bo2":false"#,
        rowtide: r#""bo":1,"bo2":0"#,
        records: 2,
        reason: "BOOL is a number for the server; true hides 2, 127 and -1",
    },
];
