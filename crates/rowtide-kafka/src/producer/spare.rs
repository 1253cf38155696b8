//! Buffers that batches are done with, for the next ones.

/// Free buffers.
#[derive(Debug, Default)]
pub(super) struct Spare {
    buffers: Vec<Vec<u8>>,
    bytes: usize,
}

impl Spare {
    /// A buffer, with whatever is left in it; a new one if none is free.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let buffer = self.buffers.pop().unwrap_or_default();
        self.bytes = self.bytes.saturating_sub(buffer.capacity());
        buffer
    }

    /// Keeps a buffer, unless those that are kept take too much memory with it: a few large ones of a few tables, or very
    /// many small ones of many. Large ones are kept as long as there is half of the room: a batch that is compressed
    /// holds on to a whole one.
    pub(super) fn keep(&mut self, buffer: Vec<u8>) {
        let bytes = self.bytes.saturating_add(buffer.capacity());
        let most = match buffer.capacity() {
            ..LARGE => MOST_BYTES,
            _ => MOST_BYTES / 2,
        };
        if buffer.capacity() > 0 && bytes <= most {
            self.bytes = bytes;
            self.buffers.push(buffer);
        }
    }
}

/// Bytes of memory that are kept.
const MOST_BYTES: usize = 32 << 20;
/// From how many bytes on a buffer is a large one.
const LARGE: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back_while_they_are_not_too_much() {
        let mut spare = Spare::default();
        assert_eq!(spare.take().capacity(), 0);
        spare.keep(Vec::new());
        assert!(spare.buffers.is_empty());
        for _ in 0..40 {
            spare.keep(Vec::with_capacity(1 << 20));
        }
        assert_eq!((spare.buffers.len(), spare.bytes), (16, 16 << 20));
        assert_eq!(spare.take().capacity(), 1 << 20);
        for _ in 0..10_000 {
            spare.keep(Vec::with_capacity(4096));
        }
        let small = (17 << 20) / 4096;
        assert_eq!((spare.buffers.len(), spare.bytes), (15 + small, 32 << 20));
    }
}
