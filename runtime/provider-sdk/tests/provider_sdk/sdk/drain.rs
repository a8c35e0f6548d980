//! Being asked to leave. Spec: provider 2.7.

use squall_provider_sdk::State;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn it_finishes_what_is_in_flight_leaves_in_order_and_does_not_come_back() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let provider = provider(&host, &[&manager]).module(slow("Slow", ms(3000)));
    let running = provider.build().unwrap().start().await.unwrap();
    let call = {
        let (host, url) = (host.clone(), manager.executor());
        background(async move { say(&host, &url, "Slow", "x").await })
    };
    soon().await;
    manager.drain("maintenance", 30_000);
    tokio::time::sleep(ms(2500)).await;
    assert_eq!(running.status()[0].state, State::Draining);
    let late = say(&host, &manager.executor(), "Echo", "late").await;
    assert_eq!(late.unwrap(), "late", "what still comes is served");
    tokio::time::sleep(ms(500)).await;
    assert_eq!(call.await.unwrap().unwrap(), "x");
    let status = &running.status()[0];
    assert_eq!(status.state, State::Disconnected);
    assert!(status.error.is_none(), "it was asked to");
    let names = [
        "register",
        "opened",
        "heartbeat",
        "drain ack",
        "half-closed",
        "deregister",
    ];
    assert_eq!(manager.names(), names);
    tokio::time::sleep(ms(600_000)).await;
    assert_eq!(manager.names(), names);

    assert!(running.connect(&manager.address()));
    soon().await;
    assert_eq!(running.status()[0].state, State::Active, "unless it is told to");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_ends_the_wait_but_not_the_call() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let provider = provider(&host, &[&manager]).module(slow("Slow", ms(60_000)));
    let running = provider.build().unwrap().start().await.unwrap();
    let call = {
        let (host, url) = (host.clone(), manager.executor());
        background(async move { say(&host, &url, "Slow", "x").await })
    };
    soon().await;
    manager.drain("", 2000);
    tokio::time::sleep(ms(1950)).await;
    assert_eq!(running.status()[0].state, State::Draining);
    tokio::time::sleep(ms(100)).await;
    assert_eq!(running.status()[0].state, State::Disconnected);
    assert_eq!(call.await.unwrap().unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn heartbeats_go_on_while_it_drains_and_a_second_request_changes_nothing() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let provider = provider(&host, &[&manager]).module(slow("Slow", ms(12_000)));
    let running = provider.build().unwrap().start().await.unwrap();
    let call = {
        let (host, url) = (host.clone(), manager.executor());
        background(async move { say(&host, &url, "Slow", "x").await })
    };
    soon().await;
    manager.drain("", 30_000);
    manager.drain("", 1);
    tokio::time::sleep(ms(11_000)).await;
    assert_eq!(running.status()[0].state, State::Draining);
    assert_eq!(manager.times("heartbeat").len(), 3);
    assert_eq!(manager.times("drain ack").len(), 1);
    call.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_break_while_it_drains_is_an_end_and_others_go_on() {
    let network = Network::default();
    let (a, b) = (Manager::start(&network).await, Manager::start(&network).await);
    let host = Host::new(&network);
    let running = provider(&host, &[&a, &b]).build().unwrap().start().await.unwrap();
    a.drain("", 30_000);
    tokio::time::sleep(ms(10)).await;
    a.end(None);
    tokio::time::sleep(ms(60_000)).await;
    let states: Vec<_> = running.status().iter().map(|it| it.state).collect();
    assert_eq!(states, [State::Disconnected, State::Active]);
    assert_eq!(a.registrations().len(), 1);
}
