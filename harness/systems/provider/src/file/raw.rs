//! Managers and providers of a topology file.

use std::time::Duration;

use squall_core::file::choice::{Choice, Word};
use squall_core::file::data::Data;
use squall_core::file::raw::latency::Latency;
use squall_core::file::read::{At, Named, tables};
use squall_core::file::value::Exact;
use squall_core::plan::Ratio;

use super::ctype::TypeData;

tables! {
    /// A manager: providers register with it, and it calls their modules
    pub Manager("[manager.*]") {
        /// How long an active provider may be silent. 15s when absent
        heartbeat_timeout: Option<At<Exact<Duration>>>,
        /// How long a registered provider may be without a control plane. 30s when absent
        control_plane_timeout: Option<At<Exact<Duration>>>,
        /// How often active providers are told which of their modules are known. 30s when absent
        report_interval: Option<At<Exact<Duration>>>,
        /// How long a call may take. 30s when absent
        call_timeout: Option<At<Exact<Duration>>>,
        /// Namespaces that no provider can have. ["stdlib"] when absent
        reserved: Option<Vec<At<String>>>,
        /// Modules that run in its own process, by qualified name: "ns.Name"
        module: Option<Named<ProviderModule>>,
    }

    /// A provider: a process that registers modules of one namespace with managers
    pub Provider("[provider.*]") {
        /// The manager that it registers with
        manager: Option<At<String>>,
        /// Instead of `manager`: several of them
        managers: Option<At<Vec<At<String>>>>,
        /// The namespace of its modules: "ml", or "data.transform"
        namespace: At<String>,
        /// Members of a group share a namespace. Without one a provider has its namespace for itself
        group: Option<At<String>>,
        /// How many hosts run it: name-0, name-1, ... when more than one. 1 to 1000; 1 when absent
        replicas: Option<At<u64>>,
        /// How often it says that it is alive. 5s when absent
        heartbeat_interval: Option<At<Exact<Duration>>>,
        /// How long heartbeats may be without an answer before the manager is taken for dead. Three intervals when absent
        ack_timeout: Option<At<Exact<Duration>>>,
        /// How it comes back to a manager that it has lost
        reconnect: Option<At<Reconnect>>,
        /// Its modules, by short name
        module: Option<Named<ProviderModule>>,
    }

    /// How a provider comes back to a manager that it has lost
    pub Reconnect("`reconnect`") {
        /// The delay before the first attempt. 1s when absent
        first: Option<At<Exact<Duration>>>,
        /// The longest delay. 60s when absent
        max: Option<At<Exact<Duration>>>,
        /// How many attempts may fail in a row. 10 when absent
        attempts: Option<At<u64>>,
    }

    /// A module of the provider protocol
    pub ProviderModule("[provider.*.module.*]") {
        /// The type of what it takes: "String", "List<Int>", or a table of named types
        input: At<TypeData>,
        /// The type of what it gives
        output: At<TypeData>,
        /// What it does when it is called
        handler: At<Handler>,
        /// For people. "1.0.0" when absent
        version: Option<At<String>>,
        /// For people
        description: Option<At<String>>,
    }

    /// What a module does when it is called
    pub Handler("`handler`") {
        /// "fixed": answers with `output`. "echo": answers with those fields of its input that the output declares.
        /// "error": fails
        kind: At<Word<HandlerKind>>,
        /// With "fixed": the answer, a value of the declared type
        output: Option<At<Data>>,
        /// With "error": what it says
        message: Option<At<String>>,
        /// How long it takes: always the same, or a distribution. No time at all when absent
        delay: Option<At<Latency<Exact<Duration>>>>,
        /// How many calls fail. None when absent
        errors: Option<At<Exact<Ratio>>>,
        /// When all calls fail
        flaky: Option<At<Flaky>>,
    }

    /// Good and bad times in turn, from the start of the process
    pub Flaky("`flaky`") {
        /// For so long all is well
        ok: At<Exact<Duration>>,
        /// Then all calls fail for so long
        failing: At<Exact<Duration>>,
    }
}

/// The reply of a handler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandlerKind {
    Fixed,
    Echo,
    Error,
}

impl Choice for HandlerKind {
    const WHAT: &'static str = "handler";
    const EXPECTED: &'static str = "a handler";
    const REMEDY: &'static str = r#"write "fixed", "echo" or "error""#;
    const TITLE: &'static str = "HandlerKind";
    const WORDS: &'static [(&'static str, Self)] = &[
        ("fixed", HandlerKind::Fixed),
        ("echo", HandlerKind::Echo),
        ("error", HandlerKind::Error),
    ];
}
