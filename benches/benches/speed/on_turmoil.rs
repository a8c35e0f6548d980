//! The program on turmoil 0.7, as its gRPC example does it: unmodified tonic over turmoil's streams.
//!
//! Every module is a turmoil client, which serves in a task of its own: turmoil's runs end when all
//! clients have ended.

use std::cell::Cell;
use std::io::{self, IoSlice};
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::stream;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{sleep, sleep_until};
use tonic::transport::server::Connected;
use tonic::transport::{Channel, Endpoint, Uri};
use turmoil::net::{TcpListener, TcpStream};

use crate::program::{LATENCY, PERIOD, Pace, Program};
use crate::tonic_peer::{Caller, server};

const PORT: u16 = 50051;
const TICK: Duration = Duration::from_millis(1);

/// How long the whole takes on the wall: set-up, run and tear-down.
///
/// # Panics
/// When a call is not answered.
pub(crate) fn run(program: &Program) -> Duration {
    let start = Instant::now();
    let mut sim = turmoil::Builder::new()
        .tick_duration(TICK)
        .min_message_latency(LATENCY)
        .max_message_latency(LATENCY)
        .tcp_capacity(1024)
        // Each round trip may cost two ticks more than its latency.
        .simulation_duration(2 * program.duration() + Duration::from_secs(10))
        .rng_seed(7)
        .build();
    let running = Rc::new(Cell::new(program.modules));
    for (from, to) in program.connections() {
        sim.client(format!("m{from}"), module(*program, to, running.clone()));
    }
    sim.run().expect("nothing keeps the run from its end");
    drop(sim);
    start.elapsed()
}

async fn module(program: Program, to: usize, running: Rc<Cell<usize>>) -> turmoil::Result {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let incoming = stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await.map(|(stream, _)| Accepted(stream));
        Some((accepted, listener))
    });
    tokio::spawn(server().serve_with_incoming(incoming));

    let caller = Caller::new(channel(to), to);
    make_calls(&program, caller).await;
    // Its own calls are done; it goes on serving until all others' are.
    running.set(running.get() - 1);
    while running.get() > 0 {
        sleep(TICK).await;
    }
    Ok(())
}

async fn make_calls(program: &Program, mut caller: Caller) {
    match program.pace {
        Pace::Sparse { periods } => {
            let start = tokio::time::Instant::now();
            for period in 0..periods as u32 {
                sleep_until(start + PERIOD * period).await;
                caller.call().await;
            }
            sleep_until(start + program.duration()).await;
        }
        Pace::Dense { calls, clients } => {
            assert_eq!(clients, 1, "one caller for each module");
            for _ in 0..calls {
                caller.call().await;
            }
        }
    }
}

fn channel(to: usize) -> Channel {
    let endpoint = format!("http://m{to}:{PORT}");
    let endpoint = Endpoint::from_shared(endpoint).expect("a well-formed address");
    endpoint.connect_with_connector_lazy(tower::service_fn(connect))
}

async fn connect(to: Uri) -> io::Result<TokioIo<TcpStream>> {
    let host = to.host().expect("the endpoint has a host");
    Ok(TokioIo::new(TcpStream::connect((host, PORT)).await?))
}

/// A connection that tonic's server takes: one that tells nothing about itself.
struct Accepted(TcpStream);

impl Connected for Accepted {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
