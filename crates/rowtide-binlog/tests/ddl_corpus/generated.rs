//! Statements made by code: each type with each attribute that goes with it.

use rowtide_testbed::ServerVersion;

use super::corpus::Script;

/// All scripts for a server.
pub fn scripts(version: ServerVersion) -> Vec<Script> {
    let _ = version;
    Vec::new()
}
