//! Which QUERY frames a transaction, and which is a statement.

/// What a QUERY is to its transaction. The server makes up the text of all that is not a statement, so that there are
/// no comments and no other spellings to think of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    Begin,
    Commit,
    Rollback,
    /// SAVEPOINT, by its name as it is written.
    Savepoint(&'a [u8]),
    /// ROLLBACK TO, by the name as it is written.
    RollbackTo(&'a [u8]),
    /// RELEASE SAVEPOINT.
    Release,
    XaStart(&'a [u8]),
    XaEnd,
    XaCommit(&'a [u8]),
    XaRollback(&'a [u8]),
    /// CREATE TABLE ... START TRANSACTION: a CREATE TABLE ... AS SELECT, whose rows follow in the same transaction.
    CreateSelect,
    Statement,
}

impl<'a> Frame<'a> {
    pub(super) fn of(query: &'a [u8]) -> Self {
        let (word, rest) = split_word(query);
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        match rest {
            [] if is(b"BEGIN") => Self::Begin,
            [] if is(b"COMMIT") => Self::Commit,
            [] if is(b"ROLLBACK") => Self::Rollback,
            _ if is(b"ROLLBACK") => Self::of_rollback(rest),
            _ if is(b"SAVEPOINT") => Self::Savepoint(rest),
            _ if is(b"RELEASE") => Self::Release,
            _ if is(b"XA") => Self::of_xa(rest),
            _ if is(b"CREATE") && is_table(rest) && ends_with_start_transaction(rest) => Self::CreateSelect,
            _ => Self::Statement,
        }
    }

    fn of_rollback(rest: &'a [u8]) -> Self {
        let (to, name) = split_word(rest);
        let (savepoint, behind) = split_word(name);
        if !to.eq_ignore_ascii_case(b"TO") {
            Self::Statement
        } else if savepoint.eq_ignore_ascii_case(b"SAVEPOINT") && !behind.is_empty() {
            Self::RollbackTo(behind)
        } else {
            Self::RollbackTo(name)
        }
    }

    fn of_xa(rest: &'a [u8]) -> Self {
        let (word, xid) = split_word(rest);
        match word.to_ascii_uppercase().as_slice() {
            b"START" | b"BEGIN" => Self::XaStart(xid),
            b"END" => Self::XaEnd,
            b"COMMIT" => Self::XaCommit(xid),
            b"ROLLBACK" => Self::XaRollback(xid),
            _ => Self::Statement,
        }
    }
}

/// The first word, and what follows the white space after it.
fn split_word(text: &[u8]) -> (&[u8], &[u8]) {
    let text = text.trim_ascii();
    let end = text
        .iter()
        .position(u8::is_ascii_whitespace)
        .unwrap_or(text.len());
    text.split_at_checked(end)
        .map_or((text, &[]), |(word, rest)| (word, rest.trim_ascii_start()))
}

/// A procedure may end with the same words.
fn is_table(text: &[u8]) -> bool {
    split_word(text).0.eq_ignore_ascii_case(b"TABLE")
}

fn ends_with_start_transaction(text: &[u8]) -> bool {
    let ends_with = |text: &[u8], word: &[u8]| {
        text.len()
            .checked_sub(word.len())
            .and_then(|at| text.split_at_checked(at))
            .and_then(|(head, tail)| {
                tail.eq_ignore_ascii_case(word)
                    .then_some(head.trim_ascii_end().len())
            })
    };
    ends_with(text, b"TRANSACTION")
        .and_then(|len| text.get(..len))
        .is_some_and(|head| ends_with(head, b"START").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_frames_a_transaction() {
        assert_eq!(Frame::of(b"BEGIN"), Frame::Begin);
        assert_eq!(Frame::of(b"COMMIT"), Frame::Commit);
        assert_eq!(Frame::of(b"ROLLBACK"), Frame::Rollback);
        assert_eq!(Frame::of(b"ROLLBACK TO `a b`"), Frame::RollbackTo(b"`a b`"));
        assert_eq!(Frame::of(b"rollback to savepoint a"), Frame::RollbackTo(b"a"));
        assert_eq!(
            Frame::of(b"ROLLBACK TO savepoint"),
            Frame::RollbackTo(b"savepoint")
        );
        assert_eq!(Frame::of(b"SAVEPOINT `a`"), Frame::Savepoint(b"`a`"));
        assert_eq!(Frame::of(b"RELEASE SAVEPOINT `a`"), Frame::Release);
        assert_eq!(Frame::of(b"XA START X'31',X'',1"), Frame::XaStart(b"X'31',X'',1"));
        assert_eq!(Frame::of(b"XA END X'31',X'',1"), Frame::XaEnd);
        assert_eq!(
            Frame::of(b"XA COMMIT X'31',X'',1"),
            Frame::XaCommit(b"X'31',X'',1")
        );
        assert_eq!(
            Frame::of(b"XA ROLLBACK X'31',X'',1"),
            Frame::XaRollback(b"X'31',X'',1")
        );
    }

    #[test]
    fn what_is_a_statement() {
        for statement in [
            "CREATE TABLE t (a int)",
            "CREATE DEFINER=`u`@`h` PROCEDURE `p`()\nSTART TRANSACTION",
            "begin_work",
            "insert into t values (1)",
            "",
            "ROLLBACKS",
            "TRUNCATE t",
        ] {
            assert_eq!(Frame::of(statement.as_bytes()), Frame::Statement, "{statement}");
        }
        assert_eq!(
            Frame::of(b"CREATE TABLE `t` (\n `a` int\n) START TRANSACTION"),
            Frame::CreateSelect
        );
        assert_eq!(
            Frame::of(b"create table t (a int comment 'START TRANSACTION')"),
            Frame::Statement
        );
        assert_eq!(Frame::of(b"CREATE TRANSACTION"), Frame::Statement);
    }
}
