//! The connection: local or over TLS, and with a bound on what is read from it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::{Client, Config, NoTls};

use super::tls::Authorities;
use super::unavailable;
use crate::{Bounds, Refused};

/// What the server says beside a result: its greeting, the catalogue, the frames of rows.
const FRAMES: usize = 1 << 20;
/// A row takes this much on the wire beside its values.
const PER_ROW: usize = 256;

const USUAL_PORT: u16 = 5432;

/// A connection to the first host that takes one. `authorities` asks for TLS also on this machine.
pub async fn connect(
    config: &Config,
    authorities: Option<&Authorities>,
    bounds: &Bounds,
) -> Result<Client, Refused> {
    let mut last = None;
    for (index, host) in config.get_hosts().iter().enumerate() {
        let ports = config.get_ports();
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(USUAL_PORT);
        let sealed = authorities.is_some() || config.get_ssl_mode() == SslMode::Require;
        match open(host, port, sealed).await {
            Ok(opened) => return greet(config, opened, authorities, bounds).await,
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => Refused::unavailable("the PostgreSQL database", error),
        None => Refused::Unavailable { what: "the connection string without a `host`", source: None },
    })
}

/// A stream, and the name that the certificate at its end must have: none where nothing leaves the
/// machine.
struct Opened {
    stream: Stream,
    name: Option<String>,
}

async fn open(host: &Host, port: u16, sealed: bool) -> io::Result<Opened> {
    let name = match host {
        Host::Unix(folder) => {
            let stream = UnixStream::connect(folder.join(format!(".s.PGSQL.{port}"))).await?;
            return Ok(Opened { stream: Stream::Unix(stream), name: None });
        }
        Host::Tcp(name) => name,
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in tokio::net::lookup_host((name.as_str(), port)).await? {
        let name = (sealed || !address.ip().is_loopback()).then(|| name.clone());
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(Opened { stream: Stream::Tcp(stream), name }),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn greet(
    config: &Config,
    opened: Opened,
    authorities: Option<&Authorities>,
    bounds: &Bounds,
) -> Result<Client, Refused> {
    let limit = bounds.bytes.saturating_add(FRAMES);
    let left = limit.saturating_add(bounds.rows.saturating_mul(PER_ROW));
    let stream = Limited { stream: opened.stream, left };
    // The connection ends with the client, or with the runtime of the run.
    let Some(name) = opened.name else {
        let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(unavailable)?;
        tokio::spawn(connection);
        return Ok(client);
    };
    let connector = authorities.unwrap_or(&Authorities::Public).connector(&name)?;
    // Whatever the string says: a server that offers no TLS would be sent the password in the clear.
    let config = Config::clone(config).ssl_mode(SslMode::Require).clone();
    let (client, connection) = config.connect_raw(stream, connector).await.map_err(unavailable)?;
    tokio::spawn(connection);
    Ok(client)
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
