//! Reports of active modules, which may lack some. Spec: provider 2.7.

use squall_provider_sdk::State;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn modules_that_a_manager_has_lost_are_registered_again() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let provider = provider(&host, &[&manager]).module(echo("Other"));
    let running = provider.build().unwrap().start().await.unwrap();
    tokio::time::sleep(ms(6000)).await;
    manager.report(&["Other", "Echo", "Unknown"]);
    soon().await;
    assert_eq!(manager.registrations().len(), 1, "all are there");
    manager.report(&["Echo"]);
    soon().await;
    let names = ["register", "opened", "heartbeat", "heartbeat"];
    let again = ["half-closed", "deregister", "register", "opened", "heartbeat"];
    assert_eq!(manager.names(), [&names[..], &again].concat());
    let status = &running.status()[0];
    assert_eq!(
        (status.state, status.connection.as_deref()),
        (State::Active, Some("connection-2"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_keeps_losing_them_is_not_asked_in_a_tight_loop() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    for _ in 0..300 {
        tokio::time::sleep(ms(200)).await;
        manager.report(&[]);
    }
    let registrations = manager.registrations().len();
    assert!((10..=13).contains(&registrations), "{registrations} in a minute");
    assert_eq!(running.status()[0].state, State::Active);
}
