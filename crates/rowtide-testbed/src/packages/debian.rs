//! Programs from Debian's packages, unpacked beside the system.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::cache::{Cache, progress};
use crate::command::{folder_size, run};
use crate::error::{Result, TestbedError, file};

/// Packages of a closure that only maintenance scripts use: not unpacked.
const UNUSED: [&str; 4] = ["perl_", "perl-", "libperl", "gcc-"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const APT_ADVICE: &str =
    "this way to get servers needs Debian's apt and dpkg; elsewhere use a container engine";

/// What is wanted of Debian.
#[derive(Debug)]
pub(super) struct Packages {
    /// The folder of the cache, and the name in what is said.
    pub(super) name: &'static str,
    /// The suite of Debian that has the version wanted.
    pub(super) suite: &'static str,
    /// Fetched with all they depend on. One with a minus behind it is never chosen to satisfy a dependency.
    pub(super) with_dependencies: &'static [&'static str],
    /// Fetched without what they depend on, for a few files of theirs.
    pub(super) alone: &'static [&'static str],
    /// How much is fetched, in MB, besides about 10 MB of lists.
    pub(super) megabytes: u32,
}

/// Packages unpacked into a folder with a system's layout, their C library included.
#[derive(Clone, Debug)]
pub(super) struct DebianRoot {
    root: PathBuf,
    libraries: Vec<PathBuf>,
    loader: PathBuf,
}

impl DebianRoot {
    /// Finds them in the cache, or fetches and unpacks them without being root.
    pub(super) fn fetch(cache: &Cache, packages: &Packages) -> Result<DebianRoot> {
        let folder = cache.once(packages.name, |part| {
            let archives = download(part, packages)?;
            unpack(&archives, &part.join("root"))?;
            let apt = part.join("apt");
            std::fs::remove_dir_all(&apt).map_err(file("remove", &apt))
        })?;
        DebianRoot::in_root(folder.join("root"))
    }

    /// A program of `usr/sbin` or `usr/bin`, run by the loader and the libraries that came with it.
    pub(super) fn command(&self, program: &str) -> Command {
        let system = self.root.join("usr/sbin").join(program);
        if system.is_file() {
            self.run(&system)
        } else {
            self.run(&self.root.join("usr/bin").join(program))
        }
    }

    /// Any program, run by the loader and the libraries of this folder.
    pub(super) fn run(&self, program: &Path) -> Command {
        let mut libraries = OsString::new();
        for folder in &self.libraries {
            libraries.push(folder);
            libraries.push(":");
        }
        let mut command = Command::new(&self.loader);
        command.arg("--library-path").arg(libraries).arg(program);
        command
    }

    /// The folder `usr`.
    pub(super) fn usr(&self) -> PathBuf {
        self.root.join("usr")
    }

    fn in_root(root: PathBuf) -> Result<DebianRoot> {
        // Older suites have libraries in `lib` too. In both, the folder of the machine's kind is searched for.
        let mut libraries = Vec::new();
        let mut loader = None;
        for lib in [root.join("usr/lib"), root.join("lib")] {
            for entry in std::fs::read_dir(&lib).into_iter().flatten().flatten() {
                let folder = entry.path();
                if entry.file_name().to_string_lossy().contains("-linux-gnu") {
                    loader = loader.or_else(|| loader_in(&folder));
                    libraries.push(folder);
                }
            }
        }
        let advice = format!("no ld-linux*.so in {}; remove it to fetch anew", root.display());
        let loader = loader.ok_or(TestbedError::Machine(advice))?;
        Ok(DebianRoot {
            root,
            libraries,
            loader,
        })
    }
}

fn loader_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut names = entries.flatten().map(|entry| entry.path());
    names.find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("ld-linux") && name.contains(".so.")
    })
}

