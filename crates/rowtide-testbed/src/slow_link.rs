//! A network connection that carries no more than so many bytes a second.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use crate::error::Result;
use crate::link::Entrance;

/// Passes connections on to a server of this machine, what the server answers at a limited speed: so a program can be
/// disturbed in the middle of a load that it would else have taken in before anybody noticed.
#[derive(Debug)]
pub struct SlowLink {
    entrance: Entrance,
}

impl SlowLink {
    /// A link to the server on `server_port` that carries at most `bytes_per_s` of its answers for each connection.
    pub fn to(server_port: u16, bytes_per_s: u64) -> Result<SlowLink> {
        let entrance = Entrance::open(move |client| join(client, server_port, bytes_per_s))?;
        Ok(SlowLink { entrance })
    }

    /// Where to connect instead of the server, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.entrance.port()
    }
}

/// Connects a client to the server.
fn join(client: TcpStream, server_port: u16, bytes_per_s: u64) {
    // A server that is down shows as a connection that ends at once.
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server_port)) else {
        return;
    };
    let (Ok(from_client), Ok(to_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    thread::spawn(move || pass(from_client, to_server, u64::MAX));
    thread::spawn(move || pass(server, client, bytes_per_s));
}

/// Passes bytes on until one side closes, then closes the other.
fn pass(mut from: TcpStream, mut to: TcpStream, bytes_per_s: u64) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(buffer.get(..length).unwrap_or_default()).is_err() {
            break;
        }
        // A time without answers must not make those that follow fast.
        let due = (length as u64).saturating_mul(1_000_000) / bytes_per_s;
        thread::sleep(Duration::from_micros(due));
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn it_passes_everything_on_and_closes_with_the_server() {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = server.local_addr().unwrap().port();
        let answers = thread::spawn(move || {
            let (mut socket, _) = server.accept().unwrap();
            let mut question = [0; 5];
            socket.read_exact(&mut question).unwrap();
            socket.write_all(&vec![7; 100_000]).unwrap();
            question
        });
        let link = SlowLink::to(port, 10_000_000).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, link.port())).unwrap();
        client.write_all(b"hello").unwrap();
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert_eq!((got.len(), got.iter().all(|byte| *byte == 7)), (100_000, true));
        assert_eq!(&answers.join().unwrap(), b"hello");
    }
}
