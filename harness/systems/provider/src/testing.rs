//! Journals of a manager, `engine`, and its providers: `ml` (two hosts of the group `pool`) and `solo`, which compete for
//! the namespace `ml`.

use std::sync::Arc;

use indexmap::IndexMap;
use squall_core::journal::{Event, Handling, Id, Outcome};
use squall_core::plan::Ratio;
pub(crate) use squall_core::testing::*;
use squall_value::{CType, CValue};

use crate::journal::ProviderEvent;
use crate::plan::{Answer, Canary, Handler, Manager, Provider, ProviderModule, Reconnect};
use crate::targets::ModuleCall;

/// The heartbeat timeout of a script's providers.
pub(crate) const HEARTBEAT_TIMEOUT: u64 = 15_000 * MS;

/// Scripts about managers and providers.
pub(crate) trait OfAFleet: Sized {
    /// With a manager and providers besides the hosts of every script. Workload 0 calls `ml.Analyze`.
    fn of_a_fleet() -> Self;

    /// An event on a host.
    fn on(&mut self, host: &str, event: ProviderEvent) -> &mut Self;

    /// The manager accepts a host's registration `id`, and a control plane opens.
    fn joins(&mut self, id: &str, host: &str) -> &mut Self {
        self.registers(id, host)
            .enters(id, host, "active", "control plane opened")
    }

    /// It accepts the registration only.
    fn registers(&mut self, id: &str, host: &str) -> &mut Self {
        self.at_the_manager(ProviderEvent::Registered {
            connection: id.into(),
            namespace: "ml".into(),
            group: group_of(host).into(),
            executor: format!("{host}:9091").into(),
            modules: "ml.Analyze".into(),
        })
    }

    /// A registration enters a state.
    fn enters(&mut self, id: &str, host: &str, state: &str, cause: &str) -> &mut Self {
        self.at_the_manager(ProviderEvent::State {
            connection: id.into(),
            namespace: "ml".into(),
            group: group_of(host).into(),
            executor: format!("{host}:9091").into(),
            state: state.into(),
            cause: cause.into(),
        })
    }

    /// A registration ends.
    fn leaves(&mut self, id: &str, host: &str, cause: &str) -> &mut Self {
        self.enters(id, host, "deregistered", cause)
    }

    /// The manager ejects a member, or readmits it.
    fn put_aside(&mut self, id: &str, host: &str, aside: bool) -> &mut Self {
        self.at_the_manager(ProviderEvent::MemberState {
            connection: id.into(),
            namespace: "ml".into(),
            executor: format!("{host}:9091").into(),
            state: if aside { "aside" } else { "in use" }.into(),
            cause: "".into(),
        })
    }

    /// The namespace has no owner any more.
    fn released(&mut self) -> &mut Self {
        self.at_the_manager(ProviderEvent::NamespaceReleased {
            namespace: "ml".into(),
        })
    }

    /// It rejects a registration.
    fn rejects(&mut self, host: &str, reason: &str) -> &mut Self {
        self.at_the_manager(ProviderEvent::Rejected {
            namespace: "ml".into(),
            group: group_of(host).into(),
            executor: format!("{host}:9091").into(),
            reason: reason.into(),
        })
    }

    /// It gets a heartbeat.
    fn heartbeat(&mut self, id: &str) -> &mut Self {
        self.at_the_manager(ProviderEvent::HeartbeatReceived {
            connection: id.into(),
            timestamp: 0,
        })
    }

    /// The manager sends an execution to a host.
    fn attempt(&mut self, execution: u64, number: u32, id: &str, host: &str) -> &mut Self {
        self.at_the_manager(ProviderEvent::ExecuteStarted {
            trace: Id::NONE,
            execution: Id(execution),
            module: "ml.Analyze".into(),
            namespace: "ml".into(),
            connection: id.into(),
            executor: format!("{host}:9091").into(),
            attempt: number,
            timeout: 2_000 * MS,
            bytes: 15,
            digest: Id(7),
        })
    }

    /// An execution ends at the manager.
    fn attempt_ends(&mut self, execution: u64, number: u32, outcome: Outcome, status: &str) -> &mut Self {
        let (bytes, digest) = if outcome == Outcome::Ok {
            (20, Id(8))
        } else {
            (0, Id::NONE)
        };
        self.at_the_manager(ProviderEvent::ExecuteEnded {
            execution: Id(execution),
            outcome,
            status: status.into(),
            error: "".into(),
            connection: "".into(),
            attempt: number,
            bytes,
            digest,
        })
    }

