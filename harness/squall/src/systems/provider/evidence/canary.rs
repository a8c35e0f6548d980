//! Canaries: their steps, and how they ended.

use std::sync::Arc;

use crate::calls::Moment;

/// A new version of a provider's modules that one host tried out.
#[derive(Debug)]
pub struct Canary {
    /// The provider's host.
    pub host: Arc<str>,
    /// In order.
    pub steps: Vec<Step>,
    /// How it ended, if it did.
    pub end: Option<CanaryEnd>,
    /// Who has which version, as it says itself when not all have the same.
    pub divided: Option<Division>,
}

/// Managers, as `host:port`, by the version that they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division {
    /// The new one, and were well with it.
    pub promoted: Vec<Arc<str>>,
    /// The new one, and were not well, or cannot be had back.
    pub failed: Vec<Arc<str>>,
    /// The old one.
    pub unchanged: Vec<Arc<str>>,
}

/// A step of a canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When.
    pub moment: Moment,
    /// `host:port` of the manager.
    pub instance: Arc<str>,
    /// `upgraded`, `healthy`, `unhealthy`, `rolled back`, `not rolled back`
    pub step: Arc<str>,
    /// The version that is there from then on.
    pub version: Arc<str>,
}

/// The end of a canary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanaryEnd {
    /// When.
    pub moment: Moment,
    /// `promoted`, `rolled back`, `partial failure`
    pub outcome: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
}
