//! The stream of binlog events that a server sends to a replica.

mod refused;

use std::collections::BTreeSet;
use std::time::Duration;

use rowtide_event::{BinlogPosition, Flavour, GtidSet, Malformed};
use tokio::time::Instant;
use uuid::Uuid;

pub use self::refused::DumpRefused;

use crate::client::{Client, ClientError, Link, QueryResult, ServerError};
use crate::decoder::LeftOut;
use crate::event::Checksum;
use crate::server::ServerVersion;
use crate::wire::command::{self, dump_flag};
use crate::wire::packet::{MAX_PACKET, PacketError};
use crate::wire::response::is_eof;

/// Where a stream begins.
#[derive(Debug, Clone, PartialEq)]
pub enum DumpFrom {
    /// With the first transaction that is not in the set.
    Gtid(GtidSet),
    /// With the event at the position.
    Position(BinlogPosition),
}

/// How a replica presents itself and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaOptions {
    /// A number that no other server or replica has; not 0.
    pub server_id: u32,
    /// What `SHOW REPLICAS` shows as the host. Together with the server id it makes the replica's uuid: a second
    /// replica with the same two replaces the first on the server.
    pub name: String,
    /// How often the server sends a sign of life when it has nothing else to send. After three of them missing the
    /// connection counts as dead. At least a millisecond.
    pub heartbeat_period: Duration,
    /// The longest event that is accepted, in bytes.
    pub max_event_bytes: usize,
    /// Whether the server waits for new events at the end of its binlog; if not, the stream ends there.
    pub follow: bool,
}

impl ReplicaOptions {
    /// A replica called `rowtide` that follows the binlog, with a heartbeat every ten seconds.
    pub fn new(server_id: u32) -> Self {
        Self {
            server_id,
            name: "rowtide".to_owned(),
            heartbeat_period: Duration::from_secs(10),
            max_event_bytes: MAX_PACKET,
            follow: true,
        }
    }

    /// The replica's uuid: the same whenever server id and name are.
    pub fn uuid(&self) -> Uuid {
        Uuid::new_v5(
            &Uuid::NAMESPACE_OID,
            format!("rowtide:{}:{}", self.server_id, self.name).as_bytes(),
        )
    }

    fn flags(&self) -> u16 {
        if self.follow {
            dump_flag::HEARTBEAT_V2
        } else {
            dump_flag::HEARTBEAT_V2 | dump_flag::NON_BLOCK
        }
    }

    fn deadline(&self) -> Duration {
        self.heartbeat_period.saturating_mul(3)
    }
}

/// Why a stream cannot begin or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplicaError {
    /// The connection, or a query before the stream.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The server ended the stream, or never began it.
    #[error(transparent)]
    Refused(#[from] DumpRefused),
    /// Not even a heartbeat came.
    #[error("the server has sent nothing for {} s, not even a heartbeat; the connection counts as dead", .0.as_secs_f64())]
    Timeout(Duration),
    /// A position that the protocol cannot say.
    #[error(
        "{0} cannot be asked for: without GTIDs the protocol reaches only the first 4 GiB of a file; start from a GTID \
         set, or from the beginning of a file"
    )]
    PositionTooLarge(BinlogPosition),
    /// The set cannot be sent.
    #[error("the GTID set to start from exceeds 4 GiB")]
    GtidSetTooLarge,
    /// The set is of the other kind of server.
    #[error(
        "{server} cannot start from {set}: a GTID is written UUID:NUMBER on MySQL and DOMAIN-SERVER-NUMBER on MariaDB"
    )]
    GtidFlavour {
        /// Whose server it is.
        server: Flavour,
        /// The set that was given.
        set: GtidSet,
    },
    /// A checksum algorithm that is not known.
    #[error("the server's binlog_checksum is {0}, which is not known; set it to CRC32 on the server")]
    Checksum(String),
}

impl ReplicaError {
    /// Whether the server no longer has what the stream was to begin with.
    pub fn is_purged(&self) -> bool {
        matches!(self, Self::Refused(DumpRefused::Purged(_)))
    }

    /// Whether another replica has come with the same server id or uuid.
    pub fn is_duplicate_server_id(&self) -> bool {
        matches!(self, Self::Refused(DumpRefused::DuplicateReplica(_)))
    }

