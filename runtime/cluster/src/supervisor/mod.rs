//! Decides about failed actors, and restarts them. Spec: cluster 3.7.
//!
//! | subject | file |
//! |---|---|
//! | the supervisor | here |
//! | decisions | `decision` |
//! | settings | `policy` |
//! | how many restarts are left | `budgets` |
//! | delays | `backoff` |
//! | planned restarts | `plans` |
//! | the task that carries them out in time | `driver` |

mod backoff;
mod budgets;
mod decision;
mod driver;
mod plans;
mod policy;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use squall_platform::{OwnedTask, Platform};
use tokio::sync::Notify;
use tokio::time::Instant;

use self::backoff::{Jitter, next_random};
use self::budgets::Budgets;
use self::plans::Plans;
use self::policy::{Policy, Sink};
use crate::environment::Environment;
use crate::local::lock;
use crate::{Cause, Escalation, EscalationHandler, Event, Respawner, System, events};

pub use self::backoff::{Backoff, DELAY_MAX};
pub use self::decision::Decision;
pub use self::policy::{HANDLED_LIMIT, SupervisorBuilder};

/// Thirty years: later than any restart, and far below the range of a clock.
const FAR: Duration = Duration::from_secs(30 * 365 * 86_400);

/// The attempts to restart an actor at once whose behaviour fails. With a large budget they would never end.
const ATTEMPTS_MAX: usize = 100;

/// The shortest delay after a restart that has failed: with none, time would not go on.
const RETRY_MIN: Duration = Duration::from_millis(1);

/// Decides about failed actors of one node, and restarts them. A cheap handle.
///
/// Budgets are counted for each actor by its id, over immediate and delayed restarts together. A restarted actor is
/// spawned as at first, with the same input, name, parent and routes. A restart whose behaviour fails has spent its part
/// of the budget, and the next one follows by the same rule, up to a hundred at once.
#[derive(Clone)]
pub struct Supervisor(Arc<Shared>);

struct Shared {
    environment: Arc<dyn Environment>,
    default: Decision,
    policies: BTreeMap<String, Policy>,
    sink: Option<Sink>,
    jitter: Option<Jitter>,
    handled_max: usize,
    is_manual: bool,
    respawner: Mutex<Option<Arc<dyn Respawner>>>,
    state: Mutex<State>,
    /// Plans or respawner have changed.
    changed: Arc<Notify>,
    driver: Mutex<Option<OwnedTask>>,
}

struct State {
    budgets: Budgets,
    plans: Plans,
    handled: VecDeque<Handled>,
    /// The numbers of the jitter. `None`: the platform's.
    random: Option<u64>,
}

/// A failure that was dealt with.
#[derive(Debug, Clone)]
pub struct Handled {
    /// The actor.
    pub actor_id: String,
    /// Its behaviour.
    pub src: String,
    /// What was done, which is [`Decision::Escalate`] where the budget for restarts was spent.
    pub decision: Decision,
    /// Why the actor failed.
    pub cause: Cause,
}

impl Supervisor {
    /// A supervisor with the clock, tasks and randomness of `platform`.
    pub fn builder<P: Platform>(platform: P) -> SupervisorBuilder {
        SupervisorBuilder::new(platform)
    }

    fn from_settings(it: SupervisorBuilder) -> Self {
        Supervisor(Arc::new(Shared {
            environment: it.environment,
            default: it.default,
            policies: it.policies,
            sink: it.sink,
            jitter: it.jitter,
            handled_max: it.handled_max,
            is_manual: it.is_manual,
            respawner: Mutex::new(it.respawner),
            state: Mutex::new(State {
                budgets: Budgets::new(it.window),
                plans: Plans::default(),
                handled: VecDeque::new(),
                random: it.seed,
            }),
            changed: Arc::default(),
            driver: Mutex::default(),
        }))
    }

    /// Supervises `system`, in place of what it had before.
    pub fn attach<E: Event>(&self, system: &System<E>) {
        self.set_respawner(Some(Arc::new(system.downgrade())));
        system.set_escalations(Some(Arc::new(self.clone())));
    }

    /// Sets who restarts actors. With `None`, failures are escalated, and planned restarts are kept for later.
    pub fn set_respawner(&self, respawner: Option<Arc<dyn Respawner>>) {
        let earlier = std::mem::replace(&mut *lock(&self.0.respawner), respawner);
        drop(earlier);
        self.0.changed.notify_one();
    }

    /// The decision for actors of this behaviour, as long as their budget lasts.
    pub fn decision_for(&self, src: &str) -> Decision {
        self.0.policy(src).1
    }

    /// Carries out the planned restarts that are due, in the order of their times. Returns how many actors it started.
    /// Without a respawner it is 0, and the plans remain.
    pub async fn tick(&self) -> usize {
        self.0.tick().await
    }

    /// The number of planned restarts.
    pub fn planned(&self) -> usize {
        lock(&self.0.state).plans.len()
    }

    /// Forgets the restarts of an actor, spent and planned: its budget is full.
    pub fn forget(&self, id: &str) {
        let plan = {
            let mut state = lock(&self.0.state);
            state.budgets.forget(id);
            state.plans.remove(id)
        };
        if let (Some(plan), Some(respawner)) = (plan, self.0.respawner()) {
            respawner.abandon(id, plan.incarnation);
        }
    }

