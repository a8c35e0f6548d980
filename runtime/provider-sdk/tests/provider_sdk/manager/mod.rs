//! Providers at the real manager, from registration to the end.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are tests: a panic is the report"
)]

use std::sync::Arc;

use crate::support::*;
use squall_engine::{Call, Engine, LocalEngine};
use squall_platform::Platform;
use squall_provider::{Config as ManagerConfig, State as ProviderState};
use squall_provider_sdk::{Authority, CValue, Config, Module, Provider, Running, State};

type RealManager = squall_provider::Manager<Host>;

/// A manager that serves, its address, and its process.
async fn manager(network: &Network, port: u16) -> (RealManager, Authority, Host) {
    let host = Host::new(network);
    let config = ManagerConfig {
        grpc_port: port,
        ..ManagerConfig::default()
    };
    let manager = RealManager::new(host.clone(), config, Arc::new(LocalEngine::new()));
    let server = manager.bind().await.unwrap();
    let address = server.local_addr().to_string().parse().unwrap();
    host.spawn(server.run());
    (manager, address, host)
}

async fn start(
    network: &Network,
    managers: &[&Authority],
    group: Option<&str>,
    modules: Vec<Module>,
) -> Running<Host> {
    let config = Config {
        group: group.map(str::to_owned),
        ..config()
    };
    let provider = Provider::builder(Host::new(network), "ml")
        .config(config)
        .modules(modules);
    let provider = provider
        .managers(managers.iter().map(|it| (*it).clone()))
        .build()
        .unwrap();
    provider.start().await.unwrap()
}

async fn call(manager: &RealManager, module: &str, said: &str) -> Result<CValue, String> {
    let called = manager.call(Call::new(module, text(said))).await;
    called.map_err(|error| error.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_module_is_listed_called_and_gone_after_the_stop() {
    let network = Network::default();
    let (manager, address, _) = manager(&network, 0).await;
    let running = start(&network, &[&address], None, vec![echo("Echo")]).await;
    soon().await;
    assert_eq!(manager.providers()[0].state, ProviderState::Active);
    assert_eq!(&*manager.modules()[0].name, "ml.Echo");
    assert_eq!(call(&manager, "ml.Echo", "hello").await, Ok(text("hello")));
    tokio::time::sleep(ms(120_000)).await;
    assert_eq!(call(&manager, "ml.Echo", "still").await, Ok(text("still")));
    running.stop().await;
    assert!(manager.modules().is_empty());
    assert!(manager.providers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_drain_leaves_the_other_member_and_no_call_fails() {
    let network = Network::default();
    let (manager, address, _) = manager(&network, 0).await;
    let a = start(&network, &[&address], Some("pool"), vec![slow("Slow", ms(300))]).await;
    let _b = start(&network, &[&address], Some("pool"), vec![slow("Slow", ms(300))]).await;
    let calls: Vec<_> = (0..40)
        .map(|number| {
            let manager = manager.clone();
            background(async move {
                tokio::time::sleep(ms(number * 50)).await;
                call(&manager, "ml.Slow", "x").await
            })
        })
        .collect();
    tokio::time::sleep(ms(1000)).await;
    let drained = a.status()[0].connection.clone().unwrap();
    assert!(manager.drain(&drained, "maintenance", None));
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(text("x")));
    }
    soon().await;
    assert_eq!(a.status()[0].state, State::Disconnected);
    assert_eq!(manager.providers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_restarts_gets_its_providers_back() {
    let network = Network::default();
    let (_, address, host) = manager(&network, 9090).await;
    let running = start(&network, &[&address], None, vec![echo("Echo")]).await;
    host.kill();
    tokio::time::sleep(ms(3000)).await;
    assert_eq!(running.status()[0].state, State::Reconnecting);
    let (again, _, _) = manager(&network, 9090).await;
    tokio::time::sleep(ms(8000)).await;
    assert_eq!(call(&again, "ml.Echo", "hello").await, Ok(text("hello")));
}

#[tokio::test(start_paused = true)]
async fn a_network_that_heals_has_its_solo_provider_back_once_the_old_connection_is_forgotten() {
    let network = Network::default();
    let (manager, address, _) = manager(&network, 0).await;
    let running = start(&network, &[&address], None, vec![echo("Echo")]).await;
    tokio::time::sleep(ms(7000)).await;
    network.cut();
    tokio::time::sleep(ms(60_000)).await;
    assert_eq!(running.status()[0].state, State::Active);
    assert_eq!(manager.providers().len(), 1);
    assert_eq!(call(&manager, "ml.Echo", "hello").await, Ok(text("hello")));
}

#[tokio::test(start_paused = true)]
async fn a_rollout_serves_one_manager_the_new_and_the_other_the_old() {
    let network = Network::default();
    let (first, first_address, _) = manager(&network, 0).await;
    let (second, second_address, _) = manager(&network, 0).await;
    let managers = [&first_address, &second_address];
    let running = start(&network, &managers, None, vec![says("Version", "old")]).await;
    let rollout = {
        let handle = running.handle();
        background(async move { handle.canary(vec![says("Version", "new")]).await })
    };
    for expected in [["new", "old"], ["new", "new"]] {
        tokio::time::sleep(ms(15_000)).await;
        for (manager, version) in [&first, &second].into_iter().zip(expected) {
            assert_eq!(call(manager, "ml.Version", "").await, Ok(text(version)));
        }
        tokio::time::sleep(ms(15_000)).await;
    }
    assert_eq!(
        rollout.await.unwrap(),
        squall_provider_sdk::CanaryOutcome::Promoted
    );
}

#[tokio::test(start_paused = true)]
async fn replaced_types_are_what_the_manager_knows_next() {
    let network = Network::default();
    let (manager, address, _) = manager(&network, 0).await;
    let running = start(&network, &[&address], None, vec![echo("Old")]).await;
    running.replace_modules(vec![echo("New")]).await.unwrap();
    soon().await;
    let names: Vec<_> = manager.modules().iter().map(|it| it.name.to_string()).collect();
    assert_eq!(names, ["ml.New"]);
    assert_eq!(call(&manager, "ml.New", "x").await, Ok(text("x")));
}
