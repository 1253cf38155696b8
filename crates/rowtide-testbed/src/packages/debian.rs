//! MySQL's programs, from Debian's packages unpacked beside the system.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::cache::{Cache, progress};
use crate::command::{folder_size, run};
use crate::error::{Result, TestbedError, file};

/// The suite that has MySQL 9.7.
const SUITE: &str = "sid";
/// The last one, with the minus, keeps apt from choosing it to satisfy a dependency.
const PACKAGES: [&str; 3] = ["mysql-server-core", "mysql-client-core", "mariadb-server-core-"];
/// Packages of the closure that only MySQL's maintenance scripts use: not unpacked.
const UNUSED: [&str; 4] = ["perl_", "perl-", "libperl", "gcc-"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const APT_ADVICE: &str =
    "this way to get MySQL needs Debian's apt and dpkg; elsewhere use a container engine";

/// Where MySQL's programs are: a folder with a system's layout, its C library included.
#[derive(Clone, Debug)]
pub struct MySqlPrograms {
    root: PathBuf,
    libraries: PathBuf,
    loader: PathBuf,
}

impl MySqlPrograms {
    /// Finds them in the cache, or fetches and unpacks Debian's packages without being root.
    pub fn fetch(cache: &Cache) -> Result<MySqlPrograms> {
        let folder = cache.once("mysql-9.7", |part| {
            let archives = download(part)?;
            unpack(&archives, &part.join("root"))?;
            let apt = part.join("apt");
            std::fs::remove_dir_all(&apt).map_err(file("remove", &apt))
        })?;
        MySqlPrograms::in_root(folder.join("root"))
    }

    /// A program of `usr/sbin` or `usr/bin`, run by the loader and the libraries that came with it.
    pub fn command(&self, program: &str) -> Command {
        let system = self.root.join("usr/sbin").join(program);
        let path = if system.is_file() {
            system
        } else {
            self.root.join("usr/bin").join(program)
        };
        let mut command = Command::new(&self.loader);
        command.arg("--library-path").arg(&self.libraries).arg(path);
        command
    }

    /// The folder `usr`, MySQL's base directory.
    pub fn base(&self) -> PathBuf {
        self.root.join("usr")
    }

    fn in_root(root: PathBuf) -> Result<MySqlPrograms> {
        // Debian's folder for the machine's kind is the one in `usr/lib` that holds the loader.
        let lib = root.join("usr/lib");
        for entry in std::fs::read_dir(&lib).map_err(file("list", &lib))? {
            let libraries = entry.map_err(file("list", &lib))?.path();
            if let Some(loader) = loader_in(&libraries) {
                return Ok(MySqlPrograms {
                    root,
                    libraries,
                    loader,
                });
            }
        }
        Err(TestbedError::Machine(format!(
            "no ld-linux*.so in {}; remove it to fetch anew",
            lib.display()
        )))
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

/// Downloads the packages with all they depend on; returns the folder of the archives.
fn download(folder: &Path) -> Result<PathBuf> {
    let apt = folder.join("apt");
    let settings = write_settings(&apt)?;
    let apt_get = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("APT_CONFIG", &settings)
            .env("LC_ALL", "C")
            .args(["-q", "-y"])
            .args(arguments);
        run(&mut command, APT_ADVICE)
    };
    let begun = Instant::now();
    progress("mysql-9.7: fetching the list of Debian's packages (about 11 MB)");
    apt_get(&["update"])?;
    progress("mysql-9.7: fetching about 60 packages (about 66 MB)");
    let mut install = vec!["--download-only", "install"];
    install.extend(PACKAGES);
    apt_get(&install)?;
    let archives = apt.join("cache/archives");
    let megabytes = folder_size(&archives)? / 1_000_000;
    progress(&format!(
        "mysql-9.7: {megabytes} MB fetched in {:.1} s",
        begun.elapsed().as_secs_f64()
    ));
    Ok(archives)
}

/// An apt that knows nothing of this system but where its packages come from: its `apt.conf`.
fn write_settings(apt: &Path) -> Result<PathBuf> {
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
    let sources = format!("deb [signed-by={KEYRING}] {} {SUITE} main\n", archive_address()?);
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
