//! One address of a module: when to dial it, and when to leave it alone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use squall_grpc::{Dial, Ended, Keepalive};
use squall_platform::{Authority, OwnedTask, Platform};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::connection::{self, Connection};
use super::lease::{Call, Known, Lease};
use super::{ConnectionState, EndpointState, Refusal};
use crate::metrics::Target;
use crate::{Method, Options, events};

const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// After how long a single call tries an endpoint that is set aside: the first value and the maximum.
const TRIAL_FIRST: Duration = Duration::from_secs(1);
const TRIAL_MAX: Duration = Duration::from_secs(30);

/// One address, and at most one connection to it.
pub(super) struct Endpoint<P: Platform> {
    platform: P,
    options: Options,
    module: Arc<str>,
    authority: Authority,
    status: Mutex<Status>,
    in_flight: AtomicUsize,
    metrics: Arc<Target>,
    /// Set before the state becomes `Draining`, because the last call that ends must then close the endpoint.
    draining: AtomicBool,
}

struct Status {
    state: State,
    /// The method for new connections.
    preferred: Known,
    /// The method for this connection, because the peer may lack the other one.
    method: Known,
    /// The number of failed dials since the last successful one.
    failures: u32,
    /// Numbers the connections, so that the end of an old one is not taken for the end of a new one.
    generation: u64,
    /// When connections there are pinged: less often once the peer has asked for that.
    keepalive: Option<Keepalive>,
    /// When a call tries the endpoint while it is set aside.
    trial: Option<Trial>,
}

/// An endpoint that may hang is set aside: calls use others while there are any. It is back as soon as it sends
/// something, and from time to time one call tries it.
struct Trial {
    at: Instant,
    pause: Duration,
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
///                deregistered                last call ended
///   Ready, in use ------------> Draining ---------------------> Closed
///   any other state ---- deregistered ------------------------> Closed
/// ```
///
/// While it is `Ready`, a peer that may hang is set aside: see [`Trial`].
///
/// `Backoff` has no timer: an endpoint without calls is not dialled. The next call compares its own time with the end
/// of the backoff.
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
    /// Callers hold the connection: it closes with the last of them.
    Draining(Refusal),
    Closed(Refusal),
}

/// The events that move an endpoint from one state to the next.
enum Transition {
    Dialling(OwnedTask),
    Connected(Connection),
    Failed { why: Refusal, jitter: u64 },
    Lost(Ended),
    Dismissed(&'static str),
    Drained,
}

/// What a call can expect of an endpoint.
pub(super) enum Availability<P: Platform> {
    Ready(Lease<P>),
    /// There is a connection, but the peer may hang.
    Suspect,
    /// A dial is in progress: worth waiting for.
    Dialling,
    /// May be dialled.
    Idle,
    /// Failed recently, or closed.
    Unusable(Refusal),
}

impl<P: Platform> Endpoint<P> {
    pub(super) fn new(
        platform: P,
        options: Options,
        module: Arc<str>,
        authority: Authority,
        method: Option<Method>,
        metrics: Arc<Target>,
    ) -> Self {
        let method = Known::of(method);
        let status = Mutex::new(Status {
            state: State::Idle,
            preferred: method,
            method,
            failures: 0,
            generation: 0,
            keepalive: options.keepalive,
            trial: None,
        });
        Endpoint {
            platform,
            options,
            module,
            authority,
            status,
            in_flight: AtomicUsize::new(0),
            metrics,
            draining: AtomicBool::new(false),
        }
    }

