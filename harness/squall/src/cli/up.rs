//! `squall up`

use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use indexmap::IndexMap;
use squall_platform::{Authority, Platform, TokioPlatform};
use tokio::sync::watch;

use super::aside::Aside;
use super::call::Pings;
use super::environment::{self, Managers};
use super::process::{Signals, connections_of_each, log};
use super::scenarios::print_report;
use super::{Console, Exit, line, plain, runtime};
use crate::Harness;
use crate::file;
use crate::live::{self, Fleet, Layout, Services, System};
use crate::plan::{ClusterNode, Limits, Manager, Module};

#[derive(Debug, Args)]
pub(super) struct UpArgs {
    /// The topology file
    topology: PathBuf,
    /// Run only this module with all of its replicas, or only this one of them, and the others in processes of their own
    /// (may be given several times). Managers and providers run in the process that has all modules
    #[arg(long = "module", value_name = "NAME")]
    modules: Vec<String>,
    /// Listen at this address of the machine
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// The first module of the file listens on this port, each further one and each further replica on the next, in all
    /// processes alike; then the managers, each with two: gRPC and HTTP. Without it they take free ports
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port_base: Option<u16>,
    /// Serve /metrics and /healthz over HTTP here; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    metrics: Option<SocketAddr>,
    /// Answer requests for /metrics and /healthz that name this host (may be given several times), beside those that name
    /// an address or localhost. Others are refused: a web page could have made its name resolve to this machine
    #[arg(long = "metrics-host", value_name = "NAME")]
    metrics_hosts: Vec<String>,
    /// When connections between modules are pinged, instead of what the file says: as any gRPC server permits, as modules
    /// of TinySystems do, or never
    #[arg(long)]
    keepalive: Option<Pings>,
    /// How long what is in the works may go on after SIGTERM or SIGINT
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    grace: humantime::Duration,
    /// Cut callers off that ping more often than this while they have calls in flight, or than every 2 h while they have
    /// none, as gRPC's servers do (5min). As each module of the file says when absent
    #[arg(long, value_name = "DURATION")]
    min_ping_interval: Option<humantime::Duration>,
    /// What the modules take of others at most, instead of what the file says: connections, address_connections, streams,
    /// requests, connection_bytes, server_bytes, handshake, read or take, as docs/limits.md says (may be given several
    /// times)
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = limit)]
    limits: Vec<(String, String)>,
    /// Where a module of another process is (several times for several replicas)
    #[arg(long = "peer", value_name = "NAME=HOST:PORT", value_parser = peer)]
    peers: Vec<(String, Authority)>,
}

fn peer(text: &str) -> Result<(String, Authority), String> {
    let (name, address) = text.split_once('=').ok_or("write NAME=HOST:PORT")?;
    Ok((name.to_owned(), super::call::address(address)?))
}

fn limit(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write NAME=VALUE, such as streams=500")?;
    Limits::default().set(name, value)?;
    Ok((name.to_owned(), value.to_owned()))
}

impl UpArgs {
    fn layout(&self) -> Layout {
        let mut peers = IndexMap::<_, Vec<_>>::new();
        for (name, address) in &self.peers {
            peers.entry(name.clone()).or_default().push(address.clone());
        }
        Layout {
            modules: self.modules.clone(),
            bind: self.bind,
            port_base: self.port_base,
            peers,
        }
    }
}

/// How many module servers run in this process, one per replica. `hosts` are all hosts with their modules; `started`
/// names the running ones, or is empty for all.
fn served<'a>(hosts: impl Iterator<Item = (&'a str, &'a str)>, started: &[String]) -> usize {
    let runs = |(host, module): &(&str, &str)| {
        started.is_empty() || started.iter().any(|it| it == host || it == module)
    };
    hosts.filter(runs).count()
}

pub(super) fn up<O: Write>(
    harness: &Harness,
    args: &UpArgs,
    console: &mut Console<O, Aside>,
) -> io::Result<Exit> {
    let mut topology = match file::load_topology(&args.topology, &harness.component_names()) {
        Ok(topology) => topology,
        Err(report) => {
            print_report(&report, console)?;
            return Ok(Exit::BadInput);
        }
    };
    if args.modules.is_empty()
        && let Some(node) = topology.all::<ClusterNode>().keys().next()
    {
        writeln!(
            console.err,
            "error: `up` does not run nodes of a cluster yet, and the topology has [cluster.{node}]: \
             `squall run` simulates them"
        )?;
        return Ok(Exit::BadInput);
    }
    if !topology.all::<Manager>().is_empty() {
        environment::review(Managers::OfTopology, console)?;
    }
    if let Some(interval) = args.min_ping_interval {
        for module in topology.all_mut::<Module>().values_mut() {
            module.min_ping_interval = Some(*interval);
        }
    }
    if let Some(pings) = args.keepalive {
        for module in topology.all_mut::<Module>().values_mut() {
            module.keepalive = pings.keepalive();
        }
    }
    for (name, value) in &args.limits {
        for module in topology.all_mut::<Module>().values_mut() {
            let set = module.limits.set(name, value);
            set.expect("it was tried when the arguments were read");
        }
    }
    // Any configured number, limited by the available descriptors.
    let hosts = Module::on_hosts(&topology).map(|(host, module)| (host, &*module.name));
    let managers = if args.modules.is_empty() {
        topology.all::<Manager>().len()
    } else {
        0
    };
    let most = connections_of_each(served(hosts, &args.modules) + managers);
    for module in topology.all_mut::<Module>().values_mut() {
        let connections = &mut module.limits.server.connections;
        *connections = most.min(*connections);
    }
    if let Err(why) = log(&console.err) {
        writeln!(console.err, "error: {}", plain(&why))?;
        return Ok(Exit::BadInput);
    }
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let system = System::start(&topology, harness.components(), &args.layout()).await;
        let system = match system {
            Ok(system) => system,
            Err(error) => return refused(console, &error),
        };
        let fleet = match args.modules.is_empty() {
            true => Fleet::start(&topology, args.bind, args.port_base).await,
            false => Ok(Fleet::default()),
        };
        let services = match args.modules.is_empty() {
            true => harness.start_services(&topology, args.bind),
            false => Ok(Services::default()),
        };
        match (fleet, services) {
            (Ok(fleet), Ok(services)) => {
                serve(&topology.name, (system, fleet, services), args, console).await
            }
            (Err(error), _) => refused(console, &error),
            (_, Err(error)) => refused(console, &error),
        }
    });
    // A pending DNS lookup must not block the exit.
    runtime.shutdown_background();
    ended
}

