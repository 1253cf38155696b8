//! rowtide-testbed
