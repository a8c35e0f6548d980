//! Lines 130 to 138, 141 and 147: the life of a provider, and its configuration.

use std::time::Duration;

use squall_provider_sdk::{
    Authority, Canary, Config, Discover, DiscoverError, Provider, Ratio, StartError, State, async_trait,
};
use tonic::Status;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_130_a_new_provider_has_its_namespace_and_the_modules_that_it_was_given() {
    let network = Network::default();
    let host = Host::new(&network);
    let empty = Provider::builder(host.clone(), "ml").build().unwrap();
    assert_eq!(empty.handle().namespace(), "ml");
    assert!(empty.handle().modules().is_empty());
    for names in [&["A"][..], &["B", "A"]] {
        let modules = names.iter().map(|name| echo(name));
        let provider = Provider::builder(host.clone(), "ml")
            .modules(modules)
            .build()
            .unwrap();
        let listed: Vec<_> = provider
            .handle()
            .modules()
            .iter()
            .map(|it| it.name().to_string())
            .collect();
        assert_eq!(listed, names);
    }
}

#[tokio::test(start_paused = true)]
async fn line_132_start_connects_to_all_instances_and_serves() {
    let network = Network::default();
    let (a, b) = (Manager::start(&network).await, Manager::start(&network).await);
    let host = Host::new(&network);
    let running = provider(&host, &[&a, &b]).build().unwrap().start().await.unwrap();
    let listed: Vec<_> = running
        .status()
        .into_iter()
        .map(|it| (it.manager, it.state))
        .collect();
    assert_eq!(
        listed,
        [(a.address(), State::Active), (b.address(), State::Active)]
    );
    for manager in [&a, &b] {
        assert_eq!(manager.registrations().len(), 1);
        assert_eq!(say(&host, &manager.executor(), "Echo", "hi").await.unwrap(), "hi");
    }
}

#[tokio::test(start_paused = true)]
async fn line_133_134_stop_deregisters_stops_the_executor_and_can_be_called_twice() {
    let network = Network::default();
    let (a, b) = (Manager::start(&network).await, Manager::start(&network).await);
    let host = Host::new(&network);
    let running = provider(&host, &[&a, &b]).build().unwrap().start().await.unwrap();
    running.stop().await;
    running.stop().await;
    for manager in [&a, &b] {
        assert_eq!(manager.registrations().len(), 1);
        assert_eq!(manager.deregistrations().len(), 1);
    }
    assert!(running.status().iter().all(|it| it.state == State::Disconnected));
    soon().await;
    assert_eq!(host.tasks(), 0, "the executor is stopped");
}

#[tokio::test(start_paused = true)]
async fn line_135_without_instances_it_starts_and_has_no_status() {
    let network = Network::default();
    let host = Host::new(&network);
    let provider = provider(&host, &[]).build().unwrap();
    assert!(provider.handle().status().is_empty());
    let running = provider.start().await.unwrap();
    assert!(running.status().is_empty());
    assert!(running.executor_addr().is_some());
}

struct Fixed(Vec<Authority>);

#[async_trait]
impl Discover for Fixed {
    async fn managers(&self) -> Result<Vec<Authority>, DiscoverError> {
        Ok(self.0.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn line_136_a_provider_can_be_made_with_a_source_of_managers() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let source = Fixed(vec![manager.address(), manager.address()]);
    let provider = provider(&host, &[]).discover(source).build().unwrap();
    let running = provider.start().await.unwrap();
    assert_eq!(running.status().len(), 1, "duplicates are one");
    assert_eq!(manager.registrations().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn line_137_one_of_two_that_rejects_fails_the_start_and_nothing_is_left() {
    let network = Network::default();
    let (a, b) = (Manager::start(&network).await, Manager::start(&network).await);
    let host = Host::new(&network);
    b.reject("Namespace 'ml' is owned by another provider");
    let error = provider(&host, &[&a, &b]).build().unwrap().start().await;
    let error = error.err().expect("b rejects");
    assert!(matches!(&error, StartError::Connect { manager, .. } if *manager == b.address()));
    assert!(error.to_string().contains("Registration failed"), "{error}");
    assert_eq!(
        a.names(),
        ["register", "opened", "heartbeat", "half-closed", "deregister"]
    );
    soon().await;
    assert_eq!(host.tasks(), 0);
}

#[tokio::test(start_paused = true)]
async fn line_138_errors_of_deregister_and_of_the_transport_do_not_keep_it_from_stopping() {
    let network = Network::default();
    let (a, b) = (Manager::start(&network).await, Manager::start(&network).await);
    let host = Host::new(&network);
    let running = provider(&host, &[&a, &b]).build().unwrap().start().await.unwrap();
    a.fail_deregister(Status::unavailable("no"));
    b.kill();
    running.stop().await;
    assert!(running.status().iter().all(|it| it.state == State::Disconnected));
    soon().await;
    assert_eq!(host.tasks(), 0, "the executor is stopped");
}

#[test]
fn line_141_147_defaults_are_those_of_the_existing_sdks_and_custom_values_are_kept() {
    let config = Config::default();
    let seconds = Duration::from_secs;
    assert_eq!(
        (config.executor_port, &*config.executor_host),
        (9091, "localhost")
    );
    assert_eq!(config.heartbeat_interval, seconds(5));
    assert_eq!(
        (config.reconnect_first, config.reconnect_max),
        (seconds(1), seconds(60))
    );
    assert_eq!((config.reconnect_attempts, config.group), (10, None));
    let canary = Canary {
        observation_window: seconds(30),
        health_threshold: Ratio::new(95, 100),
        max_latency: seconds(5),
        rollback_on_failure: true,
    };
    assert_eq!(config.canary, canary);
    let custom = Config {
        reconnect_attempts: 3,
        canary: Canary {
            rollback_on_failure: false,
            ..canary
        },
        ..Config::default()
    };
    assert_eq!(custom.reconnect_attempts, 3);
    assert!(!custom.canary.rollback_on_failure);
    assert_eq!(
        custom.canary.max_latency, canary.max_latency,
        "the rest is as it was"
    );
}
