//! What a scenario file does to providers, and what it expects of them.

use std::time::Duration;

use super::provider::Handler;
use crate::file::choice::Choice;
use crate::file::read::{At, Named, tables};
use crate::file::value::Exact;
use crate::plan::{CanaryEnd, ProviderState, Ratio};

tables! {
    /// Whose heartbeats are not sent
    HeartbeatLoss("`heartbeat_loss`") {
        /// The provider, with all of its hosts, or one host of it
        provider: At<String>,
        /// Whether it is the managers' acknowledgements that are not sent. false when absent
        acks: Option<bool>,
    }

    /// Who is asked to end what it has, and to leave
    DrainProvider("`drain_provider`") {
        /// The provider, with all of its hosts, or one host of it
        provider: At<String>,
        /// How long it has. As long as its manager says when absent: 30s
        deadline: Option<At<Exact<Duration>>>,
        /// What it is told. "drained" when absent
        reason: Option<At<String>>,
    }

    /// Who tries out which modules
    Canary("`canary`") {
        /// The provider, with all of its hosts, or one host of it
        provider: At<String>,
        /// What the modules say that they are
        version: At<String>,
        /// What all modules do, but those that `module` names. What they did before when absent
        handler: Option<At<Handler>>,
        /// Modules that do something of their own, by short name
        module: Option<Named<CanaryModule>>,
        /// How long each step is watched. 30s when absent
        observation_window: Option<At<Exact<Duration>>>,
        /// The least share of calls that have to be ok. 95% when absent
        health_threshold: Option<At<Exact<Ratio>>>,
        /// The most that a call may take. 5s when absent
        max_latency: Option<At<Exact<Duration>>>,
        /// Whether all go back when one fails. true when absent
        rollback: Option<bool>,
    }

    /// What one module does
    CanaryModule("a module of `canary`") {
        /// What it does when it is called
        handler: At<Handler>,
    }
}

impl Choice for ProviderState {
    const WHAT: &'static str = "state of a provider";
    const EXPECTED: &'static str = "a state of a provider";
    const REMEDY: &'static str = r#"write "registered", "active", "draining" or "deregistered""#;
    const TITLE: &'static str = "ProviderState";
    const WORDS: &'static [(&'static str, Self)] = &ProviderState::NAMES;
}

impl Choice for CanaryEnd {
    const WHAT: &'static str = "end of a canary";
    const EXPECTED: &'static str = "an end of a canary";
    const REMEDY: &'static str = r#"write "promoted", "rolled_back" or "partial_failure""#;
    const TITLE: &'static str = "CanaryEnd";
    const WORDS: &'static [(&'static str, Self)] = &CanaryEnd::NAMES;
}
