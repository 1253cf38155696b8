//! Dates and times as numbers, from the text that the server prints.

const MICROS: i64 = 1_000_000;
const MONTHS: [i64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Days from 1970-01-01 to `YYYY-MM-DD` where every year is as the calendar of today has it. The inner None is a date
/// that no calendar has; the outer is text that is no date.
pub(super) fn days(text: &str) -> Option<Option<i64>> {
    let mut parts = text.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    Some(days_of(year, month, day))
}

fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    /// From the first day of year 0 to 1970-01-01.
    const EPOCH: i64 = 719_528;
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let before = usize::try_from(month - 1).ok()?;
    let length = MONTHS.get(before)? + i64::from(month == 2 && is_leap(year));
    if day < 1 || day > length {
        return None;
    }
    let whole_years: i64 = (0..year).map(|year| 365 + i64::from(is_leap(year))).sum();
    let whole_months: i64 = MONTHS[..before].iter().sum();
    let leap_day = i64::from(month > 2 && is_leap(year));
    Some(whole_years + whole_months + leap_day + day - 1 - EPOCH)
}

/// Microseconds of a TIME, which may be negative and longer than a day.
pub(super) fn time(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':').map(|part| part.parse::<i64>().ok());
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    Some(sign * (((hours * 60 + minutes) * 60 + seconds) * MICROS + micros))
}

/// Microseconds from 1970-01-01 00:00:00 to a DATETIME; None within for a date that no calendar has.
pub(super) fn date_time(text: &str) -> Option<Option<i64>> {
    let (date, clock) = text.split_once(' ')?;
    let micros = time(clock)?;
    Some(days(date)?.map(|days| days * 86_400 * MICROS + micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_all_ages() {
        assert_eq!(days("1970-01-01"), Some(Some(0)));
        assert_eq!(days("1969-12-31"), Some(Some(-1)));
        assert_eq!(days("2000-03-01"), Some(Some(11_017)));
        assert_eq!(days("9999-12-31"), Some(Some(2_932_896)));
        assert_eq!(days("0001-01-01"), Some(Some(-719_162)));
        assert_eq!(days("0000-01-01"), Some(Some(-719_528)));
    }

    #[test]
    fn days_that_no_calendar_has() {
        for text in [
            "0000-00-00",
            "2020-02-00",
            "2021-02-29",
            "2021-04-31",
            "2020-00-01",
        ] {
            assert_eq!(days(text), Some(None), "{text}");
        }
        assert_eq!(days("no date"), None);
    }

    #[test]
    fn times_keep_their_sign() {
        assert_eq!(time("-00:00:00.01"), Some(-10_000));
        assert_eq!(time("838:59:59"), Some(3_020_399_000_000));
        assert_eq!(date_time("1969-12-31 23:59:58.5"), Some(Some(-1_500_000)));
        assert_eq!(date_time("0000-00-00 00:00:00"), Some(None));
    }
}
