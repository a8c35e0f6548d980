//! What sources say about themselves.

use std::sync::Arc;
use std::time::Duration;

use squall_router::Options;
use squall_router::discovery::{Discovery, Dns, DnsOptions, Fact, Registry};
use tokio::time::sleep;

use crate::support::*;
use squall_memory::Events;

#[tokio::test(start_paused = true)]
async fn a_change_of_addresses_and_a_failure_to_resolve_are_told() {
    let events = Events::collect("squall::router");
    let network = Network::default();
    let (_b, address) = start(network.host(), "b", Options::default()).await;
    network.set_name("b.svc", Ok(vec![address.as_str().parse().unwrap()]));
    let registry = Arc::new(Registry::new());
    let endpoints = vec!["b.svc:9".parse().unwrap()];
    registry.apply(
        1,
        Fact::Endpoints {
            module: "b".into(),
            endpoints,
        },
    );
    let dns = Dns::new(network.host(), registry, DnsOptions::default());
    dns.endpoints("b").expect("it is known");
    sleep(Duration::from_secs(30)).await;
    let resolved = events.named("discovery.resolved");
    let told = |fields: &[std::collections::BTreeMap<&str, String>]| {
        let fields = fields.iter().flat_map(|it| it.iter());
        fields
            .map(|(key, value)| format!("{key}={value}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        told(&resolved),
        [
            format!("addresses={address}"),
            "module=b".into(),
            "name=b.svc:9".into()
        ],
        "once, though it was asked several times"
    );
    assert!(events.named("discovery.unresolved").is_empty());
    network.set_name("b.svc", Ok(vec![]));
    sleep(Duration::from_millis(11_251)).await;
    let unresolved = events.named("discovery.unresolved");
    assert_eq!(
        told(&unresolved),
        ["error=the name has no addresses", "module=b", "name=b.svc:9"]
    );
}
