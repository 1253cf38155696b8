//! rowtide-kafka
