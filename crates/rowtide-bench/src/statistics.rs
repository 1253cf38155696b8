//! Medians, percentiles and spread.

/// What several rounds gave for one quantity.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The value in the middle.
    pub median: f64,
    /// The smallest value.
    pub min: f64,
    /// The largest value.
    pub max: f64,
}

impl Summary {
    /// Sums up at least one value.
    pub fn of(values: &[f64]) -> Option<Summary> {
        let sorted = sorted(values);
        Some(Summary {
            median: middle(&sorted)?,
            min: *sorted.first()?,
            max: *sorted.last()?,
        })
    }
}

/// The median of at least one value; with an even number of them, the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    middle(&sorted(values))
}

/// The value that so many percent of the values do not exceed, by the nearest rank.
pub fn percentile(values: &[f64], percent: usize) -> Option<f64> {
    let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
    sorted(values).get(place).copied()
}

/// The quotients of two series, pair by pair: what was measured in the same round. Where the second is zero, what it measured
/// was too short, and there is none.
pub fn quotients(numerators: &[f64], denominators: &[f64]) -> Vec<f64> {
    let pairs = numerators.iter().zip(denominators);
    pairs
        .map(|(n, d)| n / d)
        .filter(|quotient| quotient.is_finite())
        .collect()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn middle(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    match sorted.len() % 2 {
        1 => Some(upper),
        _ => sorted.get(half - 1).map(|lower| (lower + upper) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_stands_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
        let summary = Summary::of(&[5.0, 1.0, 2.0]).unwrap();
        assert_eq!((summary.min, summary.median, summary.max), (1.0, 2.0, 5.0));
    }

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let values: Vec<f64> = (1..=200).rev().map(f64::from).collect();
        assert_eq!(percentile(&values, 50), Some(100.0));
        assert_eq!(percentile(&values, 99), Some(198.0));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn quotients_are_of_the_same_round() {
        assert_eq!(quotients(&[6.0, 9.0], &[2.0, 3.0]), [3.0, 3.0]);
        assert_eq!(quotients(&[0.0, 1.0, 4.0], &[0.0, 0.0, 2.0]), [2.0]);
    }
}
