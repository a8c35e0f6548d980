//! Lines 84 and 85, and what a provider does of the control plane beyond them.

use squall_provider_sdk::State;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_84_a_drain_request_is_answered_with_a_drain_ack_that_has_its_fields_and_the_connection() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let provider = provider(&host, &[&manager]).module(slow("Slow", ms(5000)));
    let running = provider.build().unwrap().start().await.unwrap();
    let url = manager.executor();
    let calls = [(); 2].map(|()| {
        let (host, url) = (host.clone(), url.clone());
        background(async move { say(&host, &url, "Slow", "hello").await })
    });
    soon().await;
    manager.drain("maintenance", 30_000);
    soon().await;
    let ack = Seen::DrainAck {
        connection: "connection-1".to_owned(),
        accepted: true,
        in_flight: 2,
    };
    assert!(manager.seen().contains(&ack), "{:?}", manager.seen());
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), "hello");
    }
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn line_85_a_connection_that_drains_is_not_healthy() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    manager.drain("", 30_000);
    tokio::time::sleep(ms(1)).await;
    let state = running.status()[0].state;
    assert_eq!(state, State::Draining);
    assert!(!state.is_healthy());
}
