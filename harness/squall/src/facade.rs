//! What users name: the core's modules, with what the systems add to each.

/// The components that nodes run.
pub mod components {
    pub use squall_core::registry::{Declaration, NoSettings, Setting, SettingsError};
    pub use squall_system_router::components::Components;
}

/// Builds running modules from a topology, on any platform: the simulator runs what would be deployed.
pub mod assembly {
    pub use squall_system_provider::assembly as provider;
    pub use squall_system_router::assembly::*;
}

/// Faults: see [`squall_core::faults`].
pub mod faults {
    pub use squall_core::faults::*;
    pub use squall_system_provider::faults::{DrainProvider, HeartbeatLoss};
    pub use squall_system_router::faults::{Announce, Close, Move, Remove};
}

/// Reads the files that users write: see [`mod@squall_core::file`].
pub mod file {
    pub use crate::names::{ComponentNames, scenario_from_str};
    pub use squall_core::file::*;
}

/// The journal: see [`squall_core::journal`].
pub mod journal {
    pub use squall_core::journal::*;
    pub use squall_system_cluster::ClusterEvent;
    pub use squall_system_provider::ProviderEvent;
    pub use squall_system_router::RouterEvent;
    pub use squall_system_service::RpcEvent;

    /// A journal as JSON Lines: see [`squall_core::journal::lines`].
    pub mod lines {
        pub use crate::systems::read;
        pub use squall_core::journal::lines::*;
    }
}

/// The history of connections: see [`squall_core::network`].
pub mod network {
    pub use squall_core::network::*;
    pub use squall_system_router::evidence::{Drain, Endpoint, Wire};
}

pub mod oracle {
    //! Invariants: see [`squall_core::oracle`], which has those about calls in any system. Those of systems:
    //!
    //! | oracle | what it promises | where that comes from |
    //! |---|---|---|
    //! | [`RightPlace`] | only the addressed node handles a message | router S-9 to S-12 |
    //! | [`Converges`] | calls go where discovery says | router 4.3, 6.1, appendix C |
    //! | [`Dismissed`] | connections to a withdrawn endpoint are closed with their last call | router 4.3, 6.1 |
    //! | [`Turns`] | a module's replicas take turns | router 4.3 |
    //! | [`Dials`] | an endpoint is dialled once at a time | router 4.2, 4.3 |
    //! | [`Drains`] | a draining server gets no new requests, and ends with none in flight | router 5.2, provider 2.8 |
    //! | [`Idempotent`] | a message with an idempotency key runs to completion once | router W-3, section 9, appendix C |
    //! | [`NoSelfDial`] | no module dials itself | router H-9 |
    //! | [`Depth`] | chains of calls are bounded, and each execution counts | router 3.4 |
    //! | [`MetricsAgree`] | the counters of modules agree with the journal | router S-34, S-35, appendix C |
    //! | [`SilentProvider`] | a silent provider is deregistered in time, and not early | provider 2.7 |
    //! | [`OneOwner`] | a namespace has one owner, and a free one can be taken | provider 2.6 |
    //! | [`Fair`] | members of a group take turns | provider 2.11 |
    //! | [`RightProvider`] | only the provider that got the request executes it | provider 2.12 |
    //! | [`CanaryEnds`] | a canary ends with one version, or reports the version of each provider | provider 3.7 |
    //! | [`Ordered`] | an actor handles one event after the other, and a message with an id once | cluster W5, W8 |
    //! | [`Told`] | the answer to a delivery is what the actor did | cluster 3.3, W20 |

    pub use crate::oracles::{
        ALL, CanaryEnds, Converges, Counters, Depth, Dials, Dismissed, Drains, Fair, Idempotent,
        MetricsAgree, NoSelfDial, OneOwner, Ordered, Placement, RightPlace, RightProvider, SilentProvider,
        Told, Turns,
    };
    pub use squall_core::oracle::*;
}

/// The typed plan of one run: see [`squall_core::plan`].
pub mod plan {
    pub use squall_core::plan::*;
    pub use squall_system_cluster::Delivery;
    pub use squall_system_cluster::plan::{ClusterActor, ClusterNode, Restarts};
    pub use squall_system_provider::plan::{
        Answer, Canary, CanaryEnd, Flaky, Handler, Manager, Provider, ProviderModule, ProviderState,
        Reconnect,
    };
    pub use squall_system_provider::{
        CanaryExpectation, ModuleCall, PipelineRun, ProviderCheck, ProviderExpectation,
    };
    pub use squall_system_router::NodePort;
    pub use squall_system_router::plan::{Edge, Limits, Module, Node};
    pub use squall_system_service::ClientCall;
    pub use squall_system_service::plan::Service;
}

/// The numbers in a report: see [`squall_core::statistics`].
pub mod statistics {
    pub use squall_core::statistics::*;
    pub use squall_system_cluster::ActorStatistics;
    pub use squall_system_provider::ProviderStatistics;
}

/// Targets of workloads: see [`squall_core::target`].
pub mod target {
    pub use squall_core::target::*;
    pub use squall_system_cluster::Delivery;
    pub use squall_system_provider::{ModuleCall, PipelineRun};
    pub use squall_system_router::NodePort;
    pub use squall_system_service::ClientCall;
}

/// The verdict of a run: see [`squall_core::verdict`].
pub mod verdict {
    pub use crate::oracles::{judge, judge_run};
    pub use squall_core::verdict::*;
}
