//! What a run cannot answer for is refused where it would be waited for, and told with its host, its time and its place.

use std::net::ToSocketAddrs;
use std::time::Duration;

use squall_sim::SimEvent;

use super::support::{Log, idle, simulate};

/// Host, milliseconds, what and where, of each escape.
fn escapes(log: &Log) -> Vec<(String, u64, String, String)> {
    let log = log.lock().expect("no panic while it was held");
    let escape = |(at, host, event): &(u64, String, SimEvent)| match event {
        SimEvent::Escaped { what, place } => {
            Some((host.clone(), at / 1_000_000, what.clone(), place.clone()))
        }
        _ => None,
    };
    log.iter().filter_map(escape).collect()
}

fn look_up(name: &str) -> String {
    let error = (name, 80).to_socket_addrs().map(|_| ()).err();
    error.map_or_else(|| "an address".to_owned(), |error| error.to_string())
}

#[test]
fn names_are_not_looked_up_with_the_systems_resolver() {
    let (finished, log) = simulate(|sim| async move {
        let host = sim.add_host("asks", idle);
        sim.start(host);
        tokio::time::sleep(Duration::from_millis(7)).await;
        sim.run_on(host, |_| async { look_up("localhost") }).await
    });
    let said = finished.value.expect("the host lives");
    assert!(said.contains("Non-recoverable failure"), "{said}");
    let told = escapes(&log);
    let [(host, at, what, place)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!(
        (host.as_str(), *at, what.as_str()),
        ("asks", 7, "asks the system's resolver for `localhost`")
    );
    assert!(
        place.contains("look_up at") && place.contains("escapes.rs:"),
        "{place}"
    );
}

#[test]
fn nor_on_a_thread_for_what_blocks_which_a_run_waits_for() {
    let (finished, log) = simulate(|sim| async move {
        let hosts = ["first", "second"].map(|name| sim.add_host(name, idle));
        let mut said = Vec::new();
        for host in hosts {
            sim.start(host);
            tokio::time::sleep(Duration::from_millis(7)).await;
            let asked = sim.run_on(host, |_| async {
                tokio::task::spawn_blocking(|| look_up("localhost")).await
            });
            said.push(asked.await);
        }
        said
    });
    for said in finished.value {
        let said = said.expect("the host lives").expect("no panic");
        assert!(said.contains("Non-recoverable failure"), "{said}");
    }
    let mut told = escapes(&log);
    told.retain(|(_, _, what, _)| what.contains("resolver"));
    let [(host, at, what, place), (other, later, again, _)] = &told[..] else {
        panic!("{told:?}");
    };
    assert_eq!((host.as_str(), *at, *later), ("first", 7, 14));
    assert!(place.contains("look_up at"), "{place}");
    assert!(what.ends_with("`localhost`") && again == what, "{told:?}");
    // tokio may hand the first one's thread on, which is then told as the first one's.
    assert!(["first", "second"].contains(&other.as_str()), "{other}");
}