    /// A provider executes something from start to end.
    fn executes(&mut self, host: &str, execution: u64) -> &mut Self {
        self.on(
            host,
            ProviderEvent::ExecutionStarted {
                execution: Id(execution),
                module: "ml.Analyze".into(),
                namespace: "ml".into(),
                instance: "10.0.0.2:9091".into(),
                timeout: 2_000 * MS,
                bytes: 15,
                digest: Id(7),
            },
        );
        self.on(
            host,
            ProviderEvent::ExecutionEnded {
                execution: Id(execution),
                how: Handling::Ok,
                error: "".into(),
                bytes: 20,
                digest: Id(8),
            },
        )
    }

    /// A canary of `ml-0` comes to a step.
    fn canary_step(&mut self, manager: &str, step: &str, version: &str) -> &mut Self {
        self.on(
            "ml-0",
            ProviderEvent::CanaryStep {
                instance: format!("{manager}:9090").into(),
                step: step.into(),
                version: version.into(),
            },
        )
    }

    /// It ends.
    fn canary_ends(&mut self, outcome: &str, reason: &str) -> &mut Self {
        self.on(
            "ml-0",
            ProviderEvent::CanaryEnded {
                outcome: outcome.into(),
                reason: reason.into(),
            },
        )
    }

    /// An event at the manager.
    fn at_the_manager(&mut self, event: ProviderEvent) -> &mut Self {
        self.on("engine", event)
    }
}

impl OfAFleet for Script {
    fn of_a_fleet() -> Self {
        let mut script = Script::new();
        let topology = Arc::make_mut(&mut script.plan.topology);
        let mut manager = Manager::new("engine");
        manager.heartbeat_timeout = std::time::Duration::from_nanos(HEARTBEAT_TIMEOUT);
        topology.all_mut::<Manager>().insert("engine".to_owned(), manager);
        for (name, hosts, group) in [
            ("ml", &["ml-0", "ml-1"][..], Some("pool")),
            ("solo", &["solo"], None),
        ] {
            let provider = provider(name, hosts, group);
            topology.all_mut::<Provider>().insert(name.to_owned(), provider);
        }
        script.plan.workloads[0].target = Arc::new(ModuleCall {
            name: "ml.Analyze".to_owned(),
            input: CValue::product([("text", CValue::string("hello"))]),
        });
        script.plan.workloads[0].from = vec!["engine".to_owned()];
        script
    }

    fn on(&mut self, host: &str, event: ProviderEvent) -> &mut Self {
        self.push(host, Event::of(event))
    }
}

/// A canary of `ml-0` that observes each manager for 10 s.
pub(crate) fn canary() -> Canary {
    Canary {
        provider: "ml".to_owned(),
        hosts: vec!["ml-0".to_owned()],
        modules: IndexMap::new(),
        observation_window: std::time::Duration::from_secs(10),
        health_threshold: Ratio {
            numerator: 19,
            denominator: 20,
        },
        max_latency: std::time::Duration::from_secs(5),
        rollback: true,
    }
}

fn group_of(host: &str) -> &'static str {
    if host.starts_with("ml-") { "pool" } else { "" }
}

fn provider(name: &str, hosts: &[&str], group: Option<&str>) -> Provider {
    let output = CType::product([("sentiment", CType::Float)]);
    let module = ProviderModule {
        name: "Analyze".to_owned(),
        input: CType::product([("text", CType::String)]),
        handler: Handler::new(Answer::Fixed(CValue::product([(
            "sentiment",
            CValue::Float(0.5),
        )]))),
        output,
        version: "1.0.0".to_owned(),
        description: String::new(),
    };
    Provider {
        name: name.to_owned(),
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        managers: vec!["engine".to_owned()],
        namespace: "ml".to_owned(),
        group: group.map(str::to_owned),
        heartbeat_interval: std::time::Duration::from_secs(5),
        ack_timeout: None,
        reconnect: Reconnect::default(),
        modules: IndexMap::from([(module.name.clone(), module)]),
    }
}
