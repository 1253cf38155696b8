//! One connection to a broker, from its first byte to the login and on: requests out, answers in.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use rowtide_event::Malformed;

use super::settings::NetworkSettings;
use super::socket::{Ended, Socket};
use crate::security::{Answer, Login, Sasl, Security, SecurityError};
use crate::wire::api::{LENGTH_BYTES, frame, whole_answer};
use crate::wire::{Api, ErrorCode, Versions, api_versions, sasl};

/// A connection, and the requests under way on it.
pub(super) struct Connection {
    socket: Socket,
    sasl: Option<Sasl>,
    phase: Phase,
    versions: Versions,
    /// Bytes that are not a whole answer yet.
    input: Vec<u8>,
    pending: VecDeque<Pending>,
    next_correlation: i32,
    client_id: String,
    answer_bytes: usize,
    opened: Instant,
    /// When the login ends.
    expires: Option<Instant>,
}

/// How far a connection has come.
enum Phase {
    Connecting,
    Encrypting,
    AskingVersions,
    ChoosingMechanism,
    LoggingIn(Login),
    Ready,
}

/// A request without an answer yet.
struct Pending {
    correlation: i32,
    api: Api,
    version: i16,
    /// None for what the connection asks for itself.
    ticket: Option<u64>,
    deadline: Instant,
}

/// An answer to the request with this ticket.
#[derive(Debug)]
pub(super) struct Received {
    pub ticket: u64,
    pub version: i16,
    pub body: Vec<u8>,
}

impl Connection {
    /// Begins to connect.
    ///
    /// # Errors
    /// If the system makes no socket, or TLS does not take the host's name.
    pub(super) fn open(
        address: SocketAddr,
        host: &str,
        security: &Security,
        settings: &NetworkSettings,
    ) -> Result<Self, Ended> {
        Ok(Self {
            socket: Socket::open(address, host, security.tls.as_ref())?,
            sasl: security.sasl.clone(),
            phase: Phase::Connecting,
            versions: Versions::default(),
            input: Vec::new(),
            pending: VecDeque::new(),
            next_correlation: 1,
            client_id: settings.client_id.clone(),
            answer_bytes: settings.answer_bytes,
            opened: Instant::now(),
            expires: None,
        })
    }

    /// The socket, for who waits for it.
    pub(super) fn stream(&mut self) -> &mut TcpStream {
        self.socket.stream()
    }

