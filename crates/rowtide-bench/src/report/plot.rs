//! The plot: how much of what is allowed each figure uses.

use super::Goal;

const ROW: f64 = 24.0;
const TEXT: f64 = 470.0;
const PLOT: f64 = 420.0;
const TOP: f64 = 40.0;
/// The scale goes from a hundredth of what is allowed to ten times that.
const LOW: f64 = -2.0;
const HIGH: f64 = 1.0;

/// A bar for each goal on a logarithmic scale, with a line where the goal is.
pub(super) fn goals(goals: &[&Goal]) -> String {
    let (width, height) = (TEXT + PLOT + 110.0, TOP + ROW * goals.len() as f64 + 12.0);
    let rows: String = goals.iter().enumerate().map(|(at, goal)| row(at, goal)).collect();
    let marks: String = [0.01, 0.1, 1.0, 10.0]
        .iter()
        .map(|share| mark(*share, height))
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"16\" font-weight=\"bold\">Share of what is allowed; left of 1 the goal is met</text>\n\
         {marks}{rows}</svg>\n"
    )
}

fn row(at: usize, goal: &Goal) -> String {
    let y = TOP + ROW * at as f64;
    let end = place(goal.share());
    let colour = if goal.is_met() { "#2a7" } else { "#c43" };
    format!(
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"end\">{}</text>\
         <rect x=\"{TEXT}\" y=\"{:.0}\" width=\"{:.1}\" height=\"14\" fill=\"{colour}\"/>\
         <text x=\"{:.1}\" y=\"{:.0}\">{} {}</text>\n",
        TEXT - 8.0,
        y + 15.0,
        escaped(&goal.what),
        y + 4.0,
        end - TEXT,
        end + 6.0,
        y + 15.0,
        super::page::number(goal.measured),
        escaped(&goal.unit),
    )
}

fn mark(share: f64, height: f64) -> String {
    let x = place(share);
    let stroke = if share == 1.0 { "#333" } else { "#ccc" };
    format!(
        "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{:.0}\" stroke=\"{stroke}\"/>\
         <text x=\"{x:.1}\" y=\"{:.0}\" text-anchor=\"middle\" fill=\"#666\">{share}</text>\n",
        height - 8.0,
        TOP - 6.0,
    )
}

fn place(share: f64) -> f64 {
    TEXT + PLOT * ((share.log10() - LOW) / (HIGH - LOW)).clamp(0.0, 1.0)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::Bound;
    use super::*;

    #[test]
    fn bars_end_where_the_share_is() {
        assert_eq!((place(0.0), place(0.01)), (TEXT, TEXT));
        assert_eq!(place(1.0), TEXT + PLOT * 2.0 / 3.0);
        assert_eq!(place(1e9), TEXT + PLOT);
    }

    #[test]
    fn a_missed_goal_has_another_colour() {
        let met = Goal::new("a < b", Bound::AtMost(2.0), 1.0, "s");
        let missed = Goal::new("c", Bound::AtMost(2.0), 4.0, "s");
        let svg = goals(&[&met, &missed]);
        assert!(svg.contains("a &lt; b") && svg.contains("#2a7") && svg.contains("#c43"));
    }
}
