//! `squall manager`

use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::Arc;

use clap::Args;
use squall_engine::LocalEngine;
use squall_platform::{Platform as _, TokioPlatform};
use squall_provider::{Config, Manager, Server};
use squall_provider_http as http;
use tokio::sync::Notify;

use super::aside::Aside;
use super::environment::{self, Managers};
use super::process::{Signals, connections_of_each, log};
use super::up::give_back;
use super::{Console, Exit, plain, runtime};

#[derive(Debug, Args)]
pub(super) struct ManagerArgs {
    /// Listen at this address of the machine
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    bind: IpAddr,
    /// Serve the HTTP API here; port 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = http::DEFAULT_PORT)]
    http_port: u16,
    /// Answer HTTP requests that name this host (may be given several times), beside those that name an address or
    /// localhost. Others are refused: a web page could have made its name resolve to this machine
    #[arg(long = "http-host", value_name = "NAME")]
    http_hosts: Vec<String>,
    /// How much providers may take at most: providers=10000, modules=1000 (of one registration), registered=67108864 (bytes
    /// of all registrations on the wire) or address_connections=N (of one address; any number when absent). May be given several times; docs/limits.md has the others
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    limits: Vec<(Limit, usize)>,
    /// How long calls in flight may go on after SIGTERM or SIGINT
    #[arg(long, value_name = "DURATION", default_value = "10s")]
    grace: humantime::Duration,
}

#[derive(Debug, Clone, Copy)]
enum Limit {
    Providers,
    Modules,
    Registered,
    AddressConnections,
}

fn limit(text: &str) -> Result<(Limit, usize), String> {
    let (name, number) = text.split_once('=').ok_or("write NAME=NUMBER")?;
    let limit = match name {
        "providers" => Limit::Providers,
        "modules" => Limit::Modules,
        "registered" => Limit::Registered,
        "address_connections" => Limit::AddressConnections,
        _ => return Err("there are providers, modules, registered and address_connections".to_owned()),
    };
    match number.parse() {
        Ok(number) if number > 0 => Ok((limit, number)),
        _ => Err(format!("{number:?} is no number from 1 on")),
    }
}

pub(super) fn manager<O: Write>(args: &ManagerArgs, console: &mut Console<O, Aside>) -> io::Result<Exit> {
    environment::review(Managers::OfVariables, console)?;
    let config = Config::from_env(|name| {
        let value = std::env::var_os(name)?;
        Some(value.to_string_lossy().into_owned())
    });
    let mut config = match (log(&console.err), config) {
        (Ok(()), Ok(config)) => config,
        (Err(why), _) => return refused(console, &why),
        (_, Err(error)) => return refused(console, &error.to_string()),
    };
    for (limit, number) in &args.limits {
        match limit {
            Limit::Providers => config.max_connections = *number,
            Limit::Modules => config.max_modules = *number,
            Limit::Registered => config.max_registered_bytes = *number,
            Limit::AddressConnections => config.serving.limits.address_connections = *number,
        }
    }
    // Any configured number, limited by the available descriptors: one server for connections of providers, and one for
    // those of the HTTP API.
    let connections = &mut config.serving.limits.connections;
    *connections = connections_of_each(2).min(*connections);
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let platform = TokioPlatform::at(args.bind);
        let manager = Manager::new(platform, config, Arc::new(LocalEngine::new()));
        let grpc = match manager.bind().await {
            Ok(server) => server,
            Err(error) => return refused(console, &error.to_string()),
        };
        match http::Server::bind(platform, args.http_port, Arc::new(manager)).await {
            Ok(http) => serve(grpc, http.hosts(args.http_hosts.clone()), args, console).await,
            Err(error) => refused(console, &error.to_string()),
        }
    });
    // A pending DNS lookup must not block the exit.
    runtime.shutdown_background();
    ended
}

fn refused<O, E: Write>(console: &mut Console<O, E>, why: &str) -> io::Result<Exit> {
    writeln!(console.err, "error: {}", plain(&why))?;
    Ok(Exit::BadInput)
}

async fn serve<O: Write, E: Write>(
    grpc: Server<TokioPlatform>,
    http: http::Server<TokioPlatform>,
    args: &ManagerArgs,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let mut signals = Signals::listen()?;
    writeln!(console.out, "listening grpc {}", grpc.local_addr())?;
    writeln!(console.out, "listening http http://{}", http.local_addr())?;
    writeln!(console.out, "ready manager")?;
    console.out.flush()?;
    TokioPlatform::new().spawn(give_back());

    let (told, drained) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let stopping = http.stopping();
    let running = async {
        // The API serves until the last call has ended, so that health checks see the shutdown.
        let api = http.run_until(drained.notified(), *args.grace);
        let providers = async {
            let left = grpc.run_until(told.notified(), *args.grace).await;
            drained.notify_one();
            left
        };
        tokio::join!(providers, api).0
    };
    tokio::pin!(running);
    let signal = tokio::select! {
        biased;
        signal = signals.next() => signal,
        _ = running.as_mut() => unreachable!("servers end when they are told to"),
    };
    stopping();
    writeln!(
        console.out,
        "stopping {signal}: calls in flight have {}; another signal ends it at once",
        args.grace
    )?;
    told.notify_one();
    tokio::select! {
        biased;
        signal = signals.next() => {
            writeln!(console.err, "error: ended at once by {signal}: what was in flight is lost")?;
            Ok(Exit::Broken)
        }
        left = running => {
            let (cancelled, aborted) = (left.cancelled, left.aborted);
            writeln!(
                console.out,
                "stopped manager: {cancelled} calls cancelled, {aborted} connections cut"
            )?;
            Ok(Exit::Held)
        }
    }
}
