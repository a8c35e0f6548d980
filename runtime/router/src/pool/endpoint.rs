//! One address of a module: when to dial, and when to leave it alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use squall_platform::{Authority, OwnedTask, Platform};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Refusal;
use super::connection::{self, Connection};
use crate::{Options, events};

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// One address, and at most one connection to it.
pub(super) struct Endpoint<P: Platform> {
    platform: P,
    options: Options,
    module: Arc<str>,
    authority: Authority,
    status: Mutex<Status>,
}

struct Status {
    state: State,
    /// How many dials have failed since the last one that did not.
    failures: u32,
    /// Numbers the connections, so that the end of an old one is not taken for that of a new one.
    generation: u64,
}

/// ```text
///            a call                     connected
///   Idle ------------> Connecting ------------------> Ready
///    ^                  ^     |                         |
///    |   a call, once   |     | failed                  |
///    |   it is time     |     v                         |
///    |                 Backoff(until, why)              |
///    +--------------------------------------------------+
///                      connection lost
///
///   any ---- deregistered ----> Closed
/// ```
///
/// There is no timer behind `Backoff`: an endpoint that nobody calls is not dialled. Its end is a moment
/// that the next call compares with its own.
enum State {
    Idle,
    Connecting {
        waiters: Vec<oneshot::Sender<Result<Connection, Refusal>>>,
        _dial: OwnedTask,
    },
    Ready(Connection),
    Backoff {
        until: Instant,
        why: Refusal,
    },
    Closed(Refusal),
}

