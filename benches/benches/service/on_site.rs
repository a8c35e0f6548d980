//! The program on the simulator, with tonic's server and channel as they are.

use std::time::{Duration, Instant};

use squall_sim::{Blind, Chance, Config, EngineKind, HostOptions, Latency, LinkSpec, Sim, run as simulate};
use squall_site::Site;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tonic::transport::Endpoint;

use crate::program::{LATENCY, PERIOD, Pace, Program};
use crate::tonic_peer::{Caller, server};

const PORT: u16 = 50051;

/// How long the whole takes on the wall: thread, runtime, set-up, run and tear-down.
///
/// # Panics
/// When a call is not answered.
pub(crate) fn run(program: &Program) -> Duration {
    let start = Instant::now();
    let config = Config {
        seed: 7,
        budget: 2 * program.duration() + Duration::from_secs(10),
        wall_limit: Duration::from_secs(600),
        interleave: Chance::NEVER,
        engine: EngineKind::Flow,
        link: LinkSpec {
            latency: Latency::constant(LATENCY),
            loss: Chance::NEVER,
            bandwidth: None,
        },
        traced: false,
        captured: false,
        observer: Box::new(Blind),
        dispatch: tracing::Dispatch::none(),
    };
    let direct = {
        let program = *program;
        move |sim| direct(sim, program)
    };
    simulate(config, direct).expect("nothing keeps the run from its end");
    start.elapsed()
}

/// Starts a host for each service, and waits for the ends of all callers.
async fn direct(sim: Sim, program: Program) {
    let (done, mut ends) = mpsc::unbounded_channel();
    for (from, to) in program.connections() {
        let done = done.clone();
        let options = HostOptions::new().adopting();
        let host = sim.add_host_with(&format!("m{from}"), options, move |process| {
            let service = service(Site::simulated(process), program, to, done.clone());
            async move { service.await.map_err(|error| error.to_string()) }
        });
        sim.start(host);
    }
    let mut left = program.modules as u32 * clients(&program);
    while left > 0 {
        ends.recv().await.expect("callers do not panic");
        left -= 1;
    }
}

fn clients(program: &Program) -> u32 {
    match program.pace {
        Pace::Sparse { .. } => 1,
        Pace::Dense { clients, .. } => clients,
    }
}

async fn service(
    site: Site,
    program: Program,
    to: usize,
    done: mpsc::UnboundedSender<()>,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let incoming = site.listen(PORT).await?;
    let endpoint = Endpoint::from_shared(format!("http://m{to}:{PORT}"))?;
    let channel = endpoint.connect_with_connector_lazy(site.connector());
    for _ in 0..clients(&program) {
        let (caller, done) = (Caller::new(channel.clone(), to), done.clone());
        tokio::spawn(async move {
            make_calls(&program, caller).await;
            // The director goes on until all have.
            let _ = done.send(());
        });
    }
    server().serve_with_incoming(incoming).await?;
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
            for _ in 0..calls / u64::from(clients) {
                caller.call().await;
            }
        }
    }
}
