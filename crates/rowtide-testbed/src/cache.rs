//! The folder where fetched servers stay between runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::command::folder_size;
use crate::error::{Result, TestbedError, file};

/// The cache folder: `ROWTIDE_TESTBED_CACHE`, else `rowtide-testbed` in `XDG_CACHE_HOME` or `~/.cache`.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens the cache folder of this user, made if missing.
    pub fn open() -> Result<Cache> {
        let named = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let folder = named("ROWTIDE_TESTBED_CACHE")
            .or_else(|| named("XDG_CACHE_HOME").map(|cache| cache.join("rowtide-testbed")))
            .or_else(|| named("HOME").map(|home| home.join(".cache/rowtide-testbed")))
            .ok_or_else(|| TestbedError::Machine("set ROWTIDE_TESTBED_CACHE or HOME".to_owned()))?;
        Cache::at(&folder)
    }

    /// Opens a cache folder at a given place, made if missing.
    pub fn at(folder: &Path) -> Result<Cache> {
        std::fs::create_dir_all(folder).map_err(file("create", folder))?;
        let folder = folder.canonicalize().map_err(file("find", folder))?;
        Ok(Cache { folder })
    }

    /// Where the cache is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder `name`, which `make` fills once.
    ///
    /// Processes that come at the same time wait for the first. `make` fills a folder beside, `<name>.part`, which
    /// stays when it fails, so that the next try goes on from there; only a full one gets the name.
    pub(crate) fn once(&self, name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        let ready = self.folder.join(name);
        if ready.is_dir() {
            return Ok(ready);
        }
        let lock_file = self.folder.join(format!("{name}.lock"));
        let lock = File::create(&lock_file).map_err(file("create", &lock_file))?;
        lock.lock().map_err(file("lock", &lock_file))?;
        if ready.is_dir() {
            return Ok(ready);
        }
        let part = self.folder.join(format!("{name}.part"));
        std::fs::create_dir_all(&part).map_err(file("create", &part))?;
        let begun = Instant::now();
        make(&part)?;
        std::fs::rename(&part, &ready).map_err(file("rename", &part))?;
        let megabytes = folder_size(&ready)? / 1_000_000;
        progress(&format!(
            "{name}: ready, {megabytes} MB in {:.1} s",
            begun.elapsed().as_secs_f64()
        ));
        Ok(ready)
    }
}

/// Says on standard error what is going on.
pub(crate) fn progress(line: &str) {
    eprintln!("rowtide-testbed: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_folder_is_made_once_and_a_failed_try_is_continued() {
        let scratch = Scratch::new("cache").unwrap();
        let cache = Cache::at(scratch.path()).unwrap();
        let failed = cache.once("thing", |part| {
            std::fs::write(part.join("a"), "1").unwrap();
            Err(TestbedError::Machine("stopped".to_owned()))
        });
        assert_eq!(failed.unwrap_err().to_string(), "stopped");
        assert!(!scratch.path().join("thing").exists());

        let made = cache.once("thing", |part| {
            assert_eq!(std::fs::read_to_string(part.join("a")).unwrap(), "1");
            Ok(())
        });
        let again = cache.once("thing", |_| panic!("made twice"));
        assert_eq!(made.unwrap(), again.unwrap());
    }

    #[test]
    fn those_who_come_together_wait_for_the_first() {
        let scratch = Scratch::new("cache").unwrap();
        let made = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let cache = Cache::at(scratch.path()).unwrap();
                    cache.once("thing", |_| {
                        made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        Ok(())
                    })
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }
}