    pub(super) fn module(&self) -> &Arc<str> {
        &self.module
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The current expectation. Begins to dial if `may_dial` and the time for it has come.
    pub(super) fn look(self: &Arc<Self>, may_dial: bool) -> Availability<P> {
        let mut status = self.lock();
        match &status.state {
            State::Ready(connection) if connection.is_open() => {
                let connection = connection.clone();
                if self.is_put_aside(&mut status, &connection) {
                    return Availability::Suspect;
                }
                let call = Call::new(Arc::clone(self));
                return Availability::Ready(Lease::new(connection, call, status.method));
            }
            // The connection's task has not reported its end yet.
            State::Ready(_) => self.apply(&mut status, Transition::Lost(Ended::closed())),
            State::Connecting { .. } => return Availability::Dialling,
            State::Backoff { until, why } if Instant::now() < *until => {
                return Availability::Unusable(why.clone());
            }
            State::Draining(why) | State::Closed(why) => return Availability::Unusable(why.clone()),
            State::Backoff { .. } | State::Idle => {}
        }
        if !may_dial {
            return Availability::Idle;
        }
        let dial = self.platform.spawn(dial(Arc::clone(self)));
        self.apply(&mut status, Transition::Dialling(dial.into()));
        Availability::Dialling
    }

    /// A connection whose peer may hang, while there is one: for a call without an alternative.
    pub(super) fn suspect(self: &Arc<Self>) -> Option<Lease<P>> {
        let status = self.lock();
        match &status.state {
            State::Ready(connection) if connection.is_open() => {
                let call = Call::new(Arc::clone(self));
                Some(Lease::new(connection.clone(), call, status.method))
            }
            _ => None,
        }
    }

    /// Whether calls should use other endpoints. After each pause, which doubles every time, one call may use this
    /// one.
    fn is_put_aside(&self, status: &mut Status, connection: &Connection) -> bool {
        let report = |state, cause| events::endpoint_state(&self.module, &self.authority, state, cause);
        if !connection.is_suspect() {
            if status.trial.take().is_some() {
                report("ready", "it answers again");
            }
            return false;
        }
        let now = Instant::now();
        let pause = match &status.trial {
            Some(trial) if now < trial.at => return true,
            Some(trial) => (trial.pause * 2).min(TRIAL_MAX),
            None => {
                report("suspect", "nothing comes from it any more, while calls wait");
                TRIAL_FIRST
            }
        };
        let at = now + pause;
        status.trial.replace(Trial { at, pause }).is_none()
    }

    /// Waits for the dial in progress, in the order of arrival.
    ///
    /// # Errors
    /// The dial's.
    pub(super) async fn wait(self: &Arc<Self>) -> Result<Lease<P>, Refusal> {
        // Counted from here: a call that waits is in flight.
        let call = Call::new(Arc::clone(self));
        let answer = {
            let mut status = self.lock();
            match &mut status.state {
                State::Connecting { waiters, .. } => {
                    let (waiter, answer) = oneshot::channel();
                    waiters.push(waiter);
                    answer
                }
                // It ended between the check and now.
                State::Ready(connection) => {
                    return Ok(Lease::new(connection.clone(), call, status.method));
                }
                State::Backoff { why, .. } | State::Draining(why) | State::Closed(why) => {
                    return Err(why.clone());
                }
                State::Idle => return Err(Refusal::new("the connection was lost at once")),
            }
        };
        let connection = answer
            .await
            .unwrap_or_else(|_| Err(Refusal::new("the dial was given up")))?;
        Ok(Lease::new(connection, call, self.lock().method))
    }

    /// Ends dialling and hands out no more connections. Calls in flight keep theirs; it closes when the last of them
    /// has ended.
    pub(super) fn close(&self, cause: &'static str) {
        self.apply(&mut self.lock(), Transition::Dismissed(cause));
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.lock().state, State::Closed(_))
    }

    /// Sets the method for connections, including the present one.
    pub(super) fn set_method(&self, method: Method) {
        let mut status = self.lock();
        status.preferred = Known::Surely(method);
        status.method = Known::Surely(method);
    }

    pub(super) fn state(&self) -> EndpointState {
        let status = self.lock();
        EndpointState {
            address: self.authority.clone(),
            connection: match &status.state {
                State::Idle => ConnectionState::Idle,
                State::Connecting { .. } => ConnectionState::Connecting,
                State::Ready(connection) if !connection.is_open() => ConnectionState::Idle,
                State::Ready(connection) if connection.is_suspect() => ConnectionState::Suspect,
                State::Ready(_) => ConnectionState::Ready,
                State::Backoff { until, .. } => ConnectionState::Backoff { until: *until },
                State::Draining(_) => ConnectionState::Draining,
                State::Closed(_) => ConnectionState::Closed,
            },
            in_flight: self.in_flight.load(Ordering::SeqCst),
            failures: status.failures,
            method: status.method.method(),
        }
    }

