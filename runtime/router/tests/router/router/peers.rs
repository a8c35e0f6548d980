//! What can be seen of the pool, its limits, and calls that wait. Spec: router 4.2, 4.3.

use std::sync::atomic::Ordering;

use crate::support::*;
use squall_router::{Authority, ConnectionState, Kind, Module, Options, Outcome};
use tokio::time::{Instant, sleep};

/// A caller `a` of a module `b`, with a node `held` there.
async fn caller_and_callee(
    network: &Network,
    a: Options,
    b: Options,
) -> (Module<Memory>, Module<Memory>, Authority, Held) {
    let (a, _) = start(network.host(), "a", a).await;
    let (b, address) = start(network.host(), "b", b).await;
    a.register("b", vec![address.clone()]);
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    (a, b, address, held)
}

/// The states of the endpoints of `b`, and how many calls each has.
fn seen(a: &Module<Memory>) -> Vec<(&'static str, usize)> {
    let peer = a.state("b");
    let endpoints = peer.iter().flat_map(|peer| &peer.endpoints);
    endpoints
        .map(|it| (it.connection.as_str(), it.in_flight))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_endpoints_states_can_be_watched() {
    let network = Network::default();
    let (a, _b, address, held) = caller_and_callee(&network, Options::default(), Options::default()).await;
    assert_eq!(seen(&a), [("idle", 0)]);
    network.set_link(&address, Link::BlackHole);
    let call = in_background(&a, "held.in");
    sleep(ms(1)).await;
    assert_eq!(seen(&a), [("connecting", 1)]);
    call.await.unwrap().expect_err("no way there");
    let state = a.state("b").unwrap();
    let endpoint = &state.endpoints[0];
    assert!(matches!(endpoint.connection, ConnectionState::Backoff { until } if until > Instant::now()));
    assert_eq!(
        (endpoint.in_flight, endpoint.failures, state.in_flight),
        (0, 1, 0)
    );

    network.set_link(&address, Link::Open);
    sleep(ms(200)).await;
    let calls = [in_background(&a, "held.in"), in_background(&a, "held.in")];
    held.arrived(2).await;
    assert_eq!(seen(&a), [("ready", 2)]);
    assert_eq!(a.state("b").unwrap().endpoints[0].failures, 0);
    held.let_go(2);
    for call in calls {
        call.await.unwrap().expect("served");
    }
    assert_eq!(seen(&a), [("ready", 0)]);
    a.deregister("b");
    assert!(a.state("b").is_none() && a.peers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_gone_drains_while_the_new_one_serves() {
    let network = Network::default();
    let (a, _b, _, held) = caller_and_callee(&network, Options::default(), Options::default()).await;
    let call = in_background(&a, "held.in");
    held.arrived(1).await;
    let (other, other_address) = start(network.host(), "b", Options::default()).await;
    place(&other, &[], "held", Constant(Some("\"new\"")), &[]);
    a.register("b", vec![other_address]);
    assert_eq!(seen(&a), [("idle", 0), ("draining", 1)]);
    let answer = a.scheduler().handle(message("held.in")).await.unwrap();
    assert_eq!(answer, Some(json("\"new\"")), "at once");
    assert_eq!(seen(&a), [("ready", 0), ("draining", 1)]);
    let streams = network.open_streams();
    held.let_go(1);
    assert_eq!(call.await.unwrap().unwrap(), Some(json("1")));
    sleep(ms(1)).await;
    assert_eq!(seen(&a), [("ready", 0)]);
    assert_eq!(
        network.open_streams(),
        streams - 2,
        "both ends of the old connection"
    );
}

#[tokio::test(start_paused = true)]
async fn coming_and_going_in_any_order_cuts_no_call() {
    // Each bit says whether the module comes or goes; a call begins after each coming.
    for history in 0..64_u32 {
        let network = Network::default();
        let (a, _b, address, held) =
            caller_and_callee(&network, Options::default(), Options::default()).await;
        let mut calls = vec![in_background(&a, "held.in")];
        held.arrived(1).await;
        for step in 0..6 {
            if history >> step & 1 == 0 {
                a.deregister("b");
                let error = a.scheduler().handle(message("held.in")).await.expect_err("gone");
                assert_eq!(error.to_string(), "module not discovered: b");
            } else {
                a.register("b", vec![address.clone()]);
                calls.push(in_background(&a, "held.in"));
                held.arrived(1).await;
            }
        }
        let in_flight: usize = a
            .peers()
            .iter()
            .flat_map(|peer| &peer.endpoints)
            .map(|it| it.in_flight)
            .sum();
        assert_eq!(in_flight, calls.len(), "{history:b}");
        held.let_go(calls.len());
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap(), Some(json("1")), "{history:b}");
        }
        a.deregister("b");
        sleep(ms(1)).await;
        assert!(a.peers().is_empty());
        assert_eq!(network.open_streams(), 0, "{history:b}");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_of_a_peer_fail_at_once_and_only_those() {
    let network = Network::default();
    let limited = Options {
        max_in_flight_per_peer: Some(2),
        ..Options::default()
    };
    let (a, b, address, held) = caller_and_callee(&network, limited, Options::default()).await;
    let calls = [in_background(&a, "held.in"), in_background(&a, "held.in")];
    held.arrived(2).await;
    // The count outlives a change of endpoints.
    a.register("b", vec![address.clone(), "127.0.0.1:99".parse().unwrap()]);
    let error = a
        .scheduler()
        .handle(message("held.in"))
        .await
        .expect_err("one too many");
    assert_eq!(
        error.to_string(),
        "module overloaded: b: 2 calls are in flight, the most that are taken"
    );
    assert_eq!((error.kind(), error.outcome()), (Kind::Overload, Outcome::Failed));
    a.register("b", vec![address]);
    held.let_go(3);
    for call in calls {
        call.await.unwrap().expect("within the limit");
    }
    in_background(&a, "held.in")
        .await
        .unwrap()
        .expect("there is room again");
    drop(b);
    assert_eq!(held.entered.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_server_refuses_what_is_too_much_and_queues_nothing() {
    let network = Network::default();
    let limited = Options {
        max_in_flight: Some(1),
        ..Options::default()
    };
    let (a, _b, _, held) = caller_and_callee(&network, Options::default(), limited).await;
    let call = in_background(&a, "held.in");
    held.arrived(1).await;
    let error = a
        .scheduler()
        .handle(message("held.in"))
        .await
        .expect_err("one too many");
    assert_eq!(
        error.to_string(),
        "remote error: module overloaded: b: 1 calls are in flight, the most that are taken"
    );
    assert_eq!((error.kind(), error.outcome()), (Kind::Overload, Outcome::Failed));
    held.let_go(2);
    call.await.unwrap().expect("within the limit");
    in_background(&a, "held.in")
        .await
        .unwrap()
        .expect("there is room again");
    assert_eq!(held.entered.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_outlasts_the_backoff_and_others_fail_at_once() {
    let network = Network::default();
    let (a, b, address, _) = caller_and_callee(&network, Options::default(), Options::default()).await;
    place(&b, &[&a], "echo", Echo, &[]);
    network.set_link(&address, Link::Refused);
    let open = async {
        sleep(ms(1000)).await;
        network.set_link(&address, Link::Open);
    };
    let begun = Instant::now();
    let patient = a.scheduler().handle(message("echo.in").wait_for_ready());
    let hasty = async {
        sleep(ms(10)).await;
        let begun = Instant::now();
        let error = a
            .scheduler()
            .handle(message("echo.in"))
            .await
            .expect_err("in backoff");
        assert_eq!((error.class(), begun.elapsed()), ("unavailable", ms(0)));
    };
    let (answer, (), ()) = tokio::join!(patient, open, hasty);
    assert_eq!(answer.unwrap(), Some(json("1")));
    assert!(
        (ms(1000)..ms(3000)).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
    assert!(network.dials(&address) < 10, "no faster than the backoff");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_in_vain_ends_at_its_deadline() {
    let network = Network::default();
    let (a, _b, address, _) = caller_and_callee(&network, Options::default(), Options::default()).await;
    network.set_link(&address, Link::Refused);
    let begun = Instant::now();
    let sent = message("held.in").timeout(ms(700)).wait_for_ready();
    let error = a.scheduler().handle(sent).await.expect_err("nobody is there");
    assert_eq!(begun.elapsed(), ms(700));
    assert_eq!((error.class(), error.outcome()), ("timeout", Outcome::Failed));
    // And what is deregistered is not waited for.
    let sent = message("held.in").wait_for_ready();
    a.deregister("b");
    let error = a.scheduler().handle(sent).await.expect_err("unknown");
    assert_eq!(error.class(), "not_discovered");
}

#[tokio::test(start_paused = true)]
async fn system_ports_are_for_the_module_itself_unless_it_says_otherwise() {
    let network = Network::default();
    let open = Options {
        serve_system_ports: true,
        ..Options::default()
    };
    for (options, served) in [(Options::default(), false), (open, true)] {
        let (a, b, _, _) = caller_and_callee(&network, Options::default(), options).await;
        place(&b, &[&a], "echo", Echo, &[]);
        let local = b.scheduler().handle(message("echo._settings")).await;
        assert_eq!(local.unwrap(), None, "settings have no answer");
        match a.scheduler().handle(message("echo._settings")).await {
            Ok(answer) => assert!(served && answer.is_none()),
            Err(error) => {
                assert!(
                    !served && error.to_string().contains("port _settings is not served"),
                    "{error}"
                );
                assert_eq!(
                    (error.kind(), error.outcome()),
                    (Kind::Forbidden, Outcome::Failed)
                );
            }
        }
    }
}