    /// The last failures that were dealt with, in order.
    pub fn handled(&self) -> Vec<Handled> {
        lock(&self.0.state).handled.iter().cloned().collect()
    }
}

impl Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("planned", &self.planned())
            .finish()
    }
}

#[async_trait]
impl EscalationHandler for Supervisor {
    async fn escalated(&self, escalation: &Escalation) -> bool {
        let (policy, decision) = self.0.policy(&escalation.actor.src);
        match decision {
            Decision::Restart => {
                let decision = self.0.restart(escalation, &policy).await;
                self.0.conclude(escalation, decision, None);
                false
            }
            Decision::Backoff => self.0.plan_or_escalate(escalation, &policy, Duration::ZERO),
            Decision::Stop | Decision::Escalate => {
                self.0.conclude(escalation, decision, None);
                false
            }
        }
    }

    fn superseded(&self, id: &str) {
        let plan = lock(&self.0.state).plans.remove(id);
        drop(plan);
    }
}

impl Shared {
    fn respawner(&self) -> Option<Arc<dyn Respawner>> {
        lock(&self.respawner).clone()
    }

    fn policy(&self, src: &str) -> (Policy, Decision) {
        let policy = self.policies.get(src).copied().unwrap_or_default();
        (policy, policy.decision.unwrap_or(self.default))
    }

    /// Restarts an actor at once, again while its behaviour fails and the budget lasts.
    async fn restart(&self, escalation: &Escalation, policy: &Policy) -> Decision {
        let Some(respawner) = self.respawner() else {
            return Decision::Escalate;
        };
        let id = &escalation.actor.id;
        for _ in 0..ATTEMPTS_MAX {
            let now = Instant::now();
            if lock(&self.state)
                .budgets
                .spend(id, policy.restarts_max, now)
                .is_none()
            {
                return Decision::Escalate;
            }
            match respawner.restart(&escalation.spec, escalation.incarnation).await {
                Ok(true) => return Decision::Restart,
                Ok(false) => {
                    // Its owner has stopped it, or brought it back.
                    lock(&self.state).budgets.refund(id);
                    return Decision::Stop;
                }
                Err(_) => {}
            }
        }
        Decision::Escalate
    }

    /// Plans a restart, if the budget allows for one. False: it does not.
    fn plan_or_escalate(self: &Arc<Self>, escalation: &Escalation, policy: &Policy, least: Duration) -> bool {
        let delay = self.plan(escalation, policy, least);
        match delay {
            Some(_) => self.conclude(escalation, Decision::Backoff, delay),
            None => self.conclude(escalation, Decision::Escalate, None),
        }
        delay.is_some()
    }

    fn plan(self: &Arc<Self>, escalation: &Escalation, policy: &Policy, least: Duration) -> Option<Duration> {
        self.respawner()?;
        let now = Instant::now();
        let delay = {
            let mut state = lock(&self.state);
            let spent = state
                .budgets
                .spend(&escalation.actor.id, policy.restarts_max, now)?;
            let delay = self.jittered(policy.backoff.delay(spent), &mut state).max(least);
            let at = now.checked_add(delay).unwrap_or(now + FAR);
            state.plans.insert(at, escalation.clone());
            delay
        };
        self.drive();
        Some(delay)
    }

    fn jittered(&self, delay: Duration, state: &mut State) -> Duration {
        let Some(jitter) = self.jitter else {
            return delay;
        };
        let random = match &mut state.random {
            Some(random) => next_random(random),
            None => self.environment.random_u64(),
        };
        jitter.apply(delay, random)
    }

    async fn tick(self: &Arc<Self>) -> usize {
        let Some(respawner) = self.respawner() else {
            return 0;
        };
        let now = Instant::now();
        let mut restarted = 0;
        loop {
            // Taken one by one: what is superseded meanwhile is not carried out.
            let due = lock(&self.state).plans.take_due(now);
            let Some(mut escalation) = due else {
                return restarted;
            };
            match respawner.restart(&escalation.spec, escalation.incarnation).await {
                Ok(true) => restarted += 1,
                Ok(false) => {}
                Err(error) => {
                    escalation.cause = Arc::new(error);
                    let (policy, _) = self.policy(&escalation.actor.src);
                    if !self.plan_or_escalate(&escalation, &policy, RETRY_MIN) {
                        respawner.abandon(&escalation.actor.id, escalation.incarnation);
                    }
                }
            }
        }
    }

    /// Tells of what was done.
    fn conclude(&self, escalation: &Escalation, decision: Decision, delay: Option<Duration>) {
        if let (Decision::Escalate, Some(sink)) = (decision, &self.sink) {
            sink(escalation);
        }
        events::supervised(escalation, decision, delay);
        let mut state = lock(&self.state);
        state.handled.push_back(Handled {
            actor_id: escalation.actor.id.clone(),
            src: escalation.actor.src.clone(),
            decision,
            cause: Arc::clone(&escalation.cause),
        });
        let oldest = (state.handled.len() > self.handled_max).then(|| state.handled.pop_front());
        drop(state);
        drop(oldest);
    }
}
