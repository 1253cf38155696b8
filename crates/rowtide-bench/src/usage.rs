//! What processes and threads take, as the kernel counts it.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// What a program took from its start to its end.
#[derive(Clone, Copy, Debug)]
pub struct Finished {
    /// From start to end.
    pub wall: Duration,
    /// User and system time of all its threads, in steps of 10 ms.
    pub cpu: Duration,
    /// The most memory that was resident, in bytes.
    pub peak_memory: u64,
}

/// A program under observation. It is killed if it is dropped while it runs.
pub struct Observed {
    child: Child,
    begun: Instant,
    peak_memory: u64,
}

/// Between two looks at a running program.
const LOOK: Duration = Duration::from_millis(5);
/// The kernel's unit of times in `/proc/PID/stat`: USER_HZ is 100 on all of Linux's usual machines.
const TICK: Duration = Duration::from_millis(10);

impl Observed {
    /// Starts a program.
    pub fn start(command: &mut Command) -> Result<Observed> {
        let begun = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {command:?}"))?;
        Ok(Observed {
            child,
            begun,
            peak_memory: 0,
        })
    }

    /// When it was started.
    pub fn begun(&self) -> Instant {
        self.begun
    }

    /// Processor time of its threads up to now, those that have ended left out; exact to a tick of the kernel's clock.
    pub fn cpu(&self) -> Result<Duration> {
        cpu_of_threads(self.child.id())
    }

    /// User and system time of all its threads from its start, in steps of 10 ms.
    pub fn cpu_in_all(&self) -> Result<Duration> {
        Ok(Stat::of(self.child.id())?.cpu)
    }

    /// The most memory that was resident when it was looked at, in bytes.
    pub fn peak_memory(&self) -> u64 {
        self.peak_memory
    }

    /// Memory that is resident now, in bytes.
    pub fn memory(&self) -> Result<u64> {
        status_bytes(self.child.id(), "VmRSS:").context("the program has no memory any more")
    }

    /// Looks at it, and says whether it still runs.
    pub fn runs(&mut self) -> Result<bool> {
        let peak = status_bytes(self.child.id(), "VmHWM:");
        self.peak_memory = self.peak_memory.max(peak.unwrap_or_default());
        Ok(Stat::of(self.child.id())?.state != 'Z')
    }

    /// Waits for its end; what it did must have been successful.
    pub fn finish(mut self) -> Result<Finished> {
        while self.runs()? {
            thread::sleep(LOOK);
        }
        let wall = self.begun.elapsed();
        // A process that has ended keeps its times until it is waited for.
        let cpu = Stat::of(self.child.id())?.cpu;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("the measured program ended with {status}; what it said is above");
        }
        Ok(Finished {
            wall,
            cpu,
            peak_memory: self.peak_memory,
        })
    }

    /// Asks it to end, as a service manager does, and waits for it.
    pub fn stop(self) -> Result<Finished> {
        let pid = self.child.id().to_string();
        let asked = Command::new("sh")
            .args(["-c", "kill -TERM \"$1\"", "sh", &pid])
            .status()?;
        if !asked.success() {
            bail!("the measured program ended by itself; what it said is above");
        }
        self.finish()
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        // Both fail for a program that has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time that this thread has taken.
pub fn cpu_of_this_thread() -> Result<Duration> {
    // The kernel brings its count up to date when it schedules.
    thread::yield_now();
    schedstat(Path::new("/proc/thread-self/schedstat"))
}

/// Processor time that the living threads of this process have taken.
pub fn cpu_of_this_process() -> Result<Duration> {
    thread::yield_now();
    cpu_of_threads(std::process::id())
}

/// Processor time that all threads of this process have taken, those that have ended among them, in steps of 10 ms.
pub fn cpu_with_ended_threads() -> Result<Duration> {
    Ok(Stat::of(std::process::id())?.cpu)
}

fn cpu_of_threads(pid: u32) -> Result<Duration> {
    let mut sum = Duration::ZERO;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the two.
        sum += schedstat(&task?.path().join("schedstat")).unwrap_or_default();
    }
    Ok(sum)
}

fn schedstat(path: &Path) -> Result<Duration> {
    let text = fs::read_to_string(path)?;
    let first = text.split_whitespace().next().unwrap_or_default();
    let nanoseconds = first.parse().context("/proc/…/schedstat holds no number")?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn status_bytes(pid: u32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes << 10)
}

/// Of `/proc/PID/stat`.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    cpu: Duration,
}

impl Stat {
    fn of(pid: u32) -> Result<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("the measured program is gone")?;
        Stat::read(&text).context("/proc/PID/stat is not understood")
    }

    /// The program's name stands in brackets and may hold anything; the fields are counted from after it.
    fn read(text: &str) -> Option<Stat> {
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |at: usize| fields.get(at)?.parse::<u32>().ok();
        Some(Stat {
            state: fields.first()?.chars().next()?,
            cpu: TICK * (ticks(11)? + ticks(12)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let text = "12 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 25 0 0 20 0";
        let expected = Stat {
            state: 'S',
            cpu: Duration::from_millis(1750),
        };
        assert_eq!(Stat::read(text), Some(expected));
        assert_eq!(Stat::read("12 (x) S 1"), None);
    }

    #[test]
    fn a_program_is_observed_to_its_end() {
        let busy = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        let finished = Observed::start(Command::new("sh").args(["-c", busy]))
            .unwrap()
            .finish()
            .unwrap();
        assert!(finished.cpu <= finished.wall + TICK, "{finished:?}");
        assert!(finished.peak_memory > 1 << 16, "{finished:?}");
        let failed = Observed::start(&mut Command::new("false")).unwrap().finish();
        assert!(failed.unwrap_err().to_string().contains("exit status: 1"));
    }

    #[test]
    fn a_thread_that_works_takes_time() {
        let before = cpu_of_this_thread().unwrap();
        let mut work = 0u64;
        while cpu_of_this_thread().unwrap() == before {
            work = std::hint::black_box(work + 1);
        }
        assert!(cpu_of_this_process().unwrap() > before);
    }
}
