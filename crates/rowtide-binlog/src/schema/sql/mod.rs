//! The text of statements: tokens and a cursor over them.

mod cursor;
mod literal;
mod tokens;

pub(super) use cursor::Cursor;
pub(super) use literal::unquoted;
pub(super) use tokens::{Kind, Token, tokens};
