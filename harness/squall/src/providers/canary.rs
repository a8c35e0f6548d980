//! Canaries: their steps, and how they ended.

use crate::calls::Moment;

/// A new version of a provider's modules that one host tried out.
#[derive(Debug)]
pub struct Canary<'j> {
    /// The provider's host.
    pub host: &'j str,
    /// In order.
    pub steps: Vec<Step<'j>>,
    /// How it ended, if it did.
    pub end: Option<CanaryEnd<'j>>,
    /// Who has which version, as it says itself when not all have the same.
    pub divided: Option<Division<'j>>,
}

/// Managers, as `host:port`, by the version that they have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Division<'j> {
    /// The new one, and were well with it.
    pub promoted: Vec<&'j str>,
    /// The new one, and were not well, or cannot be had back.
    pub failed: Vec<&'j str>,
    /// The old one.
    pub unchanged: Vec<&'j str>,
}

/// A step of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step<'j> {
    /// When.
    pub moment: Moment,
    /// `host:port` of the manager.
    pub instance: &'j str,
    /// `upgraded`, `healthy`, `unhealthy`, `rolled back`, `not rolled back`
    pub step: &'j str,
    /// The version that is there from then on.
    pub version: &'j str,
}

/// The end of a canary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CanaryEnd<'j> {
    /// When.
    pub moment: Moment,
    /// `promoted`, `rolled back`, `partial failure`
    pub outcome: &'j str,
    /// Why.
    pub reason: &'j str,
}
