//! Managers that come and go behind a name. Spec: provider 3.6.

use std::io;

use squall_provider_sdk::{Authority, Dns, State};

use crate::support::*;

fn resolve_to(network: &Network, managers: &[&Manager]) {
    let addresses = managers.iter().map(|it| it.address().as_str().parse().unwrap());
    network.set_name("managers", Ok(addresses.collect()));
}

#[tokio::test(start_paused = true)]
async fn new_addresses_get_connections_and_vanished_ones_are_left_in_order() {
    let network = Network::default();
    let (a, b) = (Manager::start(&network).await, Manager::start(&network).await);
    let host = Host::new(&network);
    resolve_to(&network, &[&a]);
    let source = Dns::new(host.clone(), Authority::from_static("managers"));
    let provider = provider(&host, &[]).discover(source).build().unwrap();
    let running = provider.start().await.unwrap();
    resolve_to(&network, &[&a, &b]);
    tokio::time::sleep(ms(12_000)).await;
    let listed: Vec<_> = running
        .status()
        .into_iter()
        .map(|it| (it.manager, it.state))
        .collect();
    assert_eq!(
        listed,
        [(a.address(), State::Active), (b.address(), State::Active)]
    );
    resolve_to(&network, &[&b]);
    tokio::time::sleep(ms(12_000)).await;
    let listed: Vec<_> = running.status().into_iter().map(|it| it.manager).collect();
    assert_eq!(listed, [b.address()]);
    assert_eq!(
        a.names().split_off(a.names().len() - 2),
        ["half-closed", "deregister"]
    );
    assert_eq!(b.registrations().len(), 1, "who stays is left alone");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_does_not_resolve_keeps_what_there_was() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    resolve_to(&network, &[&manager]);
    let source = Dns::new(host.clone(), Authority::from_static("managers")).interval(ms(1000));
    let provider = provider(&host, &[]).discover(source).build().unwrap();
    let running = provider.start().await.unwrap();
    network.set_name("managers", Err(io::ErrorKind::NotFound.into()));
    tokio::time::sleep(ms(10_000)).await;
    assert_eq!(running.status()[0].state, State::Active);
    assert_eq!(manager.registrations().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_runs_waits_for_a_name_that_does_not_resolve_yet() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let source = Dns::new(host.clone(), Authority::from_static("managers")).interval(ms(1000));
    let provider = provider(&host, &[]).discover(source).build().unwrap();
    let handle = provider.handle();
    let run = background(provider.run(std::future::pending()));
    tokio::time::sleep(ms(5000)).await;
    assert!(handle.status().is_empty());
    resolve_to(&network, &[&manager]);
    tokio::time::sleep(ms(2000)).await;
    assert_eq!(handle.status()[0].state, State::Active);
    run.abort();
    soon().await;
    assert_eq!(host.tasks(), 0, "a run that is dropped leaves nothing");
}
