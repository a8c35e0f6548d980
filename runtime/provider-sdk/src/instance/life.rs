//! The life of an instance: it connects, attends to the connection, waits, and connects again. Spec: provider 3.3, 3.4.

use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use squall_platform::Platform;
use squall_proto::provider::control_message::Payload;
use squall_proto::provider::{ActiveModulesReport, DrainRequest};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::link::Link;
use super::state::Event;
use super::{First, Instance, Order, backoff};
use crate::ConnectError;
use crate::executor::Executor;

/// How long a registration that is on its way is waited for by who leaves: what it registers is to be deregistered.
const LEAVE_WAIT: Duration = Duration::from_secs(1);
/// How long after a drain was asked for calls still count as sent before: they come by another connection.
const DRAIN_SETTLE: Duration = Duration::from_millis(100);

/// Lives until it is told to leave.
pub(super) async fn live<P: Platform>(instance: Arc<Instance<P>>, mut first: First) {
    // How many attempts to reconnect there were in a row.
    let mut attempts = 0;
    let mut cause = "started".to_owned();
    loop {
        // Whatever it was told, what is registered now is up to date.
        instance.take_order();
        instance.step(Event::Connect, &cause);
        let strict = matches!(first, First::Strict(_));
        let end = match open(&instance).await {
            None => End::Left,
            Some(Err(error)) => {
                first.tell(Err(error.clone()));
                End::Broke(error)
            }
            Some(Ok(link)) => {
                attempts = 0;
                let connection = Arc::clone(link.connection());
                instance.step(Event::Opened { connection }, "control plane opened");
                first.tell(Ok(()));
                attend(&instance, link).await
            }
        };
        let pause = match end {
            End::Left => break,
            End::Renewing(why) => {
                cause = why;
                continue;
            }
            End::Drained(why) => {
                instance.step(Event::Left, &why);
                Pause::Idle
            }
            End::Broke(error) => pause_after(&instance, error, &mut attempts, strict),
        };
        match wait(&instance, pause).await {
            Some(why) => cause = why.to_owned(),
            None => break,
        }
        first = First::Lenient;
    }
    instance.step(Event::Left, "left");
    instance.left.give();
}

/// How an attempt or a connection ended.
enum End {
    /// It was told to leave, and has.
    Left,
    /// It has left to be registered anew, for this reason.
    Renewing(String),
    /// The manager asked it to leave, and it has: it does not come back by itself.
    Drained(String),
    Broke(ConnectError),
}

/// What comes before the next attempt.
enum Pause {
    For(Duration),
    /// There is none, unless it is told to connect.
    Idle,
}

impl First {
    fn tell(&mut self, result: Result<(), ConnectError>) {
        if let First::Strict(started) = std::mem::replace(self, First::Lenient) {
            // Who starts it may have given up.
            drop(started.send(result));
        }
    }
}

/// Opens a link; nothing when it was told to leave, and has.
async fn open<P: Platform>(instance: &Instance<P>) -> Option<Result<Link, ConnectError>> {
    let mut opening = pin!(Link::open(
        &instance.ground,
        &instance.manager,
        instance.executor()
    ));
    tokio::select! {
        biased;
        opened = &mut opening => return Some(opened),
        () = instance.leave.given() => {}
    }
    if let Ok(Ok(link)) = timeout(LEAVE_WAIT, opening).await {
        link.leave(&instance.ground).await;
    }
    None
}

fn pause_after<P: Platform>(
    instance: &Instance<P>,
    error: ConnectError,
    attempts: &mut u32,
    strict: bool,
) -> Pause {
    let ground = &instance.ground;
    let cause = error.to_string();
    if strict || !error.may_be_retried() {
        instance.step(Event::GivenUp { error }, &cause);
        return Pause::Idle;
    }
    let most = ground.config.reconnect_attempts;
    if *attempts >= most && most < u32::MAX {
        let error = ConnectError::GivenUp {
            attempts: *attempts,
            last: Box::new(error),
        };
        let cause = error.to_string();
        instance.step(Event::GivenUp { error }, &cause);
        return Pause::Idle;
    }
    *attempts = attempts.saturating_add(1);
    instance.step(Event::Broke { error }, &cause);
    Pause::For(backoff::delay(&ground.config, *attempts, &ground.platform))
}