    /// Remembers the peer's method for the life of the connection.
    pub(super) fn remember(&self, method: Method) {
        self.lock().method = Known::Surely(method);
    }

    pub(super) fn call_begins(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn call_ends(&self) {
        let last = self.in_flight.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && self.draining.load(Ordering::SeqCst) {
            self.drained();
        }
    }

    fn drained(&self) {
        let mut status = self.lock();
        if matches!(status.state, State::Draining(_)) && self.in_flight.load(Ordering::SeqCst) == 0 {
            self.apply(&mut status, Transition::Drained);
        }
    }

    fn lost(&self, generation: u64, ended: Ended) {
        let mut status = self.lock();
        if ended.too_many_pings {
            status.keepalive = status.keepalive.map(Keepalive::doubled);
        }
        if status.generation == generation && matches!(status.state, State::Ready(_)) {
            self.apply(&mut status, Transition::Lost(ended));
        }
    }

    /// The only place where the state changes.
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
                status.trial = None;
                // The process that answers there now may be another version.
                status.method = status.preferred;
                report("ready", "");
                (State::Ready(connection.clone()), Some(Ok(connection)))
            }
            Transition::Failed { why, jitter } => {
                let until = Instant::now() + backoff(status.failures, jitter);
                status.failures = status.failures.saturating_add(1);
                self.metrics.connect_failed();
                report("backoff", &why.cause);
                let why = why.until(until);
                (
                    State::Backoff {
                        until,
                        why: why.clone(),
                    },
                    Some(Err(why)),
                )
            }
            Transition::Lost(ended) => {
                report("closed", &ended.cause);
                (State::Idle, None)
            }
            Transition::Dismissed(cause) => {
                let why = Refusal::new(cause);
                // In this order: a call that ends meanwhile is either seen here, or sees this.
                self.draining.store(true, Ordering::SeqCst);
                let in_use = self.in_flight.load(Ordering::SeqCst) > 0;
                if in_use && !matches!(status.state, State::Connecting { .. }) {
                    report("draining", cause);
                    (State::Draining(why), None)
                } else {
                    report("closed", cause);
                    (State::Closed(why.clone()), Some(Err(why)))
                }
            }
            Transition::Drained => {
                report("closed", "the last call has ended");
                (
                    State::Closed(Refusal::new("no longer an endpoint of the module")),
                    None,
                )
            }
        };
        let previous = std::mem::replace(&mut status.state, next);
        if let (State::Connecting { waiters, .. }, Some(answer)) = (previous, answer) {
            for waiter in waiters {
                // A waiter that has given up needs no connection.
                drop(waiter.send(answer.clone()));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens a connection for all waiters, and outlives each of them.
async fn dial<P: Platform>(endpoint: Arc<Endpoint<P>>) {
    let dial = Dial {
        connect_timeout: endpoint.options.connect_timeout,
        keepalive: endpoint.lock().keepalive,
    };
    let dialled = connection::open(&endpoint.platform, &dial, &endpoint.authority).await;
    let jitter = endpoint.platform.random_u64();
    let mut status = endpoint.lock();
    if !matches!(status.state, State::Connecting { .. }) {
        return;
    }
    match dialled {
        Err(why) => endpoint.apply(&mut status, Transition::Failed { why, jitter }),
        Ok((connection, mut driver)) => {
            status.generation += 1;
            let (weak, generation) = (Arc::downgrade(&endpoint), status.generation);
            endpoint.platform.spawn(async move {
                let left = driver.leaving().await;
                if let Some(endpoint) = Weak::upgrade(&weak) {
                    endpoint.lost(generation, left);
                }
                // Requests in flight finish on it.
                driver.await;
            });
            endpoint.apply(&mut status, Transition::Connected(connection));
        }
    }
}

/// 100 ms, doubled with each failure up to 5 s; a random share between half and all of that. Spec: router 4.3.
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
