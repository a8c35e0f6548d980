//! Lines 148 to 155: rolling out.

use squall_provider_sdk::{CanaryOutcome, Running, State};
use tokio::time::Instant;

use crate::support::*;

const WINDOW: u64 = 30_000;

async fn fleet(network: &Network, managers: usize) -> (Vec<Manager>, Host, Running<Host>) {
    let mut all = Vec::new();
    for _ in 0..managers {
        all.push(Manager::start(network).await);
    }
    let host = Host::new(network);
    let list: Vec<_> = all.iter().collect();
    let provider = provider(&host, &[]).managers(list.iter().map(|it| it.address()));
    let provider = provider.modules([says("Version", "old")]);
    let running = provider.build().unwrap().start().await.unwrap();
    (all, host, running)
}

fn new() -> Vec<squall_provider_sdk::Module> {
    vec![echo("Echo"), says("Version", "new").version("2")]
}

async fn version(host: &Host, manager: &Manager) -> String {
    say(host, &manager.executor(), "Version", "").await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn line_148_151_all_healthy_is_promoted_and_all_have_the_new_modules() {
    for managers in 0..=2 {
        let network = Network::default();
        let (managers, host, running) = fleet(&network, managers).await;
        assert_eq!(running.canary(new()).await, CanaryOutcome::Promoted);
        for manager in &managers {
            assert_eq!(version(&host, manager).await, "new");
        }
        assert!(running.status().iter().all(|it| it.state == State::Active));
    }
}

#[tokio::test(start_paused = true)]
async fn line_149_150_152_one_that_is_not_healthy_rolls_it_and_all_before_back_and_is_named() {
    for (count, failing) in [(2, 0), (3, 1), (2, 1), (3, 2)] {
        let network = Network::default();
        let (managers, host, running) = fleet(&network, count).await;
        managers[failing].kill();
        let outcome = running.canary(new()).await;
        let CanaryOutcome::RolledBack { reason } = outcome else {
            panic!("{outcome:?}");
        };
        let told = format!("Instance {} failed health check", managers[failing].address());
        assert!(reason.starts_with(&told), "{reason}");
        for manager in &managers {
            assert_eq!(version(&host, manager).await, "old", "{failing} of {count}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn line_153_the_window_passes_before_the_health_check_once_for_each_instance() {
    let network = Network::default();
    let (_managers, _host, running) = fleet(&network, 3).await;
    let started = Instant::now();
    running.canary(new()).await;
    assert_eq!(started.elapsed().as_millis(), u128::from(3 * WINDOW));
}

#[tokio::test(start_paused = true)]
async fn line_154_an_empty_list_is_promoted_and_leaves_no_modules() {
    let network = Network::default();
    let (managers, host, running) = fleet(&network, 2).await;
    assert_eq!(running.canary(Vec::new()).await, CanaryOutcome::Promoted);
    assert!(running.modules().is_empty());
    for manager in &managers {
        let error = say(&host, &manager.executor(), "Echo", "")
            .await
            .expect_err("it is gone");
        assert_eq!(error.code, "MODULE_NOT_FOUND");
        assert!(manager.registrations().pop().unwrap().modules.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn line_155_after_a_promotion_the_providers_list_is_the_new_one() {
    let network = Network::default();
    let (_managers, _host, running) = fleet(&network, 1).await;
    let added = [new(), vec![echo("Added")]].concat();
    assert_eq!(running.canary(added).await, CanaryOutcome::Promoted);
    let names: Vec<_> = running.modules().iter().map(|it| it.name().to_string()).collect();
    assert_eq!(names, ["Echo", "Version", "Added"]);
}