    /// Whether what came is no packet of a stream: if bytes of it were changed on the way, they will come right when they
    /// are sent again.
    pub fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Client(ClientError::Protocol(_) | ClientError::Packet(PacketError::TooLarge { .. }))
        )
    }

    /// Whether the same again may succeed with nothing changed.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Client(error) => error.is_retriable(),
            Self::Refused(reason) => reason.is_retriable(),
            Self::Timeout(_) => true,
            _ => false,
        }
    }
}

impl From<PacketError> for ReplicaError {
    fn from(error: PacketError) -> Self {
        Self::Client(error.into())
    }
}

impl From<Malformed> for ReplicaError {
    fn from(error: Malformed) -> Self {
        Self::Client(error.into())
    }
}

/// A running stream of events.
pub struct Replica {
    link: Link,
    checksum: Checksum,
    left_out: LeftOut,
    deadline: Duration,
    /// Since when bytes are waited for, over all calls that were given up; `None` if the last wait had its bytes.
    waiting_since: Option<Instant>,
    ended: bool,
}

impl Replica {
    /// Registers as a replica and asks for the stream. What the server thinks of the place to start from, the first
    /// [`next_event`](Self::next_event) tells.
    ///
    /// # Errors
    /// If a setting is refused, the place cannot be asked for, or the connection breaks.
    pub async fn start(
        mut client: Client,
        from: &DumpFrom,
        options: &ReplicaOptions,
    ) -> Result<Self, ReplicaError> {
        let flavour = flavour(&client);
        let dump = dump_command(from, flavour, options)?;
        let checksum = prepare_session(&mut client, options).await?;
        if flavour == Flavour::MariaDb {
            prepare_mariadb(&mut client, from).await?;
        }
        let mut link = client.into_link()?;
        link.command(&command::register_replica(options.server_id, &options.name))
            .await?;
        let answer = link.read_packet().await?;
        if ServerError::is_in(answer) {
            return Err(DumpRefused::from(ServerError::read(answer)?).into());
        }
        // One byte stands before an event.
        link.packets.set_limit(options.max_event_bytes.saturating_add(1));
        link.command(&dump).await?;
        Ok(Self {
            link,
            checksum,
            left_out: left_out(flavour, from),
            deadline: options.deadline(),
            waiting_since: None,
            ended: false,
        })
    }

    /// How the events are protected until a FORMAT_DESCRIPTION says otherwise.
    pub fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// What the server leaves out, as a decoder has to know it.
    pub fn left_out(&self) -> LeftOut {
        self.left_out.clone()
    }

    /// The next event from header to checksum, valid until the next call; `None` at the end of a stream that does not
    /// follow the binlog.
    ///
    /// A call can be given up (by `select!`, say) and made again: nothing is lost, and the time without a sign of life
    /// goes on counting.
    ///
    /// # Errors
    /// See [`ReplicaError`]; the stream is of no use afterwards.
    pub async fn next_event(&mut self) -> Result<Option<&[u8]>, ReplicaError> {
        if self.ended {
            return Ok(None);
        }
        while !self.link.packets.advance()? {
            self.read_more().await?;
        }
        self.event()
    }

    /// The next event if all of its bytes have already been received, without waiting: `None` says that
    /// [`next_event`](Self::next_event) would wait, or that the stream is at its end.
    ///
    /// # Errors
    /// As [`next_event`](Self::next_event).
    pub fn buffered_event(&mut self) -> Result<Option<&[u8]>, ReplicaError> {
        if self.ended || !self.link.packets.advance()? {
            return Ok(None);
        }
        self.event()
    }

    /// The event in the packet at hand.
    #[inline]
    fn event(&mut self) -> Result<Option<&[u8]>, ReplicaError> {
        match self.link.packets.packet() {
            [0, event @ ..] => Ok(Some(event)),
            packet if is_eof(packet) => {
                self.ended = true;
                Ok(None)
            }
            packet if ServerError::is_in(packet) => Err(DumpRefused::from(ServerError::read(packet)?).into()),
            _ => Err(Malformed::Invalid("packet of the binlog stream").into()),
        }
    }

    async fn read_more(&mut self) -> Result<(), ReplicaError> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let in_time = tokio::time::timeout_at(since + self.deadline, self.link.read_more()).await;
        let read = match in_time {
            Ok(read) => read,
            Err(_) => self.look_again().await?,
        };
        read?;
        self.waiting_since = None;
        Ok(())
    }

    /// The time is up, but who called may have been busy all along while bytes arrived: lets the runtime look at its
    /// sockets once before the connection counts as dead.
    async fn look_again(&mut self) -> Result<Result<(), ClientError>, ReplicaError> {
        tokio::task::yield_now().await;
        let now = tokio::time::timeout(Duration::ZERO, self.link.read_more()).await;
        now.map_err(|_| ReplicaError::Timeout(self.deadline))
    }
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replica")
            .field("checksum", &self.checksum)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// A greeting without numbers is taken for MySQL's: whatever it is, it will refuse the rest.
