//! information_schema
