/// What Debezium alters and Rowtide does not.
const EXCEPTIONS: &[Exception] = &[];
