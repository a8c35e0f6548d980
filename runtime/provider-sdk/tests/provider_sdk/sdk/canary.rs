//! Rollouts that are measured, and how they can end. Spec: provider 3.7.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use squall_provider_sdk::{
    Authority, CType, CValue, Canary, CanaryOutcome, Config, Handle, HandlerError, Module, Ratio, Running,
    State,
};

use crate::support::*;

struct Fleet {
    network: Network,
    managers: Vec<Manager>,
    host: Host,
    running: Running<Host>,
}

impl Fleet {
    /// Sorted by address, with modules that say `old`.
    async fn start(managers: usize, canary: Canary) -> Self {
        let network = Network::default();
        let mut all = Vec::new();
        for _ in 0..managers {
            all.push(Manager::start(&network).await);
        }
        let host = Host::new(&network);
        let config = Config { canary, ..config() };
        let addresses: Vec<_> = all.iter().map(Manager::address).collect();
        let provider = squall_provider_sdk::Provider::builder(host.clone(), "ml");
        let provider = provider
            .managers(addresses)
            .config(config)
            .module(says("Version", "old"));
        Fleet {
            network,
            managers: all,
            running: provider.build().unwrap().start().await.unwrap(),
            host,
        }
    }

    /// Begins a rollout in the background.
    fn roll_out(&self, modules: Vec<Module>) -> tokio::task::JoinHandle<CanaryOutcome> {
        let handle: Handle<Host> = self.running.handle();
        background(async move { handle.canary(modules).await })
    }

    async fn version(&self, manager: usize) -> String {
        let answer = say(&self.host, &self.managers[manager].executor(), "Version", "").await;
        answer.unwrap_or_else(|error| error.message)
    }

    async fn versions(&self) -> Vec<String> {
        let mut versions = Vec::new();
        for manager in 0..self.managers.len() {
            versions.push(self.version(manager).await);
        }
        versions
    }

    fn addresses(&self, managers: &[usize]) -> Vec<Authority> {
        managers.iter().map(|&it| self.managers[it].address()).collect()
    }
}

fn new() -> Vec<Module> {
    vec![says("Version", "new").version("2")]
}

fn lenient() -> Canary {
    Canary {
        rollback_on_failure: false,
        ..Canary::default()
    }
}

