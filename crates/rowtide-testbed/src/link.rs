//! Where a link takes connections.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::error::{Result, TestbedError};

/// A free port of 127.0.0.1 that takes connections until it is dropped.
#[derive(Debug)]
pub(crate) struct Entrance {
    port: u16,
    closed: Arc<AtomicBool>,
}

impl Entrance {
    /// Hands each connection to `take`, which must not wait for anything.
    pub(crate) fn open(mut take: impl FnMut(TcpStream) + Send + 'static) -> Result<Entrance> {
        let failed = |e: io::Error| TestbedError::Machine(format!("cannot listen for a link: {e}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let closed = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&closed);
        thread::spawn(move || {
            for client in listener.incoming().map_while(io::Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                take(client);
            }
        });
        Ok(Entrance { port, closed })
    }

    /// The port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // Wakes the listener, which then sees that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}
