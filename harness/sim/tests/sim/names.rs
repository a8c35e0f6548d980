//! Names: what hosts and services are called, and what their names mean now.

use std::time::Duration;

use super::support::{idle, simulate};
use squall_platform::Platform;
use squall_sim::{Mislead, SimPlatform};

async fn resolve(platform: &SimPlatform, name: &str) -> Result<Vec<String>, String> {
    let name = name.parse().expect("an authority");
    let addresses = platform.resolve(&name).await.map_err(|error| error.to_string())?;
    Ok(addresses.iter().map(ToString::to_string).collect())
}

#[test]
fn a_name_means_one_host_or_several_and_what_it_means_can_change() {
    let (finished, _) = simulate(|sim| async move {
        let hosts = ["a", "b", "c"].map(|name| sim.add_host(name, idle));
        let addresses = hosts.map(|host| format!("{}:7", sim.address(host)));
        sim.start(hosts[0]);
        let director = sim.clone();
        sim.run_on(hosts[0], move |platform| async move {
            let [a, b, c] = &addresses;
            assert_eq!(resolve(&platform, "b:7").await, Ok(vec![b.clone()]));
            assert_eq!(
                resolve(&platform, c).await,
                Ok(vec![c.clone()]),
                "an address is its own"
            );
            let unknown = Err("failed to look up svc: no host of the topology has this name".to_owned());
            assert_eq!(resolve(&platform, "svc:7").await, unknown);
            director.set_name("svc", &[hosts[0], hosts[1]]);
            assert_eq!(resolve(&platform, "svc:7").await, Ok(vec![a.clone(), b.clone()]));
            director.set_name("svc", &[hosts[2]]);
            assert_eq!(resolve(&platform, "svc:7").await, Ok(vec![c.clone()]));
            director.set_name("svc", &[]);
            assert_eq!(resolve(&platform, "svc:7").await, unknown);
        })
        .await
    });
    finished.value.expect("the host lives");
}

#[test]
fn replicas_that_have_no_name_in_common_are_named() {
    let (finished, _) = simulate(|sim| async move {
        let hosts = ["ledger-0", "ledger-1", "ledger-x"].map(|name| sim.add_host(name, idle));
        sim.start(hosts[0]);
        let director = sim.clone();
        sim.run_on(hosts[0], move |platform| async move {
            let nothing = "failed to look up ledger: no host of the topology has this name";
            let ledger = "ledger:7".parse().expect("an authority");
            let dialled = platform
                .connect(&ledger)
                .await
                .map(|_| ())
                .map_err(|error| error.to_string());
            let named = Err(format!("{nothing}; its replicas have: ledger-0, ledger-1"));
            assert_eq!(dialled, named);
            director.mislead(1, "ledger", Mislead::Nothing);
            let misled = resolve(&platform, "ledger:7").await;
            assert_eq!(
                misled,
                Err(nothing.to_owned()),
                "a resolver that fails knows nothing"
            );
        })
        .await
    });
    finished.value.expect("the host lives");
}

#[test]
fn a_port_that_is_taken_is_named() {
    let (finished, _) = simulate(|sim| async move {
        let host = sim.add_host("a", idle);
        sim.start(host);
        sim.run_on(host, |platform| async move {
            let _first = platform.bind(7).await.expect("a free port");
            let second = platform.bind(7).await.map(|_| ()).expect_err("it is taken");
            (second.kind(), second.to_string())
        })
        .await
    });
    let (kind, said) = finished.value.expect("the host lives");
    assert_eq!(kind, std::io::ErrorKind::AddrInUse);
    assert!(said.ends_with("in use: port 7"), "{said}");
}

#[test]
fn a_name_misleads_while_a_fault_says_so_and_the_last_fault_counts() {
    let (finished, _) = simulate(|sim| async move {
        let hosts = ["a", "b"].map(|name| sim.add_host(name, idle));
        let address = format!("{}:7", sim.address(hosts[1]));
        sim.start(hosts[0]);
        let director = sim.clone();
        sim.run_on(hosts[0], move |platform| async move {
            let before = Ok(vec![address.clone()]);
            let nothing = Err("failed to look up b: no host of the topology has this name".to_owned());
            director.mislead(1, "b", Mislead::Nothing);
            assert_eq!(resolve(&platform, "b:7").await, nothing);
            assert_eq!(
                director.host("b"),
                Some(hosts[1]),
                "the host is called what it is called"
            );
            director.mislead(2, "b", Mislead::Nobody);
            let nobody = resolve(&platform, "b:7").await;
            assert!(nobody.is_ok() && nobody != before, "{nobody:?}");
            let name = "b:7".parse().expect("an authority");
            let second = Duration::from_secs(1);
            let dialled = tokio::time::timeout(second, platform.connect(&name)).await;
            assert!(dialled.is_err(), "nobody answers, and nobody refuses");
            assert_eq!(
                resolve(&platform, &address).await,
                before,
                "an address is its own"
            );
            director.end_mislead(1);
            assert_eq!(resolve(&platform, "b:7").await, nobody);
            director.end_mislead(2);
            assert_eq!(resolve(&platform, "b:7").await, before);
        })
        .await
    });
    finished.value.expect("the host lives");
}
