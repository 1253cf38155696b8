//! The page.

use std::fmt::Write;

use super::{Bound, Goal, Part};
use crate::statistics::Summary;

/// The page as Markdown.
pub(super) fn page(parts: &[Part], machine: &[(String, String)], plot: &str) -> String {
    let mut text = INTRODUCTION.to_owned();
    list(&mut text, machine);
    conditions(&mut text, parts);
    goals(&mut text, parts, plot);
    for part in parts {
        section(&mut text, part);
    }
    text
}

const INTRODUCTION: &str = "# Benchmarks\n\n\
    <!-- Written by `make bench`; do not edit. -->\n\n\
    Every figure is from a run on real servers, and what is compared ran in turn in the same run: the ratios are what \
    counts, since they move less with the machine than the figures do. Server, broker and Rowtide share the machine. \
    Medians, with the smallest and the largest value of the rounds beside them.\n\n\
    ```console\n\
    $ make bench                                      # all of it\n\
    $ make bench BENCH=\"--parts drain,latency --rounds 7\"  # some of it; the page keeps the other parts' last results\n\
    $ make bench-peers                                # Debezium at the same work\n\
    ```\n\n\
    ## Machine and versions\n\n";

fn list(text: &mut String, lines: &[(String, String)]) {
    for (what, value) in lines {
        line(text, format_args!("- {what}: {value}"));
    }
}

/// When each part ran, and what else the machine had to do.
fn conditions(text: &mut String, parts: &[Part]) {
    line(
        text,
        format_args!(
            "\n| part | taken (UTC) | commit | workload | load average before |\n|---|---|---|---|---|"
        ),
    );
    for part in parts {
        line(
            text,
            format_args!(
                "| {} | {} | {} | {} % | {:.1} |",
                part.title,
                date(part.taken_s),
                part.commit,
                part.percent,
                part.load
            ),
        );
    }
    line(text, format_args!("{LOAD}"));
    if parts.iter().any(|part| part.percent != 100) {
        line(text, format_args!("{SMALL}"));
    }
}

const LOAD: &str = "\nA load average before a part that is well above 0 says that the machine was shared with other work: \
    the figures are then lower than the machine can do, and their spread is large.";
const SMALL: &str =
    "\n**Workloads below 100 % are for trying the measurements out; their figures say little.**";

fn goals(text: &mut String, parts: &[Part], plot: &str) {
    line(
        text,
        format_args!("\n## Goals\n\n![Share of what is allowed]({plot})\n"),
    );
    line(
        text,
        format_args!("| goal | aimed at | measured | |\n|---|---|---|---|"),
    );
    for goal in parts.iter().flat_map(|part| &part.goals) {
        line(
            text,
            format_args!(
                "| {} | {} | {} {} | {} |",
                goal.what,
                bound(goal),
                number(goal.measured),
                goal.unit,
                if goal.is_met() { "met" } else { "**missed**" }
            ),
        );
    }
}

fn bound(goal: &Goal) -> String {
    match goal.bound {
        Bound::AtMost(limit) => format!("≤ {} {}", number(limit), goal.unit),
        Bound::AtLeast(limit) => format!("≥ {} {}", number(limit), goal.unit),
    }
}

fn section(text: &mut String, part: &Part) {
    line(text, format_args!("\n## {}\n", part.title));
    for note in &part.notes {
        line(text, format_args!("{note}\n"));
    }
    list(text, &part.facts);
    line(
        text,
        format_args!("\n| what | unit | median | min | max | rounds |\n|---|---|---|---|---|---|"),
    );
    for series in &part.series {
        if let Some(summary) = Summary::of(&series.values) {
            line(
                text,
                format_args!(
                    "| {} | {} | {} | {} | {} | {} |",
                    series.what,
                    series.unit,
                    number(summary.median),
                    number(summary.min),
                    number(summary.max),
                    series.values.len()
                ),
            );
        }
    }
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{line}");
}

/// A number with about three digits that count, and commas between thousands.
pub(super) fn number(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => return with_commas(value),
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn with_commas(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds since 1970 as `2026-11-21 10:04`.
fn date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    format!(
        "{year}-{month:02}-{day:02} {:02}:{:02}",
        rest / 3600,
        rest % 3600 / 60
    )
}

/// Year, month and day of a number of days since 1970.
fn civil(mut days: u64) -> (u64, u64, u64) {
    let mut year = 1970;
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 0.05, 1.0, 2.346, 45.67, 1234567.8, -1000.0].map(number);
        assert_eq!(texts, ["0", "0.05", "1", "2.35", "45.7", "1,234,568", "-1,000"]);
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00");
        assert_eq!(date(951_782_399), "2000-02-28 23:59");
        assert_eq!(date(951_782_400), "2000-02-29 00:00");
        assert_eq!(date(1_795_250_912), "2026-11-21 08:48");
    }
}
