//! Which failures are met with what, and the supervisor's other settings.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use squall_platform::Platform;

use super::backoff::Jitter;
use super::{Backoff, Decision, Supervisor};
use crate::environment::Environment;
use crate::{Escalation, Respawner};

/// The number of dealt-with failures that a supervisor remembers unless configured.
pub const HANDLED_LIMIT: usize = 1024;

/// Hears of failures that a supervisor passes on.
pub(super) type Sink = Arc<dyn Fn(&Escalation) + Send + Sync>;

/// What is done about failures of the actors of one behaviour.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Policy {
    /// `None`: the default.
    pub(super) decision: Option<Decision>,
    /// The budget of each actor.
    pub(super) restarts_max: u32,
    pub(super) backoff: Backoff,
}

/// The settings of a [`Supervisor`]. Later ones replace earlier ones of the same behaviour.
pub struct SupervisorBuilder {
    pub(super) environment: Arc<dyn Environment>,
    pub(super) default: Decision,
    pub(super) policies: BTreeMap<String, Policy>,
    pub(super) sink: Option<Sink>,
    pub(super) respawner: Option<Arc<dyn Respawner>>,
    pub(super) window: Option<Duration>,
    pub(super) jitter: Option<Jitter>,
    pub(super) seed: Option<u64>,
    pub(super) handled_max: usize,
    pub(super) is_manual: bool,
}

impl SupervisorBuilder {
    pub(super) fn new<P: Platform>(platform: P) -> Self {
        SupervisorBuilder {
            environment: Arc::new(platform),
            default: Decision::default(),
            policies: BTreeMap::new(),
            sink: None,
            respawner: None,
            window: None,
            jitter: None,
            seed: None,
            handled_max: HANDLED_LIMIT,
            is_manual: false,
        }
    }

    fn policy(mut self, src: impl Into<String>, change: impl FnOnce(&mut Policy)) -> Self {
        change(self.policies.entry(src.into()).or_default());
        self
    }

    /// The decision for behaviours without one of their own: otherwise [`Decision::Escalate`]. Restarts have a budget of
    /// zero there, and so escalate.
    #[must_use]
    pub fn default_decision(mut self, decision: Decision) -> Self {
        self.default = decision;
        self
    }

    /// The decision for a behaviour. Restarts need a budget: [`SupervisorBuilder::restart`],
    /// [`SupervisorBuilder::backoff`].
    #[must_use]
    pub fn decision(self, src: impl Into<String>, decision: Decision) -> Self {
        self.policy(src, |it| it.decision = Some(decision))
    }

    /// Restarts failed actors of a behaviour at once, each up to `max` times, and then escalates.
    #[must_use]
    pub fn restart(self, src: impl Into<String>, max: u32) -> Self {
        self.policy(src, |it| {
            it.decision = Some(Decision::Restart);
            it.restarts_max = max;
        })
    }

    /// Restarts failed actors of a behaviour after a delay, each up to `max` times, and then escalates.
    #[must_use]
    pub fn backoff(self, src: impl Into<String>, max: u32, backoff: Backoff) -> Self {
        self.policy(src, |it| {
            it.decision = Some(Decision::Backoff);
            it.restarts_max = max;
            it.backoff = backoff;
        })
    }

    /// Counts the restarts of the last `window` only. Without it, budgets never refill.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = Some(window);
        self
    }

    /// Shortens each delay at random by up to `percent` of it, by numbers of `seed`, or else of the platform.
    #[must_use]
    pub fn jitter(mut self, percent: u8, seed: Option<u64>) -> Self {
        self.jitter = Some(Jitter { percent });
        self.seed = seed;
        self
    }

    /// Hears of failures that are escalated, in the task of the failed actor. It must not block.
    #[must_use]
    pub fn sink(mut self, sink: impl Fn(&Escalation) + Send + Sync + 'static) -> Self {
        self.sink = Some(Arc::new(sink));
        self
    }

    /// Restarts actors. [`Supervisor::attach`] sets it as well.
    #[must_use]
    pub fn respawner(mut self, respawner: Arc<dyn Respawner>) -> Self {
        self.respawner = Some(respawner);
        self
    }

    /// The number of dealt-with failures that are remembered, oldest forgotten first. The default is [`HANDLED_LIMIT`].
    #[must_use]
    pub fn handled_limit(mut self, limit: usize) -> Self {
        self.handled_max = limit;
        self
    }

    /// Planned restarts wait for [`Supervisor::tick`] instead of the platform's clock.
    #[must_use]
    pub fn manual(mut self) -> Self {
        self.is_manual = true;
        self
    }

    /// The supervisor.
    pub fn build(self) -> Supervisor {
        Supervisor::from_settings(self)
    }
}