/// Downloads the packages; returns the folder of the archives.
fn download(folder: &Path, packages: &Packages) -> Result<PathBuf> {
    let name = packages.name;
    let apt = folder.join("apt");
    let settings = write_settings(&apt, packages.suite)?;
    let archives = apt.join("cache/archives");
    let apt_get = |arguments: &[&str], wanted: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("APT_CONFIG", &settings)
            .env("LC_ALL", "C")
            .current_dir(&archives)
            .args(["-q", "-y"])
            .args(arguments)
            .args(wanted);
        run(&mut command, APT_ADVICE)
    };
    let begun = Instant::now();
    progress(&format!(
        "{name}: fetching the list of Debian's packages (about 10 MB)"
    ));
    apt_get(&["update"], &[])?;
    progress(&format!(
        "{name}: fetching packages (about {} MB)",
        packages.megabytes
    ));
    apt_get(&["--download-only", "install"], packages.with_dependencies)?;
    if !packages.alone.is_empty() {
        apt_get(&["download"], packages.alone)?;
    }
    let megabytes = folder_size(&archives)? / 1_000_000;
    progress(&format!(
        "{name}: {megabytes} MB fetched in {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    Ok(archives)
}

/// An apt that knows nothing of this system but where its packages come from: its `apt.conf`.
fn write_settings(apt: &Path, suite: &str) -> Result<PathBuf> {
    for folder in ["lists/partial", "cache/archives/partial"] {
        let folder = apt.join(folder);
        std::fs::create_dir_all(&folder).map_err(file("create", &folder))?;
    }
    let write = |name: &str, text: String| {
        let path = apt.join(name);
        std::fs::write(&path, text).map_err(file("write", &path))?;
        Ok::<PathBuf, TestbedError>(path)
    };
    write("status", String::new())?;
    let sources = format!("deb [signed-by={KEYRING}] {} {suite} main\n", archive_address()?);
    let sources = write("sources.list", sources)?;
    let place = |name: &str| apt.join(name).display().to_string();
    write(
        "apt.conf",
        format!(
            "Dir::Etc::sourcelist \"{}\";\nDir::Etc::sourceparts \"-\";\nDir::State::Lists \"{}\";\n\
             Dir::State::status \"{}\";\nDir::Cache \"{}\";\nAPT::Install-Recommends \"0\";\n\
             APT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\nAPT::Keep-Downloaded-Packages \"true\";\n\
             Acquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n",
            sources.display(),
            place("lists"),
            place("status"),
            place("cache")
        ),
    )
}

/// Where this machine gets Debian's packages from, read from its own apt sources.
fn archive_address() -> Result<String> {
    let mut texts = Vec::new();
    let folder = Path::new("/etc/apt/sources.list.d");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files.insert(0, PathBuf::from("/etc/apt/sources.list"));
    for path in files.iter().filter(|path| is_sources(path)) {
        texts.push(std::fs::read_to_string(path).unwrap_or_default());
    }
    texts
        .iter()
        .find_map(|text| first_debian_address(text))
        .ok_or_else(|| {
            TestbedError::Machine(format!(
                "no Debian archive in /etc/apt/sources.list or sources.list.d; {APT_ADVICE}"
            ))
        })
}

fn is_sources(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "sources" || extension == "list")
}

/// The first address of a Debian archive in an apt source file of either format.
///
/// An archive is Debian's own when its path ends in `/debian`; other vendors' archives stand in the same folder.
fn first_debian_address(text: &str) -> Option<String> {
    let mut words = text.lines().filter_map(|line| {
        let line = line.trim();
        line.strip_prefix("URIs:")
            .or_else(|| line.strip_prefix("deb "))
            .map(str::split_whitespace)
    });
    let is_archive = |word: &&str| word.contains("://") && word.trim_end_matches('/').ends_with("/debian");
    words
        .find_map(|mut words| words.find(is_archive))
        .map(str::to_owned)
}

fn unpack(archives: &Path, root: &Path) -> Result<()> {
    for entry in std::fs::read_dir(archives).map_err(file("list", archives))? {
        let path = entry.map_err(file("list", archives))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".deb") && !UNUSED.iter().any(|prefix| name.starts_with(prefix)) {
            run(Command::new("dpkg").arg("-x").arg(&path).arg(root), APT_ADVICE)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_archive_is_found_in_both_formats() {
        let new = "# note\nTypes: deb\nURIs: http://archive.test/debian\nSuites: bookworm\n";
        assert_eq!(
            first_debian_address(new).as_deref(),
            Some("http://archive.test/debian")
        );
        let old = "deb-src http://a.test/debian x main\ndeb [arch=amd64] http://b.test/debian/ x main\n";
        assert_eq!(
            first_debian_address(old).as_deref(),
            Some("http://b.test/debian/")
        );
    }

    #[test]
    fn archives_of_other_vendors_are_passed_over() {
        let vendor = "deb https://deb.vendor.test/node_22.x nodistro main\n";
        assert_eq!(first_debian_address(vendor), None);
        assert_eq!(
            first_debian_address("URIs: http://archive.test/debian-security\n"),
            None
        );
    }
}
