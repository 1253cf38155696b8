//! The numbers of one source.

use std::fmt;

use super::MAX_NUMBER;

/// Numbers as intervals: sorted, apart from each other, none empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Intervals {
    all: Vec<Interval>,
}

/// Numbers from `start` to before `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Interval {
    /// An interval that is not empty, of numbers that a GTID can have.
    pub(super) fn new(start: u64, end: u64) -> Option<Self> {
        (start > 0 && start < end && end <= MAX_NUMBER + 1).then_some(Self { start, end })
    }
}

impl Intervals {
    pub(super) fn as_slice(&self) -> &[Interval] {
        &self.all
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn insert(&mut self, number: u64) {
        match self.all.last_mut() {
            Some(last) if last.end == number => last.end = number + 1,
            _ => self.insert_anywhere(number),
        }
    }

    fn insert_anywhere(&mut self, number: u64) {
        let at = self.all.partition_point(|i| i.end < number);
        match self.all.get_mut(at) {
            Some(held) if held.start <= number && number < held.end => {}
            Some(before) if before.end == number => {
                before.end = number + 1;
                self.join_next(at);
            }
            Some(after) if after.start == number + 1 => after.start = number,
            _ => self.all.insert(
                at,
                Interval {
                    start: number,
                    end: number + 1,
                },
            ),
        }
    }

    /// Joins the interval at `at` with the next one if they touch.
    fn join_next(&mut self, at: usize) {
        let next = self.all.get(at + 1).copied();
        if let (Some(own), Some(next)) = (self.all.get_mut(at), next)
            && own.end == next.start
        {
            own.end = next.end;
            self.all.remove(at + 1);
        }
    }

    pub(super) fn union(&mut self, other: &Self) {
        self.extend(other.all.iter().copied());
    }

    /// Adds intervals in any order, which may overlap.
    pub(super) fn extend(&mut self, more: impl IntoIterator<Item = Interval>) {
        self.all.extend(more);
        // Stable, since it is fast where two sorted lists follow each other.
        self.all.sort_by_key(|i| i.start);
        self.all.dedup_by(|next, last| {
            let touches = next.start <= last.end;
            if touches {
                last.end = last.end.max(next.end);
            }
            touches
        });
    }

    pub(super) fn subtract(&self, away: &Self) -> Self {
        let mut left = Vec::new();
        let mut holes = away.all.as_slice();
        for interval in &self.all {
            let mut start = interval.start;
            while let Some((hole, after)) = holes.split_first().filter(|(hole, _)| hole.start < interval.end)
            {
                if hole.start > start {
                    left.push(Interval {
                        start,
                        end: hole.start,
                    });
                }
                start = start.max(hole.end);
                if hole.end > interval.end {
                    // It may reach into the next interval.
                    break;
                }
                holes = after;
            }
            if start < interval.end {
                left.push(Interval {
                    start,
                    end: interval.end,
                });
            }
        }
        Self { all: left }
    }

    pub(super) fn contains(&self, number: u64) -> bool {
        self.covers_interval(Interval {
            start: number,
            end: number.saturating_add(1),
        })
    }

    /// Whether all of `other` is in here.
    pub(super) fn covers(&self, other: &Self) -> bool {
        other.all.iter().all(|interval| self.covers_interval(*interval))
    }

    fn covers_interval(&self, interval: Interval) -> bool {
        let at = self.all.partition_point(|own| own.end <= interval.start);
        self.all
            .get(at)
            .is_some_and(|own| own.start <= interval.start && interval.end <= own.end)
    }
}

/// `:1-5:7`
impl fmt::Display for Intervals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Interval { start, end } in &self.all {
            match end - 1 {
                last if last == *start => write!(f, ":{start}")?,
                last => write!(f, ":{start}-{last}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn of(numbers: &[u64]) -> Intervals {
        let mut intervals = Intervals::default();
        numbers.iter().for_each(|n| intervals.insert(*n));
        intervals
    }

    #[test]
    fn an_inserted_number_joins_its_neighbours() {
        let cases: [(&[u64], &str); 6] = [
            (&[1, 2, 3], ":1-3"),
            (&[3, 2, 1], ":1-3"),
            (&[1, 3, 2], ":1-3"),
            (&[5, 1, 9], ":1:5:9"),
            (&[5, 5, 1, 1], ":1:5"),
            (&[MAX_NUMBER], ":9223372036854775806"),
        ];
        for (numbers, expected) in cases {
            assert_eq!(of(numbers).to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_order_gives_the_intervals_of_the_set(numbers in prop::collection::vec(1u64..80, 0..60)) {
            let sorted: Vec<u64> = numbers.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
            let mut at_once = Intervals::default();
            at_once.extend(numbers.iter().map(|n| Interval { start: *n, end: n + 1 }));
            prop_assert_eq!(&of(&numbers), &of(&sorted));
            prop_assert_eq!(&at_once, &of(&sorted));
            for pair in at_once.as_slice().windows(2) {
                prop_assert!(pair[0].end < pair[1].start);
            }
        }
    }
}