/// What moves an endpoint from one state to the next.
enum Transition {
    Dialling(OwnedTask),
    Connected(Connection),
    Failed { why: Refusal, jitter: u64 },
    Lost(String),
    Closed(&'static str),
}

/// What a call can expect of an endpoint.
pub(super) enum Availability {
    Ready(Connection),
    /// A dial is under way: worth waiting for.
    Dialling,
    /// Could be dialled.
    Idle,
    /// Failed lately, or closed.
    Unusable(Refusal),
}

impl<P: Platform> Endpoint<P> {
    pub(super) fn new(platform: P, options: Options, module: Arc<str>, authority: Authority) -> Self {
        let status = Mutex::new(Status {
            state: State::Idle,
            failures: 0,
            generation: 0,
        });
        Endpoint {
            platform,
            options,
            module,
            authority,
            status,
        }
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// What can be expected now. Begins to dial if `may_dial` and it is time to.
    pub(super) fn look(self: &Arc<Self>, may_dial: bool) -> Availability {
        let mut status = self.lock();
        match &status.state {
            State::Ready(connection) if connection.is_open() => {
                return Availability::Ready(connection.clone());
            }
            // The connection's task has not said so yet.
            State::Ready(_) => self.apply(&mut status, Transition::Lost("the connection is closed".into())),
            State::Connecting { .. } => return Availability::Dialling,
            State::Backoff { until, why } if Instant::now() < *until => {
                return Availability::Unusable(why.clone());
            }
            State::Closed(why) => return Availability::Unusable(why.clone()),
            State::Backoff { .. } | State::Idle => {}
        }
        if !may_dial {
            return Availability::Idle;
        }
        let dial = self.platform.spawn(dial(Arc::clone(self)));
        self.apply(&mut status, Transition::Dialling(dial.into()));
        Availability::Dialling
    }

    /// Waits for the dial under way, in line with all others.
    ///
    /// # Errors
    /// The dial's.
    pub(super) async fn wait(&self) -> Result<Connection, Refusal> {
        let answer = {
            let mut status = self.lock();
            match &mut status.state {
                State::Connecting { waiters, .. } => {
                    let (waiter, answer) = oneshot::channel();
                    waiters.push(waiter);
                    answer
                }
                // It ended between the look and now.
                State::Ready(connection) => return Ok(connection.clone()),
                State::Backoff { why, .. } | State::Closed(why) => return Err(why.clone()),
                State::Idle => return Err(Refusal::new("the connection was lost at once")),
            }
        };
        answer
            .await
            .unwrap_or_else(|_| Err(Refusal::new("the dial was given up")))
    }

    /// Ends dialling and hands out no more connections. Calls in flight hold on to theirs: it closes when
    /// the last of them has ended.
    pub(super) fn close(&self, cause: &'static str) {
        self.apply(&mut self.lock(), Transition::Closed(cause));
    }

    fn lost(&self, generation: u64, cause: String) {
        let mut status = self.lock();
        if status.generation == generation && matches!(status.state, State::Ready(_)) {
            self.apply(&mut status, Transition::Lost(cause));
        }
    }

    /// The one place where the state changes.
    fn apply(&self, status: &mut Status, transition: Transition) {
        let report = |state, cause: &str| events::endpoint_state(&self.module, &self.authority, state, cause);
        let (next, answer) = match transition {
            Transition::Dialling(dial) => {
                report("connecting", "");
                (
                    State::Connecting {
                        waiters: Vec::new(),
                        _dial: dial,
                    },
                    None,
                )
            }
            Transition::Connected(connection) => {
                status.failures = 0;
                report("ready", "");
                (State::Ready(connection.clone()), Some(Ok(connection)))
            }
            Transition::Failed { why, jitter } => {
                let until = Instant::now() + backoff(status.failures, jitter);
                status.failures = status.failures.saturating_add(1);
                report("backoff", &why.0);
                (
                    State::Backoff {
                        until,
                        why: why.clone(),
                    },
                    Some(Err(why)),
                )
            }
            Transition::Lost(cause) => {
                report("closed", &cause);
                (State::Idle, None)
            }
            Transition::Closed(cause) => {
                report("closed", cause);
                let why = Refusal::new(cause);
                (State::Closed(why.clone()), Some(Err(why)))
            }
        };
        let previous = std::mem::replace(&mut status.state, next);
        if let (State::Connecting { waiters, .. }, Some(answer)) = (previous, answer) {
            for waiter in waiters {
                // One that has given up needs nothing.
                drop(waiter.send(answer.clone()));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a connection on behalf of everyone who waits for it, and outlives each of them.
async fn dial<P: Platform>(endpoint: Arc<Endpoint<P>>) {
    let dialled = connection::open(&endpoint.platform, &endpoint.options, &endpoint.authority).await;
    let jitter = endpoint.platform.random_u64();
    let mut status = endpoint.lock();
    if !matches!(status.state, State::Connecting { .. }) {
        return;
    }
    match dialled {
        Err(why) => endpoint.apply(&mut status, Transition::Failed { why, jitter }),
        Ok((connection, driver)) => {
            status.generation += 1;
            let (weak, generation) = (Arc::downgrade(&endpoint), status.generation);
            endpoint.platform.spawn(async move {
                let cause = driver.await;
                if let Some(endpoint) = Weak::upgrade(&weak) {
                    endpoint.lost(generation, cause);
                }
            });
            endpoint.apply(&mut status, Transition::Connected(connection));
        }
    }
}

/// 100 ms, doubled with each failure up to 5 s; of that, a random share between half and all.
/// Spec: router 4.3.
fn backoff(failures: u32, random: u64) -> Duration {
    let whole = BACKOFF_FIRST
        .saturating_mul(1 << failures.min(10))
        .min(BACKOFF_MAX)
        .as_nanos() as u64;
    Duration::from_nanos(whole / 2 + random % (whole / 2 + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_to_its_cap_and_jitters_downwards_by_at_most_half() {
        let most = |failures| backoff(failures, 50_000_000 << failures.min(5));
        assert_eq!(backoff(0, 0), Duration::from_millis(50));
        assert_eq!(most(0), Duration::from_millis(100));
        assert_eq!(most(1), Duration::from_millis(200));
        assert_eq!(most(5), Duration::from_millis(3200));
        for (failures, random) in [(6, 0), (6, u64::MAX), (60, 7), (u32::MAX, u64::MAX)] {
            let delay = backoff(failures, random);
            assert!((BACKOFF_MAX / 2..=BACKOFF_MAX).contains(&delay), "{delay:?}");
        }
    }
}