/// Waits for the next attempt, and says why it is made; nothing when it was told to leave.
async fn wait<P: Platform>(instance: &Instance<P>, pause: Pause) -> Option<&'static str> {
    let over = async {
        match pause {
            Pause::For(time) => sleep(time).await,
            Pause::Idle => pending().await,
        }
    };
    let told = async { while instance.order().await != Order::Connect {} };
    tokio::select! {
        biased;
        () = instance.leave.given() => None,
        () = told => Some("told to connect"),
        () = over => Some("another attempt"),
    }
}

/// Sends heartbeats and reacts to what the manager says, until the connection ends.
async fn attend<P: Platform>(instance: &Instance<P>, mut link: Link) -> End {
    let ground = &instance.ground;
    let config = &ground.config;
    let opened = Instant::now();
    // The first heartbeat went with the opening.
    let mut next_beat = opened + config.heartbeat_interval;
    let mut last_ack = opened;
    let mut drained: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(pending());
    let mut draining = false;
    let broke = loop {
        tokio::select! {
            biased;
            () = instance.leave.given() => {
                link.leave(ground).await;
                return End::Left;
            }
            order = instance.order(), if !draining => if order == Order::Renew {
                link.leave(ground).await;
                return End::Renewing("modules were replaced".to_owned());
            },
            message = link.next() => match message {
                Err(error) => break error,
                Ok(Payload::HeartbeatAck(_)) => last_ack = Instant::now(),
                Ok(Payload::ActiveModulesReport(report)) => {
                    let missing = missing(&link, &report);
                    // One that comes soon may have been made before.
                    if !draining && !missing.is_empty() && opened.elapsed() >= config.resync_pause {
                        link.leave(ground).await;
                        return End::Renewing(format!("the manager has lost {}", missing.join(", ")));
                    }
                }
                Ok(Payload::DrainRequest(request)) => if !draining {
                    let executor = Arc::clone(link.executor());
                    link.ack_drain(executor.work().in_flight());
                    instance.step(Event::Drain, &drain_cause(&request));
                    drained = Box::pin(in_flight_ended(executor, request.deadline_ms));
                    draining = true;
                },
                // Of the wrong direction: ignored. Spec: provider 1.2.
                Ok(Payload::Heartbeat(_) | Payload::DrainAck(_)) => {}
            },
            () = drained.as_mut() => {
                link.leave(ground).await;
                return End::Drained("drained".to_owned());
            }
            () = sleep_until(last_ack + config.ack_timeout()) => {
                break ConnectError::NoAck { after: config.ack_timeout() };
            }
            () = sleep_until(next_beat) => {
                link.beat(ground);
                next_beat += config.heartbeat_interval;
            }
        }
    };
    if draining {
        End::Drained(broke.to_string())
    } else {
        End::Broke(broke)
    }
}

/// The modules that were registered and are not reported.
fn missing(link: &Link, report: &ActiveModulesReport) -> Vec<String> {
    let reported: BTreeSet<_> = report.active_modules.iter().map(String::as_str).collect();
    let registered = link.modules().names();
    let missing = registered.filter(|name| !reported.contains(&***name));
    missing.map(|name| name.to_string()).collect()
}

fn drain_cause(request: &DrainRequest) -> String {
    match &*request.reason {
        "" => "drain requested".to_owned(),
        reason => format!("drain requested: {reason}"),
    }
}

/// Resolves when the calls that the manager had sent before it asked have ended, or the deadline is over. An executor
/// may have calls from others, too, which are not waited for.
async fn in_flight_ended(executor: Arc<Executor>, deadline_ms: i64) {
    let deadline = Duration::from_millis(u64::try_from(deadline_ms).unwrap_or(0));
    let now = Instant::now();
    let ended = async {
        sleep(DRAIN_SETTLE).await;
        executor.work().settled().await;
    };
    let until = now.checked_add(deadline);
    match until {
        // Those that are left then are the manager's to judge.
        Some(until) => drop(timeout_at(until, ended).await),
        None => ended.await,
    }
}