/// Returns freed memory to the system. The allocator does so later, when something large is freed, but an idle process
/// after an attack may free nothing.
pub(super) async fn give_back() {
    const EVERY: Duration = Duration::from_secs(1);
    const LARGE: usize = 8 << 20;
    loop {
        tokio::time::sleep(EVERY).await;
        // It is not touched, so it uses addresses, but no memory.
        drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
    }
}

fn refused<O, E: Write>(console: &mut Console<O, E>, why: &dyn Error) -> io::Result<Exit> {
    writeln!(console.err, "error: {}", plain(&why))?;
    Ok(Exit::BadInput)
}

async fn serve<O: Write, E: Write>(
    topology: &str,
    (system, fleet, services): (System, Fleet, Services),
    args: &UpArgs,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let mut signals = Signals::listen()?;
    let healthy = Arc::new(AtomicBool::new(true));
    for started in system.started() {
        writeln!(console.out, "listening {} {}", started.name, started.address)?;
    }
    for (name, grpc, http) in fleet.managers() {
        writeln!(console.out, "listening {name} {grpc}, http://{http}")?;
    }
    for host in fleet.providers() {
        writeln!(console.out, "running {host}")?;
    }
    for (host, address) in services.hosts() {
        writeln!(console.out, "running {host} at {address}")?;
    }
    if let Some(address) = args.metrics {
        let endpoint = match live::Endpoint::bind(address).await {
            Ok(endpoint) => endpoint.hosts(args.metrics_hosts.clone()),
            Err(error) => {
                writeln!(console.err, "error: cannot serve metrics at {address}: {error}")?;
                return Ok(Exit::BadInput);
            }
        };
        writeln!(console.out, "metrics http://{}/metrics", endpoint.local_addr()?)?;
        let (metrics, healthy) = (system.metrics(), Arc::clone(&healthy));
        TokioPlatform::new().spawn(endpoint.serve(metrics, move || healthy.load(Ordering::SeqCst)));
    }
    writeln!(console.out, "ready {}", line(&topology))?;
    console.out.flush()?;

    TokioPlatform::new().spawn(give_back());
    let (stop, stopping) = watch::channel(false);
    let mut running = pin!(async {
        let modules = system.run_until(stopping.clone(), *args.grace);
        // Without modules, or without a fleet, the other one keeps running.
        let fleet = fleet.run_until(stopping.clone(), *args.grace);
        tokio::join!(modules, fleet, services.run_until(stopping))
    });
    let signal = tokio::select! {
        biased;
        signal = signals.next() => signal,
        _ = running.as_mut() => unreachable!("servers end when they are told to"),
    };
    healthy.store(false, Ordering::SeqCst);
    writeln!(
        console.out,
        "stopping {signal}: what is in the works has {}; another signal ends it at once",
        args.grace
    )?;
    stop.send_replace(true);
    let drained = tokio::select! {
        biased;
        signal = signals.next() => {
            writeln!(console.err, "error: ended at once by {signal}: what was in the works is lost")?;
            return Ok(Exit::Broken);
        }
        drained = running => drained,
    };
    let (modules, fleet, services) = drained;
    for (name, drained) in modules {
        let (cancelled, aborted) = (drained.cancelled, drained.aborted);
        writeln!(
            console.out,
            "stopped {name}: {cancelled} requests cancelled, {aborted} connections cut"
        )?;
    }
    for ended in fleet.into_iter().chain(services) {
        writeln!(console.out, "stopped {ended}")?;
    }
    Ok(Exit::Held)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_replica_that_runs_here_has_a_server() {
        let hosts = || [("a", "a"), ("b-0", "b"), ("b-1", "b")].into_iter();
        for (started, expected) in [(&[][..], 3), (&["b"], 2), (&["b-1"], 1), (&["a", "b-0"], 2)] {
            let started: Vec<_> = started.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(served(hosts(), &started), expected, "{started:?}");
        }
    }
}