    /// Whether requests can be sent.
    pub(super) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Since it was begun.
    pub(super) fn age(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Requests under way.
    pub(super) fn in_flight(&self) -> usize {
        self.pending.len()
    }

    /// The tickets of the requests under way.
    pub(super) fn tickets(&self) -> impl Iterator<Item = u64> {
        self.pending.iter().filter_map(|pending| pending.ticket)
    }

    /// Whether the login is about to end, and nothing is under way.
    pub(super) fn is_outdated(&self, now: Instant) -> bool {
        self.pending.is_empty() && self.expires.is_some_and(|expires| expires <= now)
    }

    /// The version in which the broker takes a request.
    pub(super) fn version(&self, api: Api) -> Option<i16> {
        self.versions.of(api)
    }

    /// Sends a request, whose answer will come with this ticket.
    ///
    /// # Errors
    /// If the connection has ended.
    pub(super) fn send(
        &mut self,
        api: Api,
        version: i16,
        ticket: u64,
        timeout: Duration,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Ended> {
        self.request(api, version, Some(ticket), timeout, body)
    }

    fn request(
        &mut self,
        api: Api,
        version: i16,
        ticket: Option<u64>,
        timeout: Duration,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Ended> {
        let correlation = self.next_correlation;
        self.next_correlation = correlation.wrapping_add(1);
        let frame = frame(api, version, correlation, &self.client_id, body);
        self.pending.push_back(Pending {
            correlation,
            api,
            version,
            ticket,
            deadline: Instant::now() + timeout,
        });
        self.socket.write(frame)
    }

    /// When to look again whether something takes too long.
    pub(super) fn deadline(&self, setup: Duration) -> Option<Instant> {
        match self.is_ready() {
            true => self.pending.front().map(|pending| pending.deadline),
            false => Some(self.opened + setup),
        }
    }

    /// # Errors
    /// If an answer, or the connection itself, takes too long.
    pub(super) fn check_time(&self, now: Instant, setup: Duration) -> Result<(), Ended> {
        match self.deadline(setup) {
            Some(deadline) if deadline <= now && self.is_ready() => Err(Ended::timed_out("an answer")),
            Some(deadline) if deadline <= now => Err(Ended::timed_out("connecting")),
            _ => Ok(()),
        }
    }

    /// Takes what the socket has, gives it what it takes, and hands the answers to `received`.
    ///
    /// # Errors
    /// If the connection has ended.
    pub(super) fn progress(
        &mut self,
        setup: Duration,
        received: &mut impl FnMut(Received),
    ) -> Result<(), Ended> {
        if matches!(self.phase, Phase::Connecting) && !self.finish_connecting(setup)? {
            return Ok(());
        }
        // What came before the end counts: a broker that refuses a login says so and closes.
        let read = self.socket.read(&mut self.input);
        if read.is_ok() && matches!(self.phase, Phase::Encrypting) {
            self.socket.flush()?;
            if self.socket.is_handshaking() {
                return Ok(());
            }
            self.ask_versions(setup)?;
        }
        self.take_answers(setup, received)?;
        read?;
        self.socket.flush()
    }

    /// Whether the socket is connected.
    fn finish_connecting(&mut self, setup: Duration) -> Result<bool, Ended> {
        if !self.socket.is_connected()? {
            return Ok(false);
        }
        if self.socket.is_handshaking() {
            self.phase = Phase::Encrypting;
            self.socket.flush()?;
        } else {
            self.ask_versions(setup)?;
        }
        Ok(true)
    }

    fn ask_versions(&mut self, setup: Duration) -> Result<(), Ended> {
        self.phase = Phase::AskingVersions;
        self.request(Api::Versions, 0, None, setup, |_| {})
    }

    fn take_answers(&mut self, setup: Duration, received: &mut impl FnMut(Received)) -> Result<(), Ended> {
        let input = std::mem::take(&mut self.input);
        let mut rest = input.as_slice();
        while let Some(answer) = whole_answer(rest, self.answer_bytes)? {
            let taken = answer.len().saturating_add(LENGTH_BYTES);
            rest = rest.get(taken..).unwrap_or_default();
            self.take_answer(answer, setup, received)?;
        }
        // What came meanwhile would be a second reader's: there is none.
        self.input = match rest.len() == input.len() {
            true => input,
            false => rest.to_vec(),
        };
        Ok(())
    }

    fn take_answer(
        &mut self,
        answer: &[u8],
        setup: Duration,
        received: &mut impl FnMut(Received),
    ) -> Result<(), Ended> {
        let (correlation, body) = answer
            .split_first_chunk::<4>()
            .ok_or(Malformed::Truncated("a broker's answer"))?;
        let Some(pending) = self.pending.pop_front() else {
            return Err(Malformed::Invalid("an answer to no request").into());
        };
        if pending.correlation != i32::from_be_bytes(*correlation) {
            return Err(Malformed::Invalid("the number of an answer").into());
        }
        match pending.ticket {
            Some(ticket) => received(Received {
                ticket,
                version: pending.version,
                body: body.to_vec(),
            }),
            None => self.take_own_answer(&pending, body, setup)?,
        }
        Ok(())
    }

    fn take_own_answer(&mut self, pending: &Pending, body: &[u8], setup: Duration) -> Result<(), Ended> {
        match pending.api {
            Api::Versions => {
                let (error, versions) = api_versions::response(body)?;
                if error != ErrorCode::NONE {
                    return Err(Ended::broken(error.code()));
                }
                self.versions = versions;
                self.begin_login(setup)
            }
            Api::SaslHandshake => {
                let (error, mechanisms) = sasl::handshake_response(body)?;
                if error != ErrorCode::NONE {
                    let mechanism = self.mechanism();
                    let offered = mechanisms.join(", ");
                    return Err(SecurityError::Mechanism { mechanism, offered }.into());
                }
                self.first_message(setup)
            }
            _ => self.next_message(pending.version, body, setup),
        }
    }

    fn begin_login(&mut self, setup: Duration) -> Result<(), Ended> {
        let Some(mechanism) = self.sasl.as_ref().map(Sasl::mechanism) else {
            self.phase = Phase::Ready;
            return Ok(());
        };
        let version = self.version(Api::SaslHandshake).ok_or_else(no_login)?;
        self.phase = Phase::ChoosingMechanism;
        self.request(Api::SaslHandshake, version, None, setup, |out| {
            sasl::handshake_request(out, mechanism);
        })
    }

    fn first_message(&mut self, setup: Duration) -> Result<(), Ended> {
        let login = self.sasl.as_ref().map(Sasl::login).ok_or_else(no_login)?;
        let mut login = login?;
        let message = login.first();
        self.phase = Phase::LoggingIn(login);
        self.authenticate(&message, setup)
    }

    fn next_message(&mut self, version: i16, body: &[u8], setup: Duration) -> Result<(), Ended> {
        let answer = sasl::authenticate_response(body, version)?;
        if answer.error != ErrorCode::NONE {
            let reason = answer.reason.unwrap_or("it gives no reason").to_owned();
            let mechanism = self.mechanism();
            return Err(match answer.error {
                ErrorCode::SASL_AUTHENTICATION_FAILED => SecurityError::Login { mechanism, reason }.into(),
                _ => Ended::broken(reason),
            });
        }
        self.expires = answer
            .lifetime
            .map(|lifetime| Instant::now() + lifetime.mul_f64(LIFETIME_USED));
        let Phase::LoggingIn(login) = &mut self.phase else {
            return Err(Malformed::Invalid("a login that nobody began").into());
        };
        match login.challenge(answer.message)? {
            Answer::Send(message) => self.authenticate(&message, setup),
            Answer::Done => {
                self.phase = Phase::Ready;
                Ok(())
            }
        }
    }

    fn mechanism(&self) -> &'static str {
        self.sasl.as_ref().map(Sasl::mechanism).unwrap_or_default()
    }

    fn authenticate(&mut self, message: &[u8], setup: Duration) -> Result<(), Ended> {
        let version = self.version(Api::SaslAuthenticate).ok_or_else(no_login)?;
        self.request(Api::SaslAuthenticate, version, None, setup, |out| {
            sasl::authenticate_request(out, message);
        })
    }
}

fn no_login() -> Ended {
    let (mechanism, reason) = ("SASL", "the broker knows no login".to_owned());
    SecurityError::Login { mechanism, reason }.into()
}

/// How much of a login's lifetime is used before there is a new one.
const LIFETIME_USED: f64 = 0.85;
