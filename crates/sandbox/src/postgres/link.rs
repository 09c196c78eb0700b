//! The connection: local, and with a bound on what is read from it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, NoTls};

use super::unavailable;
use crate::{Bounds, Refused};

/// What the server says beside a result: its greeting, the catalogue, the frames of rows.
const FRAMES: usize = 1 << 20;
/// A row takes this much on the wire beside its values.
const PER_ROW: usize = 256;

const USUAL_PORT: u16 = 5432;

/// A connection to the first host that takes one.
pub async fn connect(config: &Config, bounds: &Bounds) -> Result<Client, Refused> {
    let mut last = None;
    for (index, host) in config.get_hosts().iter().enumerate() {
        let ports = config.get_ports();
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(USUAL_PORT);
        match open(host, port).await {
            Ok(stream) => {
                let limit = bounds.bytes.saturating_add(FRAMES);
                let left = limit.saturating_add(bounds.rows.saturating_mul(PER_ROW));
                let connected = config.connect_raw(Limited { stream, left }, NoTls).await;
                let (client, connection) = connected.map_err(unavailable)?;
                // Ends with the client, or with the runtime of the run.
                tokio::spawn(connection);
                return Ok(client);
            }
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => Refused::unavailable("the PostgreSQL database", error),
        None => Refused::Unavailable { what: "the connection string without a `host`", source: None },
    })
}

async fn open(host: &Host, port: u16) -> io::Result<Stream> {
    match host {
        Host::Unix(folder) => {
            UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await.map(Stream::Unix)
        }
        Host::Tcp(name) => {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), port)).await?.collect();
            let local = found.into_iter().find(|address| address.ip().is_loopback()).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the host is another machine, and the password would travel in the clear; \
                     use a local socket, or a local proxy that speaks TLS",
                )
            })?;
            TcpStream::connect(local).await.map(Stream::Tcp)
        }
    }
}

enum Stream {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// A stream that ends in a fault once more was read than a run may read. The driver holds a whole row
/// in memory, however long the server makes it.
struct Limited {
    stream: Stream,
    left: usize,
}

impl AsyncRead for Limited {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        let more = buffer.filled().len().saturating_sub(before);
        match self.left.checked_sub(more) {
            Some(left) => {
                self.left = left;
                read
            }
            None => Poll::Ready(Err(io::Error::new(io::ErrorKind::FileTooLarge, "the answer is too large"))),
        }
    }
}

impl AsyncWrite for Limited {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
