//! Names that are resolved again and again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use squall_platform::Platform;
use squall_router::discovery::{Discovery, Dns, DnsOptions, Registry};
use squall_router::{Authority, Module, Options};
use tokio::time::sleep;

use super::{at, owned_by, runs_at};
use crate::support::*;

/// Past one interval with its jitter.
const ROUND: Duration = Duration::from_millis(11_251);

fn address(of: &Authority) -> SocketAddr {
    of.as_str().parse().expect("an address")
}

/// Replicas of `b`, behind a name on the network.
async fn replicas(network: &Network, count: usize) -> Vec<Authority> {
    let mut addresses = Vec::new();
    for _ in 0..count {
        let (replica, address) = start(network.host(), "b", Options::default()).await;
        place(&replica, &[], "echo", Echo, &[]);
        addresses.push(address);
    }
    addresses
}

fn set(network: &Network, addresses: &[&Authority]) {
    network.set_name("b.svc", Ok(addresses.iter().map(|it| address(it)).collect()));
}

/// A module that knows `b` by its name alone. The port is that of the first replica, so that the name itself
/// can be dialled.
async fn caller(network: &Network, name: &str) -> Module<impl Platform> {
    let registry = Arc::new(Registry::new());
    registry.apply(1, owned_by("echo", Some("b")));
    registry.apply(2, runs_at("b", at(&[name])));
    let host = network.host();
    let (a, _) = start(host.clone(), "a", Options::default()).await;
    a.discover(Arc::new(Dns::new(host, registry, DnsOptions::default())));
    a
}

async fn call<P: Platform>(module: &Module<P>, times: usize) {
    for _ in 0..times {
        module
            .scheduler()
            .handle(message("echo.in"))
            .await
            .expect("some replica is there");
    }
}

#[tokio::test(start_paused = true)]
async fn every_address_of_a_name_is_an_endpoint() {
    let network = Network::default();
    let all = replicas(&network, 3).await;
    set(&network, &[&all[2], &all[0], &all[1]]);
    let a = caller(&network, &format!("b.svc:{}", all[0].port_u16().unwrap())).await;
    call(&a, 1).await;
    sleep(ms(1)).await;
    call(&a, 9).await;
    let dials: Vec<_> = all.iter().map(|it| network.dials(it)).collect();
    assert_eq!(dials, [2, 1, 1], "once by name, before it had resolved");
}

#[tokio::test(start_paused = true)]
async fn addresses_that_vanish_are_ejected_and_those_that_stay_keep_their_connection() {
    let network = Network::default();
    let all = replicas(&network, 3).await;
    set(&network, &[&all[0], &all[1]]);
    let a = caller(&network, "b.svc:9").await;
    call(&a, 4).await;
    set(&network, &[&all[1], &all[2]]);
    sleep(ROUND).await;
    network.set_link(&all[0], Link::Refused);
    call(&a, 6).await;
    let dials: Vec<_> = all.iter().map(|it| network.dials(it)).collect();
    assert_eq!(dials, [1, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_does_not_resolve_keeps_its_last_answer() {
    let network = Network::default();
    let all = replicas(&network, 1).await;
    set(&network, &[&all[0]]);
    let a = caller(&network, "b.svc:9").await;
    call(&a, 1).await;
    for answer in [Err(io::Error::other("server failure")), Ok(vec![])] {
        network.set_name("b.svc", answer);
        sleep(ROUND).await;
        call(&a, 2).await;
    }
    assert_eq!(network.dials(&all[0]), 1);
}

#[tokio::test(start_paused = true)]
async fn names_that_another_source_changes_are_resolved_anew() {
    let network = Network::default();
    let all = replicas(&network, 2).await;
    set(&network, &[&all[0]]);
    network.set_name("new.svc", Ok(vec![address(&all[1])]));
    let registry = Arc::new(Registry::new());
    let dns = Dns::new(network.host(), Arc::clone(&registry) as _, DnsOptions::default());
    registry.apply(1, runs_at("b", at(&["b.svc:9"])));
    assert_eq!(dns.endpoints("b"), Some(at(&["b.svc:9"])), "not resolved yet");
    sleep(ms(1)).await;
    assert_eq!(dns.endpoints("b"), Some(vec![all[0].clone()]));
    registry.apply(2, runs_at("b", at(&["b.svc:9", "new.svc:9"])));
    assert_eq!(
        dns.endpoints("b"),
        Some(vec![all[0].clone(), "new.svc:9".parse().unwrap()])
    );
    sleep(ms(1)).await;
    assert_eq!(dns.endpoints("b"), Some(all));
    registry.apply(3, runs_at("b", vec![]));
    assert_eq!(dns.endpoints("b"), None);
}

#[tokio::test(start_paused = true)]
async fn addresses_are_taken_as_they_are_and_nothing_is_resolved() {
    let network = Network::default();
    let registry = Arc::new(Registry::new());
    registry.apply(1, runs_at("b", at(&["10.0.0.1:9", "[::1]:9"])));
    let dns = Dns::new(network.host(), Arc::clone(&registry) as _, DnsOptions::default());
    assert_eq!(dns.endpoints("b"), Some(at(&["10.0.0.1:9", "[::1]:9"])));
    assert_eq!(format!("{dns:?}"), "{}", "nothing is followed");
}
