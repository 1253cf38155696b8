//! rowtide