#[tokio::test(start_paused = true)]
async fn one_instance_at_a_time_serves_the_new_modules_and_the_others_the_old() {
    let fleet = Fleet::start(3, Canary::default()).await;
    let rollout = fleet.roll_out(new());
    for expected in [
        ["new", "old", "old"],
        ["new", "new", "old"],
        ["new", "new", "new"],
    ] {
        tokio::time::sleep(ms(15_000)).await;
        assert_eq!(fleet.versions().await, expected);
        tokio::time::sleep(ms(15_000)).await;
    }
    assert_eq!(rollout.await.unwrap(), CanaryOutcome::Promoted);
    let urls: Vec<_> = fleet.managers.iter().map(Manager::executor).collect();
    assert!(
        urls[0] != urls[1] && urls[1] != urls[2],
        "each has its own executor now: {urls:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn who_has_an_executor_alone_is_upgraded_in_place_and_registers_anew_only_for_other_types() {
    let fleet = Fleet::start(1, Canary::default()).await;
    assert_eq!(fleet.running.canary(new()).await, CanaryOutcome::Promoted);
    assert_eq!(fleet.managers[0].registrations().len(), 1);
    assert_eq!(fleet.versions().await, ["new"]);
    let renamed = vec![says("Renamed", "newer")];
    assert_eq!(fleet.running.canary(renamed).await, CanaryOutcome::Promoted);
    let registrations = fleet.managers[0].registrations();
    assert_eq!(registrations.len(), 2);
    assert_eq!(registrations[1].modules[0].name, "Renamed");
    let deregistered = &fleet.managers[0].deregistrations()[0];
    assert_eq!(
        deregistered.module_names,
        ["Version"],
        "what the manager had, not what is new"
    );
}

#[tokio::test(start_paused = true)]
async fn too_many_errors_in_the_window_roll_all_back() {
    let fleet = Fleet::start(2, Canary::default()).await;
    let rollout = fleet.roll_out(vec![fails("Version", "broken")]);
    tokio::time::sleep(ms(1000)).await;
    assert_eq!(fleet.versions().await, ["broken", "old"]);
    let outcome = rollout.await.unwrap();
    let reason = outcome.reason();
    assert!(matches!(outcome, CanaryOutcome::RolledBack { .. }), "{outcome:?}");
    assert!(
        reason.ends_with("0 of 1 executions succeeded, fewer than 95/100"),
        "{reason}"
    );
    assert_eq!(fleet.versions().await, ["old", "old"]);
}

#[tokio::test(start_paused = true)]
async fn errors_within_the_threshold_are_no_reason() {
    let canary = Canary {
        health_threshold: Ratio::new(1, 2),
        ..Canary::default()
    };
    let fleet = Fleet::start(1, canary).await;
    let flaky = Module::new("Version", text_type(), text_type(), |input, _| async move {
        match input == text("bad") {
            true => Err(HandlerError::new("bad")),
            false => Ok(input),
        }
    });
    let rollout = fleet.roll_out(vec![flaky]);
    tokio::time::sleep(ms(1000)).await;
    for said in ["good", "bad"] {
        drop(say(&fleet.host, &fleet.managers[0].executor(), "Version", said).await);
    }
    assert_eq!(rollout.await.unwrap(), CanaryOutcome::Promoted);
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_is_too_slow_rolls_back_also_while_it_still_runs() {
    for takes in [6000, 600_000] {
        let fleet = Fleet::start(2, Canary::default()).await;
        let rollout = fleet.roll_out(vec![slow("Version", ms(takes))]);
        tokio::time::sleep(ms(1000)).await;
        let (host, url) = (fleet.host.clone(), fleet.managers[0].executor());
        let call = background(async move { say(&host, &url, "Version", "x").await });
        let outcome = rollout.await.unwrap();
        assert!(outcome.reason().contains("an execution took"), "{outcome:?}");
        assert_eq!(fleet.versions().await, ["old", "old"]);
        call.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn errors_at_instances_that_are_not_upgraded_do_not_count() {
    let fleet = Fleet::start(2, Canary::default()).await;
    let rollout = fleet.roll_out(new());
    tokio::time::sleep(ms(1000)).await;
    for _ in 0..10 {
        let error = say(&fleet.host, &fleet.managers[1].executor(), "Nobody", "").await;
        assert!(error.is_err());
    }
    assert_eq!(rollout.await.unwrap(), CanaryOutcome::Promoted);
}

#[tokio::test(start_paused = true)]
async fn without_rollback_what_is_upgraded_stays_and_every_instance_is_accounted_for() {
    let fleet = Fleet::start(4, lenient()).await;
    fleet.managers[2].kill();
    let outcome = fleet.running.canary(new()).await;
    let CanaryOutcome::PartialFailure {
        promoted,
        failed,
        unchanged,
        reason,
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert_eq!(promoted, fleet.addresses(&[0, 1]));
    assert_eq!(failed, fleet.addresses(&[2]));
    assert_eq!(unchanged, fleet.addresses(&[3]));
    assert!(reason.contains("it is reconnecting"), "{reason}");
    assert_eq!([fleet.version(0).await, fleet.version(3).await], ["new", "old"]);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_that_fails_itself_says_where() {
    let fleet = Fleet::start(2, Canary::default()).await;
    let other_type = Module::new("Version", text_type(), CType::Int, |_, _| async {
        Ok(CValue::Int(2))
    });
    let rollout = fleet.roll_out(vec![other_type]);
    tokio::time::sleep(ms(35_000)).await;
    fleet.managers[1].kill();
    fleet.managers[0].reject("Namespace 'ml' is reserved");
    let outcome = rollout.await.unwrap();
    let CanaryOutcome::PartialFailure {
        promoted,
        failed,
        unchanged,
        reason,
    } = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(promoted.is_empty());
    assert_eq!(failed, fleet.addresses(&[0]));
    assert_eq!(unchanged, fleet.addresses(&[1]));
    assert!(reason.ends_with("and not all could be rolled back"), "{reason}");
    assert_eq!(fleet.running.status()[0].state, State::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_of_other_types_registers_the_old_ones_again() {
    let fleet = Fleet::start(1, Canary::default()).await;
    let broken = Arc::new(AtomicBool::new(true));
    let module = {
        let broken = Arc::clone(&broken);
        Module::new("Other", text_type(), text_type(), move |input, _| {
            let broken = broken.load(Ordering::SeqCst);
            async move { if broken { Err("broken".into()) } else { Ok(input) } }
        })
    };
    let rollout = fleet.roll_out(vec![module]);
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop(say(&fleet.host, &fleet.managers[0].executor(), "Other", "x").await);
    assert!(matches!(rollout.await.unwrap(), CanaryOutcome::RolledBack { .. }));
    let declared: Vec<_> = fleet.managers[0]
        .registrations()
        .into_iter()
        .map(|it| it.modules[0].name.clone())
        .collect();
    assert_eq!(declared, ["Version", "Other", "Version"]);
    assert_eq!(fleet.versions().await, ["old"]);
    assert_eq!(fleet.running.status()[0].state, State::Active);
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_is_cut_off_after_its_window_has_the_new_modules_when_it_is_there_again() {
    let fleet = Fleet::start(2, Canary::default()).await;
    let rollout = fleet.roll_out(vec![says("Renamed", "new")]);
    tokio::time::sleep(ms(40_000)).await;
    fleet.managers[0].kill();
    assert_eq!(rollout.await.unwrap(), CanaryOutcome::Promoted);
    assert_eq!(fleet.running.status()[0].state, State::Reconnecting);
    let port = fleet.managers[0].address().port_u16().unwrap();
    let again = Manager::start_at(&fleet.network, port).await;
    tokio::time::sleep(ms(120_000)).await;
    assert_eq!(fleet.running.status()[0].state, State::Active);
    assert_eq!(again.registrations()[0].modules[0].name, "Renamed");
}

#[tokio::test(start_paused = true)]
async fn names_that_no_server_takes_are_not_rolled_out() {
    let fleet = Fleet::start(1, Canary::default()).await;
    let outcome = fleet.running.canary(vec![echo("1st")]).await;
    assert_eq!(outcome.reason(), "Module name must start with a letter");
    assert_eq!(fleet.versions().await, ["old"]);
}
