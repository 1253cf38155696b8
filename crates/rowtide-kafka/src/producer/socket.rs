//! Bytes to and from a broker over a socket that does not block, encrypted where that is asked for.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use mio::net::TcpStream;
use rdkafka::error::RDKafkaErrorCode as Code;
use rowtide_event::Malformed;
use rustls::ClientConnection;

use crate::security::{SecurityError, Tls};

/// A socket, and what it has not taken yet.
pub(super) struct Socket {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// Bytes that the socket has not taken yet; with TLS, they are in its session.
    out: VecDeque<Vec<u8>>,
    /// How much of the first of them it has taken.
    written: usize,
}

/// Why a connection ended.
#[derive(Debug, Clone)]
pub(super) struct Ended {
    /// What librdkafka calls it.
    pub code: Code,
    pub reason: String,
    /// No waiting mends it.
    pub refused: bool,
}

impl Ended {
    pub(super) fn broken(reason: impl ToString) -> Self {
        Self {
            code: Code::BrokerTransportFailure,
            reason: reason.to_string(),
            refused: false,
        }
    }

    pub(super) fn timed_out(what: &str) -> Self {
        Self {
            code: Code::OperationTimedOut,
            reason: format!("{what} took too long"),
            refused: false,
        }
    }
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::broken(error)
    }
}

impl From<SecurityError> for Ended {
    fn from(error: SecurityError) -> Self {
        let code = match &error {
            _ if !error.is_refused() => Code::BrokerTransportFailure,
            SecurityError::Mechanism { .. }
            | SecurityError::Login { .. }
            | SecurityError::Impostor(_)
            | SecurityError::Iterations(_) => Code::SaslAuthenticationFailed,
            _ => Code::SSL,
        };
        Self {
            code,
            reason: error.to_string(),
            refused: error.is_refused(),
        }
    }
}

impl From<Malformed> for Ended {
    fn from(malformed: Malformed) -> Self {
        Self::broken(format!("the broker does not speak as expected: {malformed}"))
    }
}

impl Socket {
    /// Begins to connect.
    ///
    /// # Errors
    /// If the system makes no socket, or TLS does not take the host's name.
    pub(super) fn open(address: SocketAddr, host: &str, tls: Option<&Tls>) -> Result<Self, Ended> {
        let mut session = tls.map(|tls| tls.session(host)).transpose()?.map(Box::new);
        if let Some(session) = &mut session {
            session.set_buffer_limit(None);
        }
        Ok(Self {
            stream: TcpStream::connect(address)?,
            tls: session,
            out: VecDeque::new(),
            written: 0,
        })
    }

    /// The system's socket, for who waits for it.
    pub(super) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Whether it is connected.
    ///
    /// # Errors
    /// If it never will be.
    pub(super) fn is_connected(&self) -> Result<bool, Ended> {
        if let Some(error) = self.stream.take_error()? {
            return Err(error.into());
        }
        match self.stream.peer_addr() {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether the two sides have still to agree on how to encrypt.
    pub(super) fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_handshaking())
    }

    /// Writes a message, or as much of it as the socket takes; the rest follows with [`flush`](Self::flush).
    ///
    /// # Errors
    /// If the connection has ended.
    pub(super) fn write(&mut self, message: Vec<u8>) -> Result<(), Ended> {
        match &mut self.tls {
            Some(tls) => tls.writer().write_all(&message)?,
            None => self.out.push_back(message),
        }
        self.flush()
    }

    /// Gives the socket what it takes of what waits.
    ///
    /// # Errors
    /// If the connection has ended.
    pub(super) fn flush(&mut self) -> Result<(), Ended> {
        while let Some(result) = self.write_some() {
            match result {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// One write to the socket; none if nothing waits.
    fn write_some(&mut self) -> Option<io::Result<()>> {
        if let Some(tls) = &mut self.tls {
            let wants = tls.wants_write();
            return wants.then(|| tls.write_tls(&mut self.stream).map(drop));
        }
        let message = self.out.front()?;
        let rest = message.get(self.written..).unwrap_or_default();
        let count = match self.stream.write(rest) {
            Ok(count) => count,
            Err(error) => return Some(Err(error)),
        };
        self.written = self.written.saturating_add(count);
        if self.written >= message.len() {
            self.out.pop_front();
            self.written = 0;
        }
        Some(Ok(()))
    }

    /// Appends all that is there to `input`.
    ///
    /// # Errors
    /// If the connection has ended.
    pub(super) fn read(&mut self, input: &mut Vec<u8>) -> Result<(), Ended> {
        loop {
            let read = match &mut self.tls {
                None => read_plain(&mut self.stream, input),
                Some(tls) => read_encrypted(tls, &mut self.stream, input)?,
            };
            match read {
                Ok(0) => return Err(Ended::broken("the broker has closed the connection")),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn read_plain(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<usize> {
    let mut chunk = [0; READ_BYTES];
    let count = stream.read(&mut chunk)?;
    input.extend_from_slice(chunk.get(..count).unwrap_or_default());
    Ok(count)
}

/// One read of the socket; the plain bytes go to `input`. What it returns is 0 only if the connection has ended.
fn read_encrypted(
    tls: &mut ClientConnection,
    stream: &mut TcpStream,
    input: &mut Vec<u8>,
) -> Result<io::Result<usize>, SecurityError> {
    let count = match tls.read_tls(stream) {
        Ok(count) => count,
        Err(error) => return Ok(Err(error)),
    };
    let state = match tls.process_new_packets() {
        Ok(state) => state,
        Err(error) => {
            // The alert that tells the broker why; the error says more than one about this.
            let _ = tls.write_tls(stream);
            return Err(error.into());
        }
    };
    let plain = u64::try_from(state.plaintext_bytes_to_read()).unwrap_or_default();
    Ok(tls.reader().take(plain).read_to_end(input).map(|_| count))
}

/// Bytes that are read at a time.
const READ_BYTES: usize = 16 << 10;
