//! A server's process, which never outlives the process that started it.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::command::{run, tail};
use crate::error::{Result, TestbedError, file};

/// Between two looks at a condition that is awaited.
pub(crate) const POLL: Duration = Duration::from_millis(25);
/// How long a server may take to come up or to go down.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A running server and its watchdog.
///
/// The watchdog is a shell that reads a pipe held open by this process. When this process ends, however it ends, the
/// pipe ends, and the shell kills the server and removes its folder.
#[derive(Debug)]
pub struct ServerProcess {
    name: &'static str,
    child: Child,
    watchdog: Child,
    _alive: Option<ChildStdin>,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts a server that logs to `log`; `scratch` is what the watchdog removes after it.
    pub fn start(
        name: &'static str,
        command: &mut Command,
        log: &Path,
        scratch: &Path,
    ) -> Result<ServerProcess> {
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(file("open", log))?;
        let errors = output.try_clone().map_err(file("open", log))?;
        // A group of its own: Ctrl-C in a terminal is for the program that uses the server.
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let child = spawn(command)?;
        let mut watchdog = spawn(&mut watchdog(child.id(), scratch))?;
        let alive = watchdog.stdin.take();
        Ok(ServerProcess {
            name,
            child,
            watchdog,
            _alive: alive,
            log: log.to_path_buf(),
        })
    }

    /// Waits until `ready` says so; fails when the server ends or takes longer than a minute and a half.
    pub fn await_ready(&mut self, mut ready: impl FnMut() -> bool) -> Result<()> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.exited()? {
                return Err(self.not_ready(format!("it ended with {status}")));
            }
            if ready() {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                return Err(self.not_ready(format!("no answer in {} s", PATIENCE.as_secs())));
            }
            thread::sleep(POLL);
        }
    }

    /// Waits for the end of a server that was asked to stop; kills it when it does not obey.
    pub fn await_exit(mut self) -> Result<()> {
        let begun = Instant::now();
        while self.exited()?.is_none() {
            if begun.elapsed() > PATIENCE {
                return Err(self.not_ready(format!("still there {} s after stop", PATIENCE.as_secs())));
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// Asks the server to end, by SIGTERM.
    pub fn terminate(&self) -> Result<()> {
        let pid = self.child.id().to_string();
        run(
            Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &pid]),
            "a POSIX shell is needed",
        )?;
        Ok(())
    }

    /// The process number, for measurements.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    fn exited(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .map_err(file("wait for the server that logs to", &self.log))
    }

    fn not_ready(&self, reason: String) -> TestbedError {
        let log = std::fs::read(&self.log).unwrap_or_default();
        TestbedError::NotReady {
            server: self.name,
            reason,
            log: tail(&log),
        }
    }
}

/// Ends the server as `kill -9` does.
impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Each may have ended already, and then there is nothing to do. The watchdog goes first, lest it kill a
        // stranger that was given the server's number.
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port on 127.0.0.1 that nobody listens on, below those that the kernel gives to outgoing connections.
pub fn free_port() -> Result<u16> {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that start together begin to look at different places.
    let offset = (std::process::id().wrapping_mul(7919) % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let port = FIRST + ((u32::from(offset) + u32::from(step)) % u32::from(COUNT)) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    Err(TestbedError::Machine(format!(
        "no free port on 127.0.0.1 from {FIRST} to {}",
        FIRST + COUNT
    )))
}

fn watchdog(server: u32, scratch: &Path) -> Command {
    // A dead server that nobody reaps still takes signals, hence the bound on waiting.
    let script = "read -r _; kill -9 \"$1\"; n=0; \
        while kill -0 \"$1\" 2>/dev/null && [ $n -lt 50 ]; do n=$((n+1)); sleep 0.1; done; rm -rf -- \"$2\"";
    let mut command = Command::new("sh");
    command
        .args(["-c", script, "rowtide-watchdog"])
        .arg(server.to_string())
        .arg(scratch);
    command
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().map_err(|source| TestbedError::Spawn {
        command: command.get_program().to_string_lossy().into_owned(),
        source,
        advice: "it is needed to run the server",
    })
}
