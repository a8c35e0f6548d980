//! Endpoints that do not answer are put aside, and come back. Spec: router 4.3.

use std::sync::atomic::Ordering;
use std::time::Duration;

use squall_platform::{Authority, Listener, Platform};
use squall_router::{ConnectionState, Options, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use crate::support::*;

/// A process that hangs: its kernel accepts connections. It said how it speaks on the first `settled` of them.
async fn hanging(host: &Memory, settled: usize) -> Authority {
    let mut listener = host.bind(0).await.unwrap();
    let address = listener.local_addr().unwrap().to_string().parse().unwrap();
    let platform = host.clone();
    host.spawn(async move {
        for number in 0.. {
            let Ok((mut stream, _)) = listener.accept().await else {
                return;
            };
            platform.spawn(async move {
                if number < settled {
                    let empty = [0, 0, 0, 4, 0, 0, 0, 0, 0];
                    stream.write_all(&empty).await.unwrap();
                }
                drop(stream.read_to_end(&mut Vec::new()).await);
            });
        }
    });
    address
}

/// Calls every 100 ms for two minutes, each with a second to answer: how many fail, and the longest of the others.
async fn two_minutes(a: &squall_router::Module<Memory>) -> (usize, Duration) {
    let mut lost = 0;
    let mut longest = Duration::ZERO;
    for _ in 0..1200 {
        let begun = Instant::now();
        let sent = message("node.in").timeout(ms(1000));
        match a.scheduler().handle(sent).await {
            Ok(_) => longest = longest.max(begun.elapsed()),
            Err(_) => lost += 1,
        }
        tokio::time::sleep(ms(100)).await;
    }
    (lost, longest)
}

#[tokio::test(start_paused = true)]
async fn a_process_that_hangs_before_its_settings_costs_no_call() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (b, sound) = start(network.host(), "b", Options::default()).await;
    let hangs = hanging(&network.host(), 0).await;
    a.register("b", vec![hangs.clone(), sound]);
    place(&b, &[&a], "node", Echo, &[]);
    let (lost, longest) = two_minutes(&a).await;
    assert_eq!(lost, 0);
    assert_eq!(longest, ms(250), "the other one is dialled meanwhile");
    let endpoint = &a.peers()[0].endpoints[0];
    assert!(endpoint.failures > 3, "its backoff grows: {endpoint:?}");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_hangs_later_costs_the_first_calls_and_a_few_that_try_it() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (b, sound) = start(network.host(), "b", Options::default()).await;
    let hangs = hanging(&network.host(), 1).await;
    a.register("b", vec![hangs, sound]);
    place(&b, &[&a], "node", Echo, &[]);
    let (lost, _) = two_minutes(&a).await;
    // Three until it is put aside, and one after 1, 3, 7 and 15 s, until the connection is given up.
    assert!((3..=7).contains(&lost), "{lost}");
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_again_is_back_and_nobody_is_put_aside_alone() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&b, &[&a], "node", held.clone(), &[]);
    for _ in 0..4 {
        let sent = message("node.in").timeout(ms(1000));
        let error = a.scheduler().handle(sent).await.unwrap_err();
        assert_eq!((error.class(), error.outcome()), ("timeout", Outcome::Unknown));
    }
    assert_eq!(
        held.entered.load(Ordering::SeqCst),
        4,
        "the only endpoint is used, whatever is thought of it"
    );
    // It has answered the ping.
    assert_eq!(a.peers()[0].endpoints[0].connection, ConnectionState::Ready);
}
