//! What the figures were taken on.

use std::fs;
use std::process::Command;

/// The machine and the versions of what ran on it, as lines of a list.
pub(super) fn describe() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    let mut add = |what: &str, text: Option<String>| {
        lines.extend(text.map(|text| (what.to_owned(), text)));
    };
    add("processor", processor());
    add(
        "memory",
        first_number("/proc/meminfo", "MemTotal:").map(|kb| format!("{:.1} GiB", kb / 1048576.0)),
    );
    add(
        "system",
        read("/proc/sys/kernel/osrelease").map(|release| format!("Linux {release}")),
    );
    add("compiler", said("rustc", &["--version"]));
    add("Java", said("java", &["-version"]));
    lines
}

/// The commit that is checked out; empty where there is no repository.
pub(super) fn commit() -> String {
    let output = Command::new("git")
        .args(["rev-parse", "--short=10", "HEAD"])
        .output();
    let said = output.ok().filter(|output| output.status.success());
    said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
        .unwrap_or_default()
}

/// The load average of the last minute, 0 where it is not known.
pub(super) fn load() -> f64 {
    let text = read("/proc/loadavg").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|load| load.parse().ok());
    first.unwrap_or_default()
}

fn processor() -> Option<String> {
    let text = read("/proc/cpuinfo")?;
    let names = text.lines().filter_map(|line| line.strip_prefix("model name"));
    let names: Vec<&str> = names
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']))
        .collect();
    Some(format!("{} × {}", names.len(), names.first()?))
}

fn first_number(path: &str, name: &str) -> Option<f64> {
    let text = read(path)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn read(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// The first line that a program says.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let mut text = output.stdout;
    text.extend(output.stderr);
    Some(String::from_utf8_lossy(&text).lines().next()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_described() {
        let lines = describe();
        let of = |name: &str| lines.iter().find(|(what, _)| what == name).unwrap().1.clone();
        assert!(of("memory").ends_with("GiB"));
        assert!(of("compiler").starts_with("rustc 1."));
        assert!(of("processor").contains('×'));
    }
}
