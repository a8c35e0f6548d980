//! Lines 139 and 140: which managers there are.

use std::io;

use squall_platform::TokioPlatform;
use squall_provider_sdk::{Authority, Discover, Dns, Static};

use crate::support::*;

fn list(addresses: &[&str]) -> Vec<Authority> {
    addresses.iter().map(|it| authority(it)).collect()
}

#[tokio::test]
async fn line_139_a_static_list_is_kept_in_order_also_when_it_is_empty() {
    for addresses in [&["b:2", "a:1"][..], &[]] {
        let source = Static::new(list(addresses));
        assert_eq!(source.managers().await.unwrap(), list(addresses));
        let mut copy = source.managers().await.unwrap();
        copy.push(authority("c:3"));
        assert_eq!(
            source.managers().await.unwrap(),
            list(addresses),
            "what is given is a copy"
        );
        assert_eq!(source.refresh(), None);
    }
}

#[tokio::test]
async fn line_140_localhost_has_an_address_with_the_port() {
    let source = Dns::new(TokioPlatform::loopback(), authority("localhost:1234"));
    let managers = source.managers().await.unwrap();
    assert!(!managers.is_empty());
    assert!(
        managers.iter().all(|it| it.port_u16() == Some(1234)),
        "{managers:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn line_140_addresses_get_the_port_9090_or_another_one_and_ipv6_has_brackets() {
    let network = Network::default();
    let host = Host::new(&network);
    let addresses = |port| {
        let addresses = [
            format!("10.0.0.2:{port}"),
            format!("10.0.0.1:{port}"),
            format!("[fd00::1]:{port}"),
        ];
        Ok(addresses.iter().map(|it| it.parse().unwrap()).collect())
    };
    network.set_name("managers", addresses(9090));
    let source = Dns::new(host.clone(), Authority::from_static("managers"));
    let sorted = list(&["10.0.0.1:9090", "10.0.0.2:9090", "[fd00::1]:9090"]);
    assert_eq!(source.managers().await.unwrap(), sorted);
    network.set_name("managers", addresses(7));
    let source = Dns::new(host, Authority::from_static("managers:7"));
    let sorted = list(&["10.0.0.1:7", "10.0.0.2:7", "[fd00::1]:7"]);
    assert_eq!(source.managers().await.unwrap(), sorted);
}

#[tokio::test(start_paused = true)]
async fn line_140_an_error_of_the_resolver_is_passed_on() {
    let network = Network::default();
    let host = Host::new(&network);
    network.set_name(
        "managers",
        Err(io::Error::new(io::ErrorKind::NotFound, "NXDOMAIN")),
    );
    let source = Dns::new(host.clone(), Authority::from_static("managers"));
    let error = source.managers().await.expect_err("there is no such name");
    assert_eq!(error.to_string(), "cannot resolve managers:9090: NXDOMAIN");
    let provider = provider(&host, &[]).discover(source).build().unwrap();
    let error = provider.start().await.err().expect("strict");
    assert_eq!(error.to_string(), "cannot resolve managers:9090: NXDOMAIN");
}
