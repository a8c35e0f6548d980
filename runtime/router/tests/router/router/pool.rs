//! Connections: how many, to whom, and when not.

use crate::support::*;
use squall_router::{Options, Outcome};
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_thousand_first_callers_make_one_connection() {
    const CALLERS: usize = 1000;
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (b, address) = start(network.host(), "b", Options::default()).await;
    a.register("b", vec![address.clone()]);
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let a = a.clone();
        callers.spawn(async move { a.scheduler().handle(message("held.in")).await });
    }
    held.arrived(CALLERS as u32).await;
    held.let_go(CALLERS);
    while let Some(answer) = callers.join_next().await {
        assert_eq!(answer.unwrap().unwrap(), Some(json("1")));
    }
    assert_eq!(network.dials(&address), 1);
}

#[tokio::test(start_paused = true)]
async fn the_dial_goes_on_when_its_first_caller_gives_up() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (b, address) = start(network.host(), "b", Options::default()).await;
    a.register("b", vec![address.clone()]);
    place(&b, &[&a], "echo", Echo, &[]);
    {
        let mut call = std::pin::pin!(a.scheduler().handle(message("echo.in")));
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx))).await;
        assert!(polled.is_pending(), "it waits for the dial");
    }
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("the same dial serves the next caller");
    assert_eq!(network.dials(&address), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_endpoint_is_left_alone_for_a_growing_while() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (b, address) = start(network.host(), "b", Options::default()).await;
    a.register("b", vec![address.clone()]);
    place(&b, &[&a], "echo", Echo, &[]);
    network.set_link(&address, Link::Refused);
    let call = || a.scheduler().handle(message("echo.in"));
    for _ in 0..10 {
        let error = call().await.expect_err("refused");
        assert_eq!(error.to_string(), "module unavailable: b");
        assert_eq!(error.outcome(), Outcome::Failed);
        assert!(error.cause().unwrap().contains("connection refused"), "{error:?}");
    }
    assert_eq!(
        network.dials(&address),
        1,
        "the others failed at once with the dial's reason"
    );
    sleep(ms(100)).await;
    call().await.expect_err("refused again");
    assert_eq!(network.dials(&address), 2);
    sleep(ms(99)).await;
    call().await.expect_err("still in backoff, which has doubled");
    assert_eq!(network.dials(&address), 2);
    network.set_link(&address, Link::Open);
    sleep(ms(101)).await;
    call().await.expect("it is back");
    assert_eq!(network.dials(&address), 3);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_dialled_anew_by_the_next_call() {
    let network = Network::default();
    let b_host = network.host();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (b, address) = start(b_host.clone(), "b", Options::default()).await;
    a.register("b", vec![address.clone()]);
    place(&b, &[&a], "echo", Echo, &[]);
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("b is there");
    b_host.kill();
    sleep(ms(1)).await;
    let again = b
        .bind(address.port_u16().unwrap())
        .await
        .expect("the port is free again");
    squall_platform::Platform::spawn(&b_host, again.run());
    a.scheduler().handle(message("echo.in")).await.expect("b is back");
    assert_eq!(network.dials(&address), 2);
}

#[tokio::test(start_paused = true)]
async fn endpoints_are_used_in_turn_and_one_in_backoff_is_skipped() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let mut addresses = Vec::new();
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let (replica, address) = start(network.host(), "b", Options::default()).await;
        let held = Held::new();
        held.let_go(1000);
        place(&replica, &[&a], "held", held.clone(), &[]);
        addresses.push(address);
        replicas.push(held);
    }
    a.register("b", addresses.clone());
    let shares = || -> Vec<_> {
        replicas
            .iter()
            .map(|it| it.entered.swap(0, std::sync::atomic::Ordering::SeqCst))
            .collect()
    };
    let call_30 = async || {
        for _ in 0..30 {
            a.scheduler()
                .handle(message("held.in"))
                .await
                .expect("some replica is there");
        }
    };
    call_30().await;
    shares();
    call_30().await;
    assert_eq!(shares(), [10, 10, 10]);

    network.set_link(&addresses[1], Link::Refused);
    a.register("b", vec![]);
    a.register("b", addresses.clone());
    call_30().await;
    let shares = shares();
    assert_eq!((shares[1], shares.iter().sum::<usize>()), (0, 30), "{shares:?}");
    assert_eq!(
        network.dials(&addresses[1]),
        2,
        "once before, and once more to find it refused"
    );
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_among_the_endpoints_holds_nobody_up_once_another_one_is_ready() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (b, good) = start(network.host(), "b", Options::default()).await;
    let (_, hole) = start(network.host(), "b", Options::default()).await;
    network.set_link(&hole, Link::BlackHole);
    a.register("b", vec![good, hole]);
    place(&b, &[&a], "echo", Echo, &[]);
    let start = tokio::time::Instant::now();
    for _ in 0..10 {
        a.scheduler()
            .handle(message("echo.in"))
            .await
            .expect("one endpoint is good");
    }
    assert_eq!(start.elapsed(), ms(0));
}