fn flavour(client: &Client) -> Flavour {
    let version = client.server_version().parse::<ServerVersion>();
    version.map_or(Flavour::MySql, |version| version.flavour)
}

fn left_out(flavour: Flavour, from: &DumpFrom) -> LeftOut {
    match (flavour, from) {
        (_, DumpFrom::Position(_)) => LeftOut::Nothing,
        (Flavour::MySql, DumpFrom::Gtid(_)) => LeftOut::LedOver,
        (Flavour::MariaDb, DumpFrom::Gtid(GtidSet::MariaDb(position))) => {
            LeftOut::UpTo(position.domains().collect())
        }
        // An empty one.
        (Flavour::MariaDb, DumpFrom::Gtid(GtidSet::MySql(_))) => LeftOut::UpTo(BTreeSet::new()),
    }
}

fn dump_command(
    from: &DumpFrom,
    flavour: Flavour,
    options: &ReplicaOptions,
) -> Result<Vec<u8>, ReplicaError> {
    match from {
        DumpFrom::Gtid(set) if set.flavour().is_some_and(|of| of != flavour) => {
            Err(ReplicaError::GtidFlavour {
                server: flavour,
                set: set.clone(),
            })
        }
        DumpFrom::Gtid(set) => match (flavour, set) {
            (Flavour::MySql, GtidSet::MySql(set)) => {
                let mut encoded = Vec::new();
                set.encode(&mut encoded);
                command::binlog_dump_gtid(options.flags(), options.server_id, &encoded)
                    .ok_or(ReplicaError::GtidSetTooLarge)
            }
            // MariaDB reads the set from a variable of the session.
            _ => Ok(command::binlog_dump(4, options.flags(), options.server_id, "")),
        },
        DumpFrom::Position(at) => {
            let pos = u32::try_from(at.pos).map_err(|_| ReplicaError::PositionTooLarge(at.clone()))?;
            Ok(command::binlog_dump(
                pos,
                options.flags(),
                options.server_id,
                &at.file,
            ))
        }
    }
}

/// Tells the server what this replica can do and wants, each by its old and its new name.
async fn prepare_session(client: &mut Client, options: &ReplicaOptions) -> Result<Checksum, ReplicaError> {
    let checksum = agree_on_checksum(client).await?;
    let period = u64::try_from(options.heartbeat_period.as_nanos()).unwrap_or(u64::MAX);
    let uuid = options.uuid();
    client
        .query(&format!(
            "SET @master_heartbeat_period = {period}, @source_heartbeat_period = {period}, \
             @slave_uuid = '{uuid}', @replica_uuid = '{uuid}'"
        ))
        .await?;
    // Back-pressure from Kafka may keep the server waiting for long; its default is a minute.
    client.query("SET SESSION net_write_timeout = 3600").await?;
    Ok(checksum)
}

/// Tells MariaDB that its own events are understood, and where to begin if that is a GTID position: with strict mode, so
/// that a position of which a transaction is missing is refused.
async fn prepare_mariadb(client: &mut Client, from: &DumpFrom) -> Result<(), ReplicaError> {
    const CAPABILITY_GTID: u8 = 4;
    client
        .query(&format!("SET @mariadb_slave_capability = {CAPABILITY_GTID}"))
        .await?;
    if let DumpFrom::Gtid(set) = from {
        // The text of a set has digits, commas and hyphens only.
        client
            .query(&format!(
                "SET @slave_connect_state = '{}', @slave_gtid_strict_mode = 1, @slave_gtid_ignore_duplicates = 0",
                set.newest()
            ))
            .await?;
    }
    Ok(())
}

/// Asks for events with the checksum that they have in the server's files.
async fn agree_on_checksum(client: &mut Client) -> Result<Checksum, ReplicaError> {
    client
        .query(
            "SET @source_binlog_checksum = @@GLOBAL.binlog_checksum, \
             @master_binlog_checksum = @@GLOBAL.binlog_checksum",
        )
        .await?;
    let agreed = client.query("SELECT @master_binlog_checksum").await?;
    match first_text(&agreed).as_str() {
        "NONE" => Ok(Checksum::None),
        "CRC32" => Ok(Checksum::Crc32),
        other => Err(ReplicaError::Checksum(other.to_owned())),
    }
}

