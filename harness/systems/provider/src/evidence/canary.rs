//! The history of canaries: steps and ends.

use std::sync::Arc;

use squall_core::calls::Moment;

/// A trial of a new version of a provider's modules, on one host.
#[derive(Debug)]
pub struct Canary {
    /// The provider's host.
    pub host: Arc<str>,
    /// In order.
    pub steps: Vec<Step>,
    /// How it ended, if it did.
    pub end: Option<CanaryEnd>,
    /// Its own report of the versions, if managers have different ones.
    pub divided: Option<Division>,
}

/// Managers as `host:port`, by version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// They have the new version, and were healthy with it.
    pub promoted: Vec<Arc<str>>,
    /// They have the new version, and were unhealthy or cannot be rolled back.
    pub failed: Vec<Arc<str>>,
    /// They have the old version.
    pub unchanged: Vec<Arc<str>>,
}

/// A step of a canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub moment: Moment,
    /// The manager as `host:port`.
    pub instance: Arc<str>,
    /// `upgraded`, `healthy`, `unhealthy`, `rolled back`, `not rolled back`
    pub step: Arc<str>,
    /// The version from then on.
    pub version: Arc<str>,
}

/// The end of a canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryEnd {
    /// When.
    pub moment: Moment,
    /// `promoted`, `rolled back`, `partial failure`
    pub outcome: Arc<str>,
    /// The reason.
    pub reason: Arc<str>,
}