#[tokio::test(start_paused = true)]
async fn deregistering_ends_new_calls_and_lets_those_in_flight_finish() {
    let network = Network::default();
    let (a, b) = pair(network.host(), network.host(), Options::default()).await;
    let held = Held::new();
    place(&b, &[&a], "held", held.clone(), &[]);
    let deregister = async {
        held.arrived(1).await;
        a.deregister("b");
        let error = a
            .scheduler()
            .handle(message("held.in"))
            .await
            .expect_err("b is gone");
        assert_eq!(error.to_string(), "module not discovered: b");
        held.let_go(1);
    };
    let (answer, ()) = tokio::join!(a.scheduler().handle(message("held.in")), deregister);
    assert_eq!(answer.unwrap(), Some(json("1")));
    sleep(ms(1)).await;
    assert_eq!(
        network.open_streams(),
        0,
        "the connection closed after its last call"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_dropped_takes_its_connections_along() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let b = squall_router::Module::new(network.host(), "b", Options::default());
    place(&b, &[&a], "echo", Echo, &[]);
    let server = b.bind(0).await.expect("a free port");
    a.register("b", vec![server.local_addr().to_string().parse().unwrap()]);
    let serving = squall_platform::Platform::spawn(&network.host(), server.run());
    a.scheduler()
        .handle(message("echo.in"))
        .await
        .expect("b is there");
    assert_eq!(network.open_streams(), 2);
    serving.abort();
    sleep(ms(1)).await;
    assert_eq!(network.open_streams(), 0);
}

#[tokio::test(start_paused = true)]
async fn deregistering_during_a_dial_fails_those_who_wait() {
    let network = Network::default();
    let (a, address) = start(network.host(), "a", Options::default()).await;
    network.set_link(&address, Link::BlackHole);
    a.set_node("theirs", "b");
    a.register("b", vec![address]);
    let deregister = async {
        sleep(ms(10)).await;
        a.deregister("b");
    };
    let start = tokio::time::Instant::now();
    let (result, ()) = tokio::join!(a.scheduler().handle(message("theirs.in")), deregister);
    assert_eq!(
        result.expect_err("given up").cause(),
        Some("the module is deregistered")
    );
    assert_eq!(start.elapsed(), ms(10));
}

#[tokio::test(start_paused = true)]
async fn registering_other_endpoints_keeps_the_connections_that_stay() {
    let network = Network::default();
    let (a, _) = start(network.host(), "a", Options::default()).await;
    let (old, old_address) = start(network.host(), "b", Options::default()).await;
    let (new, new_address) = start(network.host(), "b", Options::default()).await;
    place(&old, &[&a], "who", Constant(Some("\"old\"")), &[]);
    place(&new, &[&a], "who", Constant(Some("\"new\"")), &[]);
    let call = || a.scheduler().handle(message("who.in"));
    a.register("b", vec![old_address.clone()]);
    assert_eq!(call().await.unwrap(), Some(json("\"old\"")));
    a.register("b", vec![old_address.clone(), old_address.clone()]);
    assert_eq!(call().await.unwrap(), Some(json("\"old\"")));
    assert_eq!(
        network.dials(&old_address),
        1,
        "kept, and a duplicate is one endpoint"
    );
    a.register("b", vec![new_address]);
    assert_eq!(call().await.unwrap(), Some(json("\"new\"")));
}

#[tokio::test(start_paused = true)]
async fn a_module_never_dials_itself_and_never_forwards_what_came_over_the_wire() {
    let network = Network::default();
    let (a, a_address) = start(network.host(), "a", Options::default()).await;
    let (b, b_address) = start(network.host(), "b", Options::default()).await;
    let (c, c_address) = start(network.host(), "c", Options::default()).await;
    a.register("a", vec![a_address.clone()]);
    a.register("b", vec![b_address]);
    b.register("c", vec![c_address.clone()]);
    a.set_node("mine", "a");
    let error = a
        .scheduler()
        .handle(message("mine.in"))
        .await
        .expect_err("no instance");
    assert_eq!(error.to_string(), "instance not found: mine");
    assert_eq!(network.dials(&a_address), 0);

    // a believes that b has the node; b knows better, and still does not pass it on.
    place(&c, &[&b], "moved", Echo, &[]);
    a.set_node("moved", "b");
    let error = a
        .scheduler()
        .handle(message("moved.in"))
        .await
        .expect_err("b does not have it");
    assert_eq!(error.to_string(), "remote error: instance not found: moved");
    assert_eq!(network.dials(&c_address), 0);
}
