//! The client/server protocol as pure functions of bytes: no socket, no clock.
//!
//! - [`packet`]: frames of up to 16 MiB, joined to packets and cut again
//! - [`handshake`]: the server's greeting and the client's answer
//! - [`auth`]: the exchange that proves the password, for each plugin
//! - [`response`]: OK, ERR and EOF
//! - [`result_set`]: the rows of a query, as text
//! - [`command`]: what the client asks for

pub mod auth;
pub mod command;
pub mod handshake;
pub mod packet;
pub mod response;
pub mod result_set;
