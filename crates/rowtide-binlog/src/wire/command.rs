//! What the client asks for: the payloads of the commands that Rowtide sends.

/// COM_QUIT: the connection ends.
pub const QUIT: &[u8] = &[0x01];

/// COM_QUERY: a statement as text.
pub fn query(sql: &str) -> Vec<u8> {
    [&[0x03], sql.as_bytes()].concat()
}

/// COM_REGISTER_SLAVE: makes `SHOW REPLICAS` list this replica under `host`, of which the first 60 bytes are sent.
pub fn register_replica(server_id: u32, host: &str) -> Vec<u8> {
    const MAX_HOST: usize = 60;
    let host = host.get(..host.floor_char_boundary(MAX_HOST)).unwrap_or_default();
    let mut packet = vec![0x15];
    packet.extend(server_id.to_le_bytes());
    packet.push(host.len().to_le_bytes().first().copied().unwrap_or_default());
    packet.extend(host.bytes());
    // No user, no password, port 0, rank 0, and the source's id, which the server knows itself.
    packet.extend([0, 0]);
    packet.extend([0; 2]);
    packet.extend([0; 4]);
    packet.extend([0; 4]);
    packet
}

/// Flags of the dump commands.
pub mod dump_flag {
    /// The server sends EOF at the end of its binlog and does not wait for more.
    pub const NON_BLOCK: u16 = 0x01;
    /// Heartbeats with positions of 64 bits (servers since 8.0.26; older ones ignore it). For MariaDB the same bit asks
    /// for ANNOTATE_ROWS events: without them there would be gaps in the stream.
    pub const HEARTBEAT_V2: u16 = 0x02;
}

/// COM_BINLOG_DUMP: the binlog from a position on.
pub fn binlog_dump(pos: u32, flags: u16, server_id: u32, file: &str) -> Vec<u8> {
    let mut packet = vec![0x12];
    packet.extend(pos.to_le_bytes());
    packet.extend(flags.to_le_bytes());
    packet.extend(server_id.to_le_bytes());
    packet.extend(file.bytes());
    packet
}

/// COM_BINLOG_DUMP_GTID: all transactions that are not in a set, which is encoded as in PREVIOUS_GTIDS. `None` if the
/// set is larger than a packet can say.
pub fn binlog_dump_gtid(flags: u16, server_id: u32, set: &[u8]) -> Option<Vec<u8>> {
    const FIRST_EVENT: u64 = 4;
    let mut packet = vec![0x1e];
    packet.extend(flags.to_le_bytes());
    packet.extend(server_id.to_le_bytes());
    packet.extend(0u32.to_le_bytes());
    packet.extend(FIRST_EVENT.to_le_bytes());
    packet.extend(u32::try_from(set.len()).ok()?.to_le_bytes());
    packet.extend(set);
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands() {
        assert_eq!(query("SELECT 1"), b"\x03SELECT 1");
        assert_eq!(
            binlog_dump(4, dump_flag::NON_BLOCK, 7, "b.1"),
            b"\x12\x04\0\0\0\x01\0\x07\0\0\0b.1"
        );
        assert_eq!(
            binlog_dump_gtid(dump_flag::HEARTBEAT_V2, 7, &[9, 9]).unwrap(),
            b"\x1e\x02\0\x07\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x02\0\0\0\x09\x09"
        );
        assert_eq!(
            register_replica(7, "rt"),
            b"\x15\x07\0\0\0\x02rt\0\0\0\0\0\0\0\0\0\0\0\0"
        );
    }

    #[test]
    fn a_long_host_is_cut_between_characters() {
        let packet = register_replica(1, &"é".repeat(40));
        assert_eq!(packet.get(5), Some(&60));
        assert_eq!(
            register_replica(1, &format!("a{}", "é".repeat(40))).get(5),
            Some(&59)
        );
    }
}
