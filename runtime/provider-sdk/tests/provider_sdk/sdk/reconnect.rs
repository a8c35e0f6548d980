//! Breaks, and coming back. Spec: provider 3.4.

use squall_provider_sdk::{Config, ConnectError, State};
use tokio::sync::oneshot;
use tonic::Status;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_ends_or_fails_is_followed_by_a_registration_with_a_new_identifier() {
    for status in [
        None,
        Some(Status::not_found("who?")),
        Some(Status::internal("oops")),
    ] {
        let network = Network::default();
        let (manager, host) = (Manager::start(&network).await, Host::new(&network));
        let running = provider(&host, &[&manager])
            .build()
            .unwrap()
            .start()
            .await
            .unwrap();
        soon().await;
        manager.end(status.clone());
        soon().await;
        let broken = &running.status()[0];
        assert_eq!(broken.state, State::Reconnecting, "{status:?}");
        assert!(broken.error.is_some());
        tokio::time::sleep(ms(1000)).await;
        let back = &running.status()[0];
        assert_eq!(
            (back.state, back.connection.as_deref()),
            (State::Active, Some("connection-2"))
        );
        assert!(back.error.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_restarts_is_found_again_by_itself() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    manager.kill();
    tokio::time::sleep(ms(5000)).await;
    assert_eq!(running.status()[0].state, State::Reconnecting);
    let again = Manager::start_at(&network, manager.address().port_u16().unwrap()).await;
    tokio::time::sleep(ms(8000)).await;
    assert_eq!(running.status()[0].state, State::Active);
    assert_eq!(say(&host, &again.executor(), "Echo", "x").await.unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn missing_acks_for_three_intervals_and_not_less_are_a_break() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    soon().await;
    manager.ack(false);
    tokio::time::sleep(ms(14_900)).await;
    assert_eq!(running.status()[0].state, State::Active);
    tokio::time::sleep(ms(100)).await;
    let status = &running.status()[0];
    assert_eq!(status.state, State::Reconnecting);
    assert!(
        matches!(status.error, Some(ConnectError::NoAck { .. })),
        "{:?}",
        status.error
    );
    manager.ack(true);
    tokio::time::sleep(ms(60_000)).await;
    assert_eq!(running.status()[0].state, State::Active);
    assert_eq!(manager.registrations().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_stood_still_does_not_take_its_manager_for_dead() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    soon().await;
    for still in [16_000, 100_000, 14_000] {
        tokio::time::advance(ms(still)).await;
        tokio::time::sleep(ms(6000)).await;
        assert_eq!(running.status()[0].state, State::Active, "{still} ms");
    }
    assert_eq!(manager.registrations().len(), 1);
    // One that really says nothing is found out all the same.
    manager.ack(false);
    tokio::time::advance(ms(20_000)).await;
    tokio::time::sleep(ms(17_000)).await;
    assert_eq!(manager.registrations().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_network_that_falls_silent_is_noticed_although_no_connection_breaks() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    tokio::time::sleep(ms(1)).await;
    network.cut();
    tokio::time::sleep(ms(17_000)).await;
    assert_eq!(running.status()[0].connection.as_deref(), Some("connection-2"));
}

#[tokio::test(start_paused = true)]
async fn attempts_double_their_wait_up_to_the_most_and_then_the_manager_is_given_up() {
    let network = Network::default();
    let (lost, kept) = (Manager::start(&network).await, Manager::start(&network).await);
    let host = Host::new(&network);
    let config = Config {
        reconnect_attempts: 5,
        reconnect_max: ms(4000),
        ..config()
    };
    let provider = provider(&host, &[&lost, &kept]).config(config).build().unwrap();
    let running = provider.start().await.unwrap();
    for _ in 0..5 {
        lost.fail(Status::unavailable("starting"));
    }
    soon().await;
    lost.end(None);
    tokio::time::sleep(ms(60_000)).await;
    let tried = lost.times("register");
    assert_eq!(tried.len(), 6);
    let waits: Vec<_> = tried.windows(2).map(|it| (it[1] - it[0]).as_millis()).collect();
    for (waited, most) in waits.iter().zip([60_000, 2000, 4000, 4000, 4000]).skip(1) {
        assert!((most / 2..=most).contains(waited), "{waits:?}");
    }
    let [lost_status, kept_status] = &running.status()[..] else {
        panic!("two instances");
    };
    assert_eq!(lost_status.state, State::Disconnected);
    let error = lost_status.error.as_ref().expect("it was given up");
    assert_eq!(
        error.to_string(),
        "given up after 5 attempts in a row: Register: UNAVAILABLE: starting"
    );
    assert_eq!(
        (kept_status.state, kept_status.error.is_none()),
        (State::Active, true)
    );

    assert!(running.connect(&lost.address()));
    soon().await;
    assert_eq!(
        running.status()[0].state,
        State::Active,
        "who is told to connects again"
    );
}

#[tokio::test(start_paused = true)]
async fn success_ends_the_row_of_failures() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let config = Config {
        reconnect_attempts: 2,
        ..config()
    };
    let provider = provider(&host, &[&manager]).config(config).build().unwrap();
    let running = provider.start().await.unwrap();
    soon().await;
    for _ in 0..5 {
        manager.fail(Status::unavailable("once"));
        manager.end(None);
        tokio::time::sleep(ms(10_000)).await;
        assert_eq!(running.status()[0].state, State::Active);
    }
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_is_still_owned_right_after_a_break_is_tried_again() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    for _ in 0..3 {
        manager.reject("Namespace 'ml' is owned by another provider");
    }
    soon().await;
    manager.end(None);
    tokio::time::sleep(ms(16_000)).await;
    assert_eq!(running.status()[0].state, State::Active);
    assert_eq!(manager.registrations().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_rejection_that_no_time_heals_is_final() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    manager.reject("Namespace 'ml' is reserved");
    soon().await;
    manager.end(None);
    tokio::time::sleep(ms(60_000)).await;
    let status = &running.status()[0];
    assert_eq!(status.state, State::Disconnected);
    assert!(status.error.as_ref().unwrap().is_the_providers_fault());
    assert_eq!(manager.registrations().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_control_plane_that_cannot_be_opened_leaves_no_registration_behind() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    manager.refuse_control(Some(Status::resource_exhausted("full")));
    provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .err()
        .expect("strict");
    assert_eq!(manager.names(), ["register", "deregister"]);
    assert_eq!(manager.deregistrations()[0].connection_id, "connection-1");
}

#[tokio::test(start_paused = true)]
async fn who_runs_waits_for_managers_that_are_not_there_yet_and_leaves_in_order_at_the_end() {
    let network = Network::default();
    let host = Host::new(&network);
    let manager = authority("127.0.0.1:999");
    let provider = provider(&host, &[]).managers([manager]).build().unwrap();
    let handle = provider.handle();
    let (shutdown, asked) = oneshot::channel::<()>();
    let run = background(provider.run(async { drop(asked.await) }));
    tokio::time::sleep(ms(10_000)).await;
    assert_eq!(handle.status()[0].state, State::Reconnecting);
    let manager = Manager::start_at(&network, 999).await;
    tokio::time::sleep(ms(16_000)).await;
    assert_eq!(handle.status()[0].state, State::Active);
    shutdown.send(()).unwrap();
    run.await.unwrap().unwrap();
    assert_eq!(
        manager.names().split_off(manager.names().len() - 2),
        ["half-closed", "deregister"]
    );
    soon().await;
    assert_eq!(host.tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn lost_heartbeats_are_not_sent_and_come_back() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let _running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    host.lose_heartbeats(true);
    tokio::time::sleep(ms(6000)).await;
    assert_eq!(manager.times("heartbeat").len(), 1);
    host.lose_heartbeats(false);
    tokio::time::sleep(ms(5000)).await;
    assert_eq!(manager.times("heartbeat").len(), 2);
    assert_eq!(manager.registrations().len(), 1, "the ack came in time");
}
