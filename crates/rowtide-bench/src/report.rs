//! What the parts found, kept as JSON between runs and written down as a page and a plot.

mod machine;
mod page;
mod plot;

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::Extent;

/// The result of one part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// A word for it, and the name of its file.
    pub name: String,
    /// Its heading.
    pub title: String,
    /// When it was measured, in seconds since 1970.
    pub taken_s: u64,
    /// The size of its workloads in percent of the full one.
    pub percent: u64,
    /// The load average of the last minute when it began.
    pub load: f64,
    /// The commit it was measured at; empty where it is not known.
    #[serde(default)]
    pub commit: String,
    /// What was measured with.
    pub facts: Vec<(String, String)>,
    /// What was measured.
    pub series: Vec<Series>,
    /// What it is held against.
    pub goals: Vec<Goal>,
    /// How the figures are to be read.
    pub notes: Vec<String>,
}

/// One quantity, round by round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Of what.
    pub what: String,
    /// Its unit.
    pub unit: String,
    /// A value a round.
    pub values: Vec<f64>,
}

/// A figure that was aimed at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    /// What it is about.
    pub what: String,
    /// Where it should lie.
    pub bound: Bound,
    /// Where it lies: the median.
    pub measured: f64,
    /// The unit of both.
    pub unit: String,
}

/// Where a figure should lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Bound {
    /// Not above.
    AtMost(f64),
    /// Not below.
    AtLeast(f64),
}

impl Part {
    /// An empty result that begins now.
    pub fn new(name: &str, title: &str, extent: &Extent) -> Part {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Part {
            name: name.to_owned(),
            title: title.to_owned(),
            taken_s: now.as_secs(),
            percent: extent.percent,
            load: machine::load(),
            commit: machine::commit(),
            facts: Vec::new(),
            series: Vec::new(),
            goals: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a fact.
    pub fn fact(&mut self, what: &str, text: impl Into<String>) {
        self.facts.push((what.to_owned(), text.into()));
    }

    /// Adds a series.
    pub fn series(&mut self, series: Series) {
        self.series.push(series);
    }

    /// Adds a goal.
    pub fn goal(&mut self, goal: Goal) {
        self.goals.push(goal);
    }

    /// Adds a note.
    pub fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }

    /// Writes it where [`write_page`] looks for it.
    pub fn write(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(format!("{}.json", self.name));
        fs::write(&path, serde_json::to_vec_pretty(self)?)
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

impl Series {
    /// A series.
    pub fn new(what: impl Into<String>, unit: &str, values: Vec<f64>) -> Series {
        Series {
            what: what.into(),
            unit: unit.to_owned(),
            values,
        }
    }
}

impl Goal {
    /// A goal and where things stand.
    pub fn new(what: &str, bound: Bound, measured: f64, unit: &str) -> Goal {
        Goal {
            what: what.to_owned(),
            bound,
            measured,
            unit: unit.to_owned(),
        }
    }

    /// Whether it is reached.
    pub fn is_met(&self) -> bool {
        self.share() <= 1.0
    }

    /// How much of what is allowed is used: above 1 it is missed.
    pub fn share(&self) -> f64 {
        match self.bound {
            Bound::AtMost(limit) => self.measured / limit,
            Bound::AtLeast(limit) => limit / self.measured,
        }
    }
}

/// Makes the page, and the plot beside it, of all results in a folder.
pub fn write_page(results: &Path, page: &Path) -> Result<()> {
    let parts = read_parts(results)?;
    let plot = page.with_extension("svg");
    let write = |path: &Path, text: String| {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    let plot_name = plot
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    write(page, page::page(&parts, &machine::describe(), &plot_name))?;
    let goals: Vec<&Goal> = parts.iter().flat_map(|part| &part.goals).collect();
    write(&plot, plot::goals(&goals))
}

/// The parts in the order of the page; those that were not measured are left out.
const ORDER: [&str; 9] = [
    "drain",
    "decode",
    "latency",
    "tables",
    "process",
    "start-history",
    "workers",
    "instructions",
    "peers",
];

fn read_parts(folder: &Path) -> Result<Vec<Part>> {
    let mut parts = Vec::new();
    for name in ORDER {
        let path = folder.join(format!("{name}.json"));
        if path.exists() {
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let part = serde_json::from_slice(&bytes)
                .with_context(|| format!("{} is of another version; measure again", path.display()))?;
            parts.push(part);
        }
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_on_its_side_of_the_bound() {
        let goal = |bound, measured| Goal::new("", bound, measured, "").is_met();
        assert!(goal(Bound::AtMost(3.0), 2.9) && !goal(Bound::AtMost(3.0), 3.1));
        assert!(goal(Bound::AtLeast(0.8), 0.9) && !goal(Bound::AtLeast(0.8), 0.7));
    }

    #[test]
    fn results_come_back_as_they_were_and_in_order() {
        let folder = rowtide_testbed::Scratch::new("results").unwrap();
        let extent = Extent {
            rounds: 1,
            percent: 3,
        };
        for name in ["latency", "drain"] {
            let mut part = Part::new(name, name, &extent);
            part.series(Series::new("x", "s", vec![1.0, 2.0]));
            part.goal(Goal::new("y", Bound::AtMost(1.0), 0.5, "s"));
            part.write(folder.path()).unwrap();
        }
        let parts = read_parts(folder.path()).unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["drain", "latency"]);
        assert_eq!(parts[0].series[0].values, [1.0, 2.0]);
        let page = folder.path().join("page.md");
        write_page(folder.path(), &page).unwrap();
        let text = fs::read_to_string(&page).unwrap();
        assert!(text.contains("| x | s | 1.5 | 1 | 2 | 2 |"), "{text}");
        assert!(text.contains("page.svg"));
        assert!(
            fs::read_to_string(page.with_extension("svg"))
                .unwrap()
                .starts_with("<svg")
        );
    }
}
