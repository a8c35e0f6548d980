//! The end: in order, with what is in flight. Spec: provider 3.2.

use squall_provider_sdk::Config;
use tokio::time::Instant;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn calls_in_flight_are_finished_and_answered() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let caller = Host::new(&network);
    let provider = provider(&host, &[&manager]).module(slow("Slow", ms(2500)));
    let running = provider.build().unwrap().start().await.unwrap();
    let url = manager.executor();
    let call = background(async move { say(&caller, &url, "Slow", "x").await });
    soon().await;
    let started = Instant::now();
    running.stop().await;
    assert_eq!(manager.deregistrations().len(), 1);
    assert!((2400..2600).contains(&started.elapsed().as_millis()));
    assert_eq!(call.await.unwrap().unwrap(), "x");
}

#[tokio::test(start_paused = true)]
async fn what_takes_longer_than_the_grace_is_cut() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let caller = Host::new(&network);
    let config = Config {
        stop_grace: ms(1000),
        ..config()
    };
    let provider = provider(&host, &[&manager]).module(slow("Slow", ms(60_000)));
    let running = provider.config(config).build().unwrap().start().await.unwrap();
    let url = manager.executor();
    let call = background(async move { say(&caller, &url, "Slow", "x").await });
    soon().await;
    let started = Instant::now();
    running.stop().await;
    assert_eq!(started.elapsed().as_millis(), 1000);
    assert!(call.await.is_err(), "there was no answer");
    soon().await;
    assert_eq!(host.tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_answers_nothing_delays_the_end_by_one_request() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    soon().await;
    network.freeze();
    let started = Instant::now();
    running.stop().await;
    assert_eq!(started.elapsed().as_millis(), 10_000);
    soon().await;
    assert_eq!(host.tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_stops_while_a_registration_is_on_its_way_takes_it_back() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let provider = provider(&host, &[&manager]).build().unwrap();
    let (shutdown, asked) = tokio::sync::oneshot::channel::<()>();
    let run = background(provider.run(async { drop(asked.await) }));
    while manager.registrations().is_empty() {
        tokio::task::yield_now().await;
    }
    shutdown.send(()).unwrap();
    run.await.unwrap().unwrap();
    assert_eq!(manager.deregistrations().len(), 1, "{:?}", manager.names());
}
