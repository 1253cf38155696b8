//! The reading thread: events from the source into the decoder, until told to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rowtide_binlog::client::{Client, SourceOptions};
use rowtide_binlog::decoder::Decoder;
use rowtide_binlog::replica::Replica;
use rowtide_binlog::server;
use rowtide_event::BinlogPosition;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::capture::{Capture, Pause};
use crate::error::Error;
use crate::resume::is_before;

/// Tells a stream to stop: set once, seen everywhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    shared: Arc<(AtomicBool, Notify)>,
}

impl Stop {
    /// From now on, everybody stops.
    pub(crate) fn set(&self) {
        self.shared.0.store(true, Ordering::SeqCst);
        self.shared.1.notify_waiters();
    }

    /// Whether it is set.
    pub(crate) fn is_set(&self) -> bool {
        self.shared.0.load(Ordering::SeqCst)
    }

    /// Waits until it is set.
    pub(crate) async fn wait(&self) {
        let notified = self.shared.1.notified();
        tokio::pin!(notified);
        // Registered before the flag is read, so that a stop between the two is not missed.
        notified.as_mut().enable();
        if !self.is_set() {
            notified.await;
        }
    }
}

/// Why reading ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It was told to stop.
    Stopped,
    /// The source had nothing new for as long as was asked for.
    Idle,
}

/// The source's events on their way to the decoder.
pub(crate) struct Ingest {
    pub(crate) replica: Replica,
    pub(crate) decoder: Decoder,
    pub(crate) capture: Capture,
    pub(crate) stop: Stop,
    /// The server, to be asked how far its binlog goes.
    pub(crate) source: SourceOptions,
    pub(crate) until_idle: Option<Duration>,
}

impl Ingest {
    /// Reads until told to stop, the source is idle, or something fails. Whatever was read whole by then is handed over.
    pub(crate) async fn run(mut self) -> Result<Ended, Error> {
        let ended = self.read().await;
        if self.is_to_be_given_up(&ended) {
            self.capture.give_up();
            return ended;
        }
        match self.capture.finish() {
            // Such a row stands before all that ended the reading.
            Err(error @ Error::LaidAside(_)) => Err(error),
            finished => ended.and_then(|ended| finished.map(|()| ended)),
        }
    }

    /// Whether rows were handed over that are not real, or are not all: where an event is missing, rows may be that stood
    /// before those of the same transaction that were handed over last.
    fn is_to_be_given_up(&self, ended: &Result<Ended, Error>) -> bool {
        if self.capture.is_inside_round() {
            return true;
        }
        match ended {
            Err(Error::RolledBack { .. } | Error::CutShort { .. }) => true,
            Err(error) => error.is_damage() && self.capture.has_cut_a_transaction(),
            Ok(_) => false,
        }
    }

    async fn read(&mut self) -> Result<Ended, Error> {
        self.capture.tell_of_tables()?;
        let mut news = Instant::now();
        while !self.stop.is_set() {
            if self.take_waiting()? {
                continue;
            }
            let pause = self.capture.source_is_idle(Pause::Begins)?;
            if self.capture.take_news() {
                news = Instant::now();
            }
            match self.wait_for_more(news, pause).await? {
                None => {}
                Some(Ended::Idle) if !self.is_at_end().await? => news = Instant::now(),
                Some(ended) => return Ok(ended),
            }
        }
        Ok(Ended::Stopped)
    }

    /// Whether everything in the server's binlog was read. Silence alone does not tell: a server may take many seconds
    /// to read an event of a gigabyte before it sends the first byte of it.
    async fn is_at_end(&mut self) -> Result<bool, Error> {
        if self.decoder.in_transaction() {
            return Ok(false);
        }
        let mut client = Client::connect(&self.source).await?;
        let status = server::binlog_status(&mut client).await?;
        client.close().await;
        let (file, pos) = self.decoder.position();
        let here = BinlogPosition::new(file, pos);
        Ok(status
            .is_none_or(|end| !is_before(&here, &end.position) || self.capture.has_executed(&end.executed)))
    }

    /// Decodes the next event if all of it is there already.
    fn take_waiting(&mut self) -> Result<bool, Error> {
        match self.replica.buffered_event()? {
            Some(event) => {
                self.decoder.feed(event, &mut self.capture)?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// Waits for the next event and decodes it. If none comes for as long as `pause`, what is gathered is handed over.
    async fn wait_for_more(
        &mut self,
        news: Instant,
        pause: Option<Duration>,
    ) -> Result<Option<Ended>, Error> {
        let idle = until(self.until_idle.map(|patience| news + patience));
        let since = pause.map(|_| Instant::now());
        let paused = until(since.zip(pause).map(|(since, pause)| since + pause));
        let event = tokio::select! {
            biased;
            () = self.stop.wait() => return Ok(Some(Ended::Stopped)),
            event = self.replica.next_event() => event?,
            () = paused => return self.capture.source_is_idle(Pause::IsOver).map(|_| None),
            () = idle => return Ok(Some(Ended::Idle)),
        };
        let event = event.ok_or(Error::SourceEnded)?;
        if let Some(since) = since {
            self.capture.waited(since.elapsed());
        }
        self.decoder.feed(event, &mut self.capture)?;
        Ok(None)
    }
}

/// Waits for a time, or for ever.
async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_is_seen_by_those_who_wait_and_by_those_who_come_later() {
        let stop = Stop::default();
        assert!(!stop.is_set());
        let waiting = tokio::spawn({
            let stop = stop.clone();
            async move { stop.wait().await }
        });
        stop.set();
        waiting.await.unwrap();
        stop.wait().await;
        assert!(stop.is_set());
    }
}
