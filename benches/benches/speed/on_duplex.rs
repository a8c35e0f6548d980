//! The program on bare tonic: one thread, pipes in memory, no simulation at all. What Squall's calls per
//! second are measured against: nothing that carries real gRPC can be much faster.

use std::future::ready;
use std::io;
use std::time::{Duration, Instant};

use futures_util::stream;
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use crate::program::{Pace, Program};
use crate::tonic_peer::{Caller, server};

/// What a pipe holds.
const PIPE_BYTES: usize = 64 * 1024;

/// How long the whole takes on the wall: set-up, run and tear-down.
///
/// # Panics
/// When a call is not answered, or the program's pace is not dense.
pub(crate) fn run(program: &Program) -> Duration {
    let Pace::Dense { calls, clients } = program.pace else {
        panic!("there is no virtual time here: sparse calls would take as long as they say")
    };
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let runtime = runtime.expect("a runtime without an I/O driver needs nothing from the system");
    runtime.block_on(async {
        let mut callers = JoinSet::new();
        for (_, to) in program.connections() {
            let channel = connection();
            for _ in 0..clients {
                let mut caller = Caller::new(channel.clone(), to);
                callers.spawn(async move {
                    for _ in 0..calls / u64::from(clients) {
                        caller.call().await;
                    }
                });
            }
        }
        callers.join_all().await;
    });
    drop(runtime);
    start.elapsed()
}

/// A channel to a server of its own.
fn connection() -> Channel {
    let (client, served) = tokio::io::duplex(PIPE_BYTES);
    let incoming = stream::iter([Ok::<DuplexStream, io::Error>(served)]);
    tokio::spawn(server().serve_with_incoming(incoming));
    let mut client = Some(client);
    let connect = move |_| {
        let client = client.take().ok_or(io::ErrorKind::ConnectionRefused);
        ready(client.map(TokioIo::new).map_err(io::Error::from))
    };
    Endpoint::from_static("http://in.memory").connect_with_connector_lazy(tower::service_fn(connect))
}
