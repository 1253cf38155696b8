//! Which partition a key belongs to: as Kafka's Java client decides it.

/// The partition of a key among `partitions`. Records without a key all go to one partition, that of the empty key, so that
/// they keep their order; librdkafka's `murmur2` does the same.
pub(super) fn partition(key: Option<&[u8]>, partitions: usize) -> usize {
    let positive = murmur2(key.unwrap_or_default()) & 0x7fff_ffff;
    let positive = usize::try_from(positive).unwrap_or_default();
    positive.checked_rem(partitions).unwrap_or_default()
}

/// Murmur2, as `org.apache.kafka.common.utils.Utils.murmur2` computes it.
fn murmur2(key: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    const R: u32 = 24;
    let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
    let (words, rest) = key.as_chunks::<4>();
    let mut hash = SEED ^ length;
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> R;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !rest.is_empty() {
        let tail = rest
            .iter()
            .rev()
            .fold(0, |tail, byte| (tail << 8) | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `org.apache.kafka.common.utils.Utils.murmur2` of Kafka 4.3.1, among 12 partitions.
    #[test]
    fn keys_go_where_javas_client_puts_them() {
        for (key, expected) in [
            ("a", 4),
            ("{\"id\":1}", 0),
            ("{\"id\":2}", 4),
            ("{\"id\":-9223372036854775808}", 8),
            ("{\"name\":\"Zoë €\"}", 6),
            ("abcd", 8),
            ("abcde", 1),
            ("abcdef", 0),
            ("abcdefg", 1),
        ] {
            assert_eq!(partition(Some(key.as_bytes()), 12), expected, "{key}");
        }
    }

    #[test]
    fn no_key_is_the_empty_key() {
        assert_eq!(partition(None, 12), partition(Some(b""), 12));
        assert_eq!(partition(Some(b"a"), 0), 0);
    }
}
