//! Requests that are waited for: to find brokers, and about transactions.

use std::time::{Duration, Instant};

use rdkafka::error::RDKafkaErrorCode as Code;

use super::connection::Received;
use super::fault::Fault;
use super::network::Node;
use super::{LOOK_AROUND, Producer, Wanted};
use crate::wire::{Api, ErrorCode};

/// What became of a request.
#[derive(Debug)]
pub(super) enum Answer {
    Body(Received),
    /// The connection ended before an answer came.
    Lost,
}

/// Whom to ask.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target {
    /// Any broker.
    Any,
    One(Node),
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Called {
    Answered(Received),
    /// It was sent, and nobody knows whether it arrived.
    Lost,
    /// It was not sent.
    NotConnected,
}

/// What came of one try of something that is tried until it works.
pub(super) enum Attempt<T> {
    Done(T),
    /// To be tried again a moment later; with the broker's reason, if it gave one.
    Again(Option<ErrorCode>),
}

impl Producer {
    /// Finds a broker that answers, and learns from it where the others are.
    pub(super) fn meet(&mut self, limit: Duration) -> Result<(), Fault> {
        self.describe(Wanted::These(&[]), limit)?;
        self.network.leave_bootstrap();
        Ok(())
    }

    /// Tries until it works, or `limit` is over. What a broker cannot explain is tried a few times.
    ///
    /// # Errors
    /// What `attempt` fails with; [`Fault::Unreachable`] if the time is over and no broker has said why.
    pub(super) fn insist<T>(
        &mut self,
        limit: Duration,
        mut attempt: impl FnMut(&mut Self, Instant) -> Result<Attempt<T>, Fault>,
    ) -> Result<T, Fault> {
        let until = Instant::now() + limit;
        let mut tries = 0_u32;
        loop {
            let error = match attempt(self, until)? {
                Attempt::Done(done) => return Ok(done),
                Attempt::Again(error) => error,
            };
            let is_unexplained = error == Some(ErrorCode::UNKNOWN_SERVER_ERROR) && tries >= UNEXPLAINED_TRIES;
            if is_unexplained || Instant::now() >= until {
                return Err(self.out_of_time(limit, error));
            }
            let wait = self.backoff(tries, error);
            tries = tries.saturating_add(1);
            self.rest(wait)?;
        }
    }

    /// How long to wait before another try. A coordinator that writes the markers of the transaction before is soon done,
    /// and so is a broker with a topic that was just made.
    pub(super) fn backoff(&self, tries: u32, error: Option<ErrorCode>) -> Duration {
        let (first, longest) = match error {
            Some(ErrorCode::CONCURRENT_TRANSACTIONS) => MARKERS_WAIT,
            Some(ErrorCode::NOT_LEADER_OR_FOLLOWER) => {
                let (first, longest) = self.settings.retry_backoff;
                (first.min(NEW_TOPIC_WAIT), longest)
            }
            _ => self.settings.retry_backoff,
        };
        first.saturating_mul(1 << tries.min(16)).min(longest)
    }

    fn out_of_time(&self, limit: Duration, error: Option<ErrorCode>) -> Fault {
        match error {
            Some(error) => Fault::refused_step(error),
            None => Fault::Unreachable {
                reason: self
                    .last_error
                    .clone()
                    .unwrap_or_else(|| Code::OperationTimedOut.to_string()),
                after: limit,
            },
        }
    }

    /// Does nothing but serve the sockets for a while.
    fn rest(&mut self, wait: Duration) -> Result<(), Fault> {
        let until = Instant::now() + wait;
        while let Some(left) = until
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
        {
            self.pump(left)?;
            self.check_refusal()?;
        }
        Ok(())
    }

    /// Sends a request, whose body is written for the version that the broker takes, and waits for its answer until `until`
    /// at most.
    ///
    /// # Errors
    /// If a broker refuses the connection for good, or does not know the request.
    pub(super) fn call(
        &mut self,
        target: Target,
        api: Api,
        until: Instant,
        body: impl FnOnce(&mut Vec<u8>, i16),
    ) -> Result<Called, Fault> {
        let Some(node) = self.await_connection(target, until)? else {
            return Ok(Called::NotConnected);
        };
        let Some(version) = self.network.version(node, api) else {
            return Err(Fault::no_version(api));
        };
        let timeout = self.settings.request_timeout;
        let ticket = self
            .network
            .send(node, api, version, timeout, |out| body(out, version));
        self.answers.insert(ticket, None);
        let answer = self.await_answer(ticket, until);
        self.answers.remove(&ticket);
        Ok(match answer? {
            Some(Answer::Body(received)) => Called::Answered(received),
            Some(Answer::Lost) | None => Called::Lost,
        })
    }

    fn await_answer(&mut self, ticket: u64, until: Instant) -> Result<Option<Answer>, Fault> {
        loop {
            if let Some(answer) = self.answers.get_mut(&ticket).and_then(Option::take) {
                return Ok(Some(answer));
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else {
                return Ok(None);
            };
            self.pump(left.min(LOOK_AROUND))?;
            self.check_refusal()?;
        }
    }

    /// The broker to ask, once it can be asked; none if it is not there before `until`, or
    /// one that was asked for cannot be connected to.
    fn await_connection(&mut self, target: Target, until: Instant) -> Result<Option<Node>, Fault> {
        loop {
            let node = match target {
                Target::Any => self.network.any(),
                Target::One(node) => Some(node),
            };
            if let Some(node) = node
                && self.network.is_ready(node)
            {
                return Ok(Some(node));
            }
            // Another one may have taken its place by now.
            let is_away = matches!(target, Target::One(node) if self.network.is_resting(node));
            let left = until.checked_duration_since(Instant::now()).filter(|_| !is_away);
            let Some(left) = left else {
                return Ok(None);
            };
            self.pump(left.min(LOOK_AROUND))?;
            self.check_refusal()?;
        }
    }

    /// Only what no waiting mends.
    fn check_refusal(&self) -> Result<(), Fault> {
        match &self.failed {
            Some(refused @ Fault::Refused { .. }) => Err(refused.clone()),
            _ => Ok(()),
        }
    }
}

/// How often a broker is asked again that has answered with an error that it did not expect.
const UNEXPLAINED_TRIES: u32 = 4;
/// The first wait for a broker that does not know yet that it leads a partition.
const NEW_TOPIC_WAIT: Duration = Duration::from_millis(10);
/// The first and the longest wait for a coordinator to write markers.
const MARKERS_WAIT: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(20));
