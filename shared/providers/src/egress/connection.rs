//! A guarded connection for transports that are not HTTP: to checked addresses alone, bounded in time and size.

use super::error::EgressError;
use super::message::CallKind;
use super::transport::Transport;
use super::{Egress, MAX_LABEL};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// Why a connection was cut from this side.
const WHOLE: u8 = 0;
const TOO_LATE: u8 = 1;
const TOO_MUCH: u8 = 2;

/// A connection that ends by itself when its time is up or more has come than is read; what comes is counted as it is on
/// the line, with whatever the protocol puts around it.
pub(crate) struct EgressConnection {
    stream: TcpStream,
    left: usize,
    reading: Pin<Box<Sleep>>,
    writing: Pin<Box<Sleep>>,
    meter: Arc<Meter>,
}

/// What a connection was cut for; it outlives a protocol that swallows its transport's errors.
#[derive(Debug)]
pub(crate) struct Meter {
    /// Host and port, for errors.
    pub(crate) host: String,
    /// The end of the connection's time.
    pub(crate) deadline: Instant,
    limit: usize,
    cut: AtomicU8,
    broken: Mutex<Option<Arc<io::Error>>>,
}

impl Meter {
    /// Why the connection ended from this side or broke, if it did.
    pub(crate) fn error(&self) -> Option<EgressError> {
        match self.cut.load(Ordering::Relaxed) {
            TOO_LATE => Some(self.timeout()),
            TOO_MUCH => Some(EgressError::TooLarge { host: self.host.clone(), limit: self.limit }),
            _whole => {
                let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
                Some(EgressError::Broken { host: self.host.clone(), source: broken })
            }
        }
    }

    /// The error of a connection whose time is up.
    pub(crate) fn timeout(&self) -> EgressError {
        EgressError::Timeout { host: self.host.clone() }
    }

    fn cut(&self, why: u8) -> io::Error {
        self.cut.store(why, Ordering::Relaxed);
        io::Error::other("the connection is cut")
    }

    fn note<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.inspect_err(|error| {
            let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
            broken.get_or_insert_with(|| Arc::new(io::Error::new(error.kind(), error.to_string())));
        })
    }
}

impl fmt::Debug for EgressConnection {
    /// Shows the place only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EgressConnection({})", self.meter.host)
    }
}

impl Egress {
    /// Connects to a place of [`Egress::resolve`], one address after the other, and to nowhere else.
    ///
    /// # Errors
    /// As [`Egress::resolve`]; [`EgressError::Unreachable`] when no address takes the connection, and
    /// [`EgressError::Timeout`] when none does in the time for connecting.
    pub(crate) async fn connect(
        &self,
        host: &str,
        port: u16,
        transport: Transport,
        kind: CallKind,
    ) -> Result<EgressConnection, EgressError> {
        let limits = self.shared.settings.limits(kind);
        let begun = Instant::now();
        let label: String = format!("{host}:{port}").chars().take(MAX_LABEL).collect();
        let addresses = self.resolve(host, port, transport).await?;
        self.shared.calls.fetch_add(1, Ordering::Relaxed);
        let connecting = async {
            let mut last = io::ErrorKind::NotFound.into();
            for address in addresses {
                match TcpStream::connect(address).await {
                    Ok(stream) => return Ok(stream),
                    Err(error) => last = error,
                }
            }
            Err(last)
        };
        let connected = timeout_at(begun + limits.connect, connecting).await;
        let connected = connected.map_err(|_| EgressError::Timeout { host: label.clone() })?;
        tracing::debug!(host = label, connected = connected.is_ok(), "outgoing connection");
        let stream =
            connected.map_err(|source| EgressError::Unreachable { host: label.clone(), source: Arc::new(source) })?;
        // Questions are short and wait for their answers; a failure costs time alone.
        let _ = stream.set_nodelay(true);
        let deadline = begun + limits.total;
        let meter =
            Meter { host: label, deadline, limit: limits.body, cut: AtomicU8::new(WHOLE), broken: Mutex::default() };
        let [reading, writing] = [(); 2].map(|()| Box::pin(sleep_until(deadline)));
        Ok(EgressConnection { stream, left: limits.body, reading, writing, meter: Arc::new(meter) })
    }
}

impl EgressConnection {
    /// Tells why the connection ended, also while a protocol holds the connection itself.
    pub(crate) fn meter(&self) -> Arc<Meter> {
        self.meter.clone()
    }

    fn write_in_time<T>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        write: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.writing.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(self.meter.cut(TOO_LATE)));
        }
        let this = self.get_mut();
        write(Pin::new(&mut this.stream), context).map(|result| this.meter.note(result))
    }
}

impl AsyncRead for EgressConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.reading.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(self.meter.cut(TOO_LATE)));
        }
        let before = buffer.filled().len();
        let this = self.get_mut();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = &read {
            match this.left.checked_sub(buffer.filled().len() - before) {
                Some(left) => this.left = left,
                None => return Poll::Ready(Err(this.meter.cut(TOO_MUCH))),
            }
        }
        read.map(|result| this.meter.note(result))
    }
}

impl AsyncWrite for EgressConnection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.write_in_time(context, |stream, context| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_in_time(context, |stream, context| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write_in_time(context, |stream, context| stream.poll_shutdown(context))
    }
}
