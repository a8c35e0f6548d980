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

/// Invariants: see [`squall_core::oracle`].
pub mod oracle {
    pub use crate::oracles::{
        ALL, CanaryEnds, Converges, Counters, Depth, Dials, Dismissed, Drains, Fair, Idempotent,
        MetricsAgree, NoSelfDial, OneOwner, Placement, RightPlace, RightProvider, SilentProvider, Turns,
    };
    pub use squall_core::oracle::*;
}

/// The typed plan of one run: see [`squall_core::plan`].
pub mod plan {
    pub use squall_core::plan::*;
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
    pub use squall_system_provider::ProviderStatistics;
}

/// Targets of workloads: see [`squall_core::target`].
pub mod target {
    pub use squall_core::target::*;
    pub use squall_system_provider::{ModuleCall, PipelineRun};
    pub use squall_system_router::NodePort;
    pub use squall_system_service::ClientCall;
}

/// The verdict of a run: see [`squall_core::verdict`].
pub mod verdict {
    pub use crate::oracles::{judge, judge_run};
    pub use squall_core::verdict::*;
}