fn first_text(result: &QueryResult) -> String {
    result
        .first()
        .and_then(|row| row.nth_text(0))
        .map(|text| text.to_uppercase())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    fn replica(deadline: Duration) -> (Replica, DuplexStream) {
        let (ours, theirs) = duplex(1 << 16);
        let link = Link::new(Box::new(ours));
        let checksum = Checksum::Crc32;
        (
            Replica {
                link,
                checksum,
                left_out: LeftOut::Nothing,
                deadline,
                waiting_since: None,
                ended: false,
            },
            theirs,
        )
    }

    #[tokio::test]
    async fn silence_is_a_dead_connection_however_often_the_wait_is_given_up() {
        let (mut replica, _theirs) = replica(Duration::from_millis(20));
        let error = loop {
            let step = tokio::time::timeout(Duration::from_millis(1), replica.next_event()).await;
            if let Ok(event) = step {
                break event.unwrap_err();
            }
        };
        assert!(
            matches!(error, ReplicaError::Timeout(_)) && error.is_retriable(),
            "{error}"
        );
    }

    #[tokio::test]
    async fn bytes_that_arrive_while_the_caller_is_busy_are_a_sign_of_life() {
        let (mut replica, mut theirs) = replica(Duration::from_millis(1));
        replica.waiting_since = Some(Instant::now() - Duration::from_secs(60));
        theirs.write_all(b"\x04\0\0\0\0abc").await.unwrap();
        assert_eq!(replica.next_event().await.unwrap(), Some(&b"abc"[..]));
    }

    #[tokio::test]
    async fn events_the_end_and_what_is_neither() {
        let (mut ended, mut theirs) = replica(Duration::from_secs(60));
        theirs
            .write_all(b"\x02\0\0\0\0a\x02\0\0\x01\0b\x05\0\0\x02\xfe\0\0\x02\0")
            .await
            .unwrap();
        assert_eq!(ended.next_event().await.unwrap(), Some(&b"a"[..]));
        assert_eq!(ended.buffered_event().unwrap(), Some(&b"b"[..]));
        assert_eq!(ended.next_event().await.unwrap(), None);
        assert_eq!(ended.next_event().await.unwrap(), None);

        let (mut odd, mut theirs) = replica(Duration::from_secs(60));
        theirs.write_all(b"\x02\0\0\0\x07a").await.unwrap();
        let error = odd.next_event().await.unwrap_err();
        assert!(error.is_damage(), "{error}");
    }

    #[test]
    fn the_uuid_is_stable_and_of_both_id_and_name() {
        let one = ReplicaOptions::new(5400);
        let other_name = ReplicaOptions {
            name: "shop".into(),
            ..one.clone()
        };
        assert_eq!(one.uuid(), ReplicaOptions::new(5400).uuid());
        assert_ne!(one.uuid(), ReplicaOptions::new(5401).uuid());
        assert_ne!(one.uuid(), other_name.uuid());
    }

    #[test]
    fn a_set_of_the_other_flavour_is_refused_and_an_empty_one_is_of_both() {
        let options = ReplicaOptions::new(1);
        let command =
            |set: &str, flavour| dump_command(&DumpFrom::Gtid(set.parse().unwrap()), flavour, &options);
        let uuid = "9de2dde1-e55f-11f1-bc9f-02fc00000001:1";
        assert_eq!(command(uuid, Flavour::MySql).unwrap().first(), Some(&0x1e));
        assert_eq!(command("", Flavour::MySql).unwrap().first(), Some(&0x1e));
        for set in ["", "0-1-5"] {
            assert_eq!(
                command(set, Flavour::MariaDb).unwrap(),
                [0x12, 4, 0, 0, 0, 2, 0, 1, 0, 0, 0]
            );
        }
        for (set, flavour) in [(uuid, Flavour::MariaDb), ("0-1-5", Flavour::MySql)] {
            let error = command(set, flavour).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains(&format!("{flavour} cannot start from {set}")),
                "{error}"
            );
        }
    }

    #[test]
    fn positions_beyond_4_gib_are_refused() {
        let options = ReplicaOptions::new(1);
        let at = |pos| DumpFrom::Position(BinlogPosition::new("b.1", pos));
        assert!(dump_command(&at(u64::from(u32::MAX)), Flavour::MySql, &options).is_ok());
        let error = dump_command(&at(1 << 32), Flavour::MySql, &options).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("b.1:4294967296 cannot be asked for")
        );
    }
}
