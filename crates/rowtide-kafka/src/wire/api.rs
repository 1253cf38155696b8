//! Which requests there are, and in which versions a broker and Rowtide both speak them.

use rowtide_event::Malformed;

use super::primitive::{Input, Output};

/// A request that the producer sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Produce,
    Metadata,
    FindCoordinator,
    SaslHandshake,
    Versions,
    InitProducerId,
    AddPartitionsToTxn,
    EndTxn,
    SaslAuthenticate,
}

impl Api {
    /// Its number in a request's head.
    pub(crate) fn key(self) -> i16 {
        match self {
            Self::Produce => 0,
            Self::Metadata => 3,
            Self::FindCoordinator => 10,
            Self::SaslHandshake => 17,
            Self::Versions => 18,
            Self::InitProducerId => 22,
            Self::AddPartitionsToTxn => 24,
            Self::EndTxn => 26,
            Self::SaslAuthenticate => 36,
        }
    }

    /// The oldest and the newest version that is spoken here.
    pub(crate) fn versions(self) -> (i16, i16) {
        match self {
            Self::Produce => (3, 7),
            Self::Metadata => (4, 7),
            Self::FindCoordinator => (1, 2),
            Self::SaslHandshake => (1, 1),
            Self::Versions => (0, 0),
            Self::InitProducerId | Self::SaslAuthenticate => (0, 1),
            Self::AddPartitionsToTxn | Self::EndTxn => (0, 2),
        }
    }
}

/// The version of each request that a broker takes and that is spoken here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Versions(Vec<(i16, i16)>);

impl Versions {
    /// Of what a broker says it takes: the key, the oldest and the newest version of each request.
    pub(crate) fn agreed(offered: impl IntoIterator<Item = (i16, i16, i16)>) -> Self {
        let agree = |(key, oldest, newest)| {
            let api = ALL.into_iter().find(|api| api.key() == key)?;
            let (own_oldest, own_newest) = api.versions();
            let version = own_newest.min(newest);
            (version >= own_oldest.max(oldest)).then_some((key, version))
        };
        Self(offered.into_iter().filter_map(agree).collect())
    }

    /// The version to speak; none if the broker has none of those known here.
    pub(crate) fn of(&self, api: Api) -> Option<i16> {
        let found = self.0.iter().find(|(key, _)| *key == api.key());
        found.map(|(_, version)| *version)
    }
}

const ALL: [Api; 9] = [
    Api::Produce,
    Api::Metadata,
    Api::FindCoordinator,
    Api::SaslHandshake,
    Api::Versions,
    Api::InitProducerId,
    Api::AddPartitionsToTxn,
    Api::EndTxn,
    Api::SaslAuthenticate,
];

/// A request as it goes over the wire: its length, its head (version 1) and what `body` writes.
pub(crate) fn frame(
    api: Api,
    version: i16,
    correlation: i32,
    client_id: &str,
    body: impl FnOnce(&mut Vec<u8>),
) -> Vec<u8> {
    let mut frame = vec![0; LENGTH_BYTES];
    frame.i16(api.key());
    frame.i16(version);
    frame.i32(correlation);
    frame.string(client_id);
    body(&mut frame);
    let length = frame.len().saturating_sub(LENGTH_BYTES);
    let length = i32::try_from(length).unwrap_or(i32::MAX).to_be_bytes();
    frame.iter_mut().zip(length).for_each(|(to, byte)| *to = byte);
    frame
}

/// The first whole answer of `input`, without its length.
pub(crate) fn whole_answer(input: &[u8], limit: usize) -> Result<Option<&[u8]>, Malformed> {
    const WHAT: &str = "the length of a broker's answer";
    if input.len() < LENGTH_BYTES {
        return Ok(None);
    }
    let length = usize::try_from(Input::new(input).i32(WHAT)?).map_err(|_| Malformed::Invalid(WHAT))?;
    if length > limit {
        return Err(Malformed::TooLarge(WHAT));
    }
    let rest = input.get(LENGTH_BYTES..).unwrap_or_default();
    Ok(rest.get(..length))
}

/// A message's length comes before it.
pub(crate) const LENGTH_BYTES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_that_both_know_is_taken() {
        let versions = Versions::agreed([(0, 3, 13), (3, 0, 5), (22, 0, 0), (24, 4, 5), (999, 0, 1)]);
        assert_eq!(versions.of(Api::Produce), Some(7));
        assert_eq!(versions.of(Api::Metadata), Some(5));
        assert_eq!(versions.of(Api::InitProducerId), Some(0));
        assert_eq!(versions.of(Api::AddPartitionsToTxn), None);
        assert_eq!(versions.of(Api::EndTxn), None);
    }

    #[test]
    fn a_frame_has_its_length_before_its_head() {
        let frame = frame(Api::EndTxn, 1, 7, "me", |out| out.i8(9));
        let expected = [0, 0, 0, 13, 0, 26, 0, 1, 0, 0, 0, 7, 0, 2, b'm', b'e', 9];
        assert_eq!(frame, expected);
    }

    #[test]
    fn an_answer_is_read_when_it_is_whole() {
        let input = [0, 0, 0, 2, 7, 8, 0, 0, 0, 0, 1];
        assert_eq!(whole_answer(&input[..3], 10), Ok(None));
        assert_eq!(whole_answer(&input[..5], 10), Ok(None));
        assert_eq!(whole_answer(&input[..6], 10), Ok(Some(&[7, 8][..])));
        assert_eq!(whole_answer(&input, 10), Ok(Some(&[7, 8][..])));
        assert_eq!(whole_answer(&input[6..], 10), Ok(Some(&[][..])));
        assert_eq!(
            whole_answer(&input, 1),
            Err(Malformed::TooLarge("the length of a broker's answer"))
        );
        let negative = [0xff; 5];
        assert_eq!(
            whole_answer(&negative, 10),
            Err(Malformed::Invalid("the length of a broker's answer"))
        );
    }
}
