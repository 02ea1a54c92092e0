//! Frames between two laptops, over TCP: four bytes of length, then as many bytes. Each has until a deadline to arrive, so
//! that whoever sends a byte now and then keeps nobody waiting.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use collector_core::MAX_RELAY_FRAME_BYTES;

use crate::platform;

/// Where a relay listens unless a person says otherwise.
pub(crate) const RELAY_PORT: u16 = 8431;

/// How long to wait for a relay to answer the call.
pub(crate) const RELAY_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// One connection.
pub(crate) struct Frames {
    stream: TcpStream,
}

impl Frames {
    pub(crate) fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        // A listener that does not block hands out streams that do not, on some systems.
        stream.set_nonblocking(false)?;
        Ok(Self { stream })
    }

    /// Calls a relay. An address with several meanings is tried in order.
    pub(crate) fn connect(address: &str) -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::InvalidInput);
        for candidate in addresses(address)? {
            match TcpStream::connect_timeout(&candidate, RELAY_CONNECT_TIMEOUT) {
                Ok(stream) => return Self::over(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(crate) fn send(&mut self, frame: &[u8], until: Instant) -> io::Result<()> {
        let length = u32::try_from(frame.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        let bytes = [&length.to_be_bytes(), frame].concat();
        let mut sent = 0;
        while let Some(rest) = bytes.get(sent..).filter(|rest| !rest.is_empty()) {
            self.stream.set_write_timeout(Some(left(until)?))?;
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next frame; none longer than one may be, whatever its length says.
    pub(crate) fn receive(&mut self, until: Instant) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.fill(&mut length, until)?;
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_RELAY_FRAME_BYTES {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut frame = vec![0; length];
        self.fill(&mut frame, until)?;
        Ok(frame)
    }

    fn fill(&mut self, mut into: &mut [u8], until: Instant) -> io::Result<()> {
        while !into.is_empty() {
            self.stream.set_read_timeout(Some(left(until)?))?;
            match self.stream.read(into) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => into = into.get_mut(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn left(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(platform::stopwatch());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// An address as a person types it: `192.168.1.5`, with the usual port, or `192.168.1.5:9000`.
fn addresses(typed: &str) -> io::Result<Vec<SocketAddr>> {
    let typed = typed.trim();
    if let Ok(address) = typed.parse::<std::net::IpAddr>() {
        return Ok(vec![SocketAddr::new(address, RELAY_PORT)]);
    }
    let has_port = typed.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let found = if has_port { typed.to_socket_addrs()? } else { (typed, RELAY_PORT).to_socket_addrs()? };
    Ok(found.collect())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn soon() -> Instant {
        platform::stopwatch() + Duration::from_millis(300)
    }

    fn pair() -> (Frames, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Frames::over(listener.accept().unwrap().0).unwrap(), there)
    }

    #[test]
    fn an_address_has_the_usual_port_unless_it_says_one() {
        let ports = |typed: &str| addresses(typed).unwrap()[0].port();
        assert_eq!(ports(" 192.168.1.5 "), RELAY_PORT);
        assert_eq!(ports("192.168.1.5:9000"), 9000);
        assert_eq!(ports("::1"), RELAY_PORT);
        assert_eq!(ports("[::1]:9000"), 9000);
        assert!(addresses("192.168.1.5:port").is_err());
    }

    #[test]
    fn a_frame_arrives_whole_or_not_at_all() {
        let (mut here, there) = pair();
        let mut there = Frames::over(there).unwrap();
        there.send(b"frame", soon()).unwrap();
        assert_eq!(here.receive(soon()).unwrap(), b"frame");
        there.stream.write_all(&[0, 0, 0, 9, b'h', b'a']).unwrap();
        drop(there);
        assert_eq!(here.receive(soon()).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_length_that_lies_and_a_caller_who_says_nothing_cost_little() {
        let (mut here, mut there) = pair();
        there.write_all(&[0xff; 4]).unwrap();
        assert_eq!(here.receive(soon()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let (mut here, _silent) = pair();
        let waited = here.receive(soon()).unwrap_err().kind();
        assert!(matches!(waited, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock), "{waited}");
    }
}
