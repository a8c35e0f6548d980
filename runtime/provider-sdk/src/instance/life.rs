//! The life of an instance: it connects, serves the connection, waits, and reconnects. Spec: provider 3.3, 3.4.

use std::collections::BTreeSet;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use squall_grpc::{DialError, Patience, within};
use squall_platform::Platform;
use squall_proto::provider::control_message::Payload;
use squall_proto::provider::{ActiveModulesReport, DrainRequest};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::link::Link;
use super::state::Event;
use super::{First, Ground, Instance, Order, backoff};
use crate::ConnectError;
use crate::executor::Executor;

/// How long an instance that leaves waits for its registration in progress, in order to deregister it.
const LEAVE_WAIT: Duration = Duration::from_secs(1);
/// How long after a drain request calls still count as sent before it: they use another connection.
const DRAIN_SETTLE: Duration = Duration::from_millis(100);

/// How long a manager that answers on a new connection has to send something on the old one: after a standstill it
/// has both to answer at once.
const REVIVAL_WAIT: Duration = Duration::from_secs(1);

/// Runs until it gets the command to leave.
pub(super) async fn live<P: Platform>(instance: Arc<Instance<P>>, mut first: First) {
    // The number of consecutive attempts to reconnect.
    let mut attempts = 0;
    let mut cause = "started";
    loop {
        // Whatever the pending command was, the registration is now up to date.
        instance.take_order();
        instance.step(Event::Connect, cause);
        let end = match open(&instance).await {
            None => End::Left,
            Some(Err(error)) => {
                if first.tell(Err(error.clone())) {
                    End::Refused(error)
                } else {
                    End::Broke(error)
                }
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
            End::Renewing => continue,
            End::Drained(why) => {
                instance.step(Event::Left, &why);
                Pause::Idle
            }
            End::Refused(error) => {
                let cause = error.to_string();
                instance.step(Event::GivenUp { error }, &cause);
                Pause::Idle
            }
            End::Broke(error) => pause_after(&instance, error, &mut attempts),
        };
        match wait(&instance, pause).await {
            Some(why) => cause = why,
            None => break,
        }
    }
    instance.step(Event::Left, "left");
    instance.left.give();
}

/// The end of an attempt or of a connection.
enum End {
    /// It has left on command.
    Left,
    /// It has left in order to register again.
    Renewing,
    /// The manager asked it to leave, and it has: it does not reconnect by itself.
    Drained(String),
    /// The first attempt has failed, and its caller was notified.
    Refused(ConnectError),
    Broke(ConnectError),
}

/// The step before the next attempt.
enum Pause {
    For(Duration),
    /// No attempt, unless it gets the command to connect.
    Idle,
}

impl First {
    /// Reports the result of the first attempt, once. True when there was a receiver.
    fn tell(&mut self, result: Result<(), ConnectError>) -> bool {
        match std::mem::replace(self, First::Lenient) {
            First::Strict(started) => {
                // The caller of `start` may have given up.
                drop(started.send(result));
                true
            }
            First::Lenient => false,
        }
    }
}

/// Opens a link; `None` when it got the command to leave, and has left.
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
    if let Some(Ok(link)) = within(LEAVE_WAIT, opening).await {
        link.leave(&instance.ground).await;
    }
    None
}

/// Counts the next attempt, or gives the manager up.
fn pause_after<P: Platform>(instance: &Instance<P>, error: ConnectError, attempts: &mut u32) -> Pause {
    let Ground { platform, config, .. } = &*instance.ground;
    let most = config.reconnect_attempts;
    let is_over = *attempts >= most && most < u32::MAX;
    if error.may_be_retried() && !is_over {
        *attempts = attempts.saturating_add(1);
        let cause = error.to_string();
        instance.step(Event::Broke { error }, &cause);
        return Pause::For(backoff::delay(config, *attempts, platform));
    }
    let error = match is_over {
        false => error,
        true => ConnectError::GivenUp {
            attempts: *attempts,
            last: Box::new(error),
        },
    };
    // A later command to connect resets the count.
    *attempts = 0;
    let cause = error.to_string();
    instance.step(Event::GivenUp { error }, &cause);
    Pause::Idle
}

/// Waits for the next attempt, and returns its reason; `None` when it got the command to leave.
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

type Waiting<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

async fn resolved(waiting: &mut Option<Waiting<'_>>) {
    match waiting {
        Some(waiting) => waiting.await,
        None => pending().await,
    }
}

/// Resolves when a manager that is silent on its connection will not use it any more: it cannot be reached, or it
/// answers on a new one.
///
/// A process that hangs or stands still is different: its kernel accepts connections, but nothing answers. The bytes
/// sent to it wait in its sockets, and when it continues its provider need not have reconnected. Spec: provider 3.4.
async fn no_hope<P: Platform>(instance: &Instance<P>) {
    let Ground { platform, config, .. } = &*instance.ground;
    let dial = config.patient_dial();
    for attempt in 1.. {
        match squall_grpc::open(platform, &dial, &instance.manager).await {
            Err(DialError::Silent { .. }) => sleep(backoff::delay(config, attempt, platform)).await,
            Err(_) => return,
            Ok(_) => return sleep(REVIVAL_WAIT).await,
        }
    }
}

/// Sends heartbeats and handles the manager's messages, until the connection ends.
async fn attend<P: Platform>(instance: &Instance<P>, mut link: Link) -> End {
    let ground = &instance.ground;
    let config = &ground.config;
    let opened = Instant::now();
    let no_ack = || ConnectError::NoAck {
        after: config.ack_timeout(),
    };
    // The first heartbeat was sent when the link was opened.
    let mut next_beat = opened + config.heartbeat_interval;
    let mut acknowledgement = Patience::new(config.ack_timeout());
    // Set while the manager is silent for too long: resolves when the connection is to be given up.
    let mut doubt: Option<Waiting<'_>> = None;
    let mut drained: Waiting<'_> = Box::pin(pending());
    let mut draining = false;
    let broke = loop {
        tokio::select! {
            biased;
            () = instance.leave.given() => {
                link.leave(ground).await;
                return End::Left;
            }
            order = instance.order(), if !draining => if order == Order::Renew {
                return renew(instance, link, "modules were replaced").await;
            },
            message = link.next() => {
                let message = match message {
                    Ok(message) => message,
                    Err(error) => break error,
                };
                // A report may have been in transit for long, and is no response.
                if !matches!(message, Payload::ActiveModulesReport(_)) && doubt.take().is_some() {
                    acknowledgement.restart();
                    let connection = Arc::clone(link.connection());
                    instance.step(Event::Revived { connection }, "the manager speaks again");
                }
                match message {
                Payload::HeartbeatAck(_) => acknowledgement.restart(),
                Payload::ActiveModulesReport(report) => {
                    let missing = missing(&link, &report);
                    // An early report may predate the registration.
                    if !draining && !missing.is_empty() && opened.elapsed() >= config.resync_pause {
                        let cause = format!("the manager has lost {}", missing.join(", "));
                        return renew(instance, link, &cause).await;
                    }
                }
                Payload::DrainRequest(request) => if !draining {
                    let executor = Arc::clone(link.executor());
                    link.ack_drain(executor.work().in_flight());
                    instance.step(Event::Drain, &drain_cause(&request));
                    drained = Box::pin(in_flight_ended(executor, request.deadline_ms));
                    draining = true;
                },
                // Of the wrong direction: ignored. Spec: provider 1.2.
                Payload::Heartbeat(_) | Payload::DrainAck(_) => {}
                }
            }
            () = drained.as_mut() => {
                link.leave(ground).await;
                return End::Drained("drained".to_owned());
            }
            () = acknowledgement.over(), if doubt.is_none() => {
                let error = no_ack();
                if draining {
                    break error;
                }
                let cause = error.to_string();
                instance.step(Event::Broke { error }, &cause);
                doubt = Some(Box::pin(no_hope(instance)));
            }
            () = resolved(&mut doubt) => break no_ack(),
            () = sleep_until(next_beat) => {
                link.beat(ground);
                // After a standstill, missed heartbeats are not sent later.
                next_beat = (next_beat + config.heartbeat_interval).max(Instant::now());
            }
        }
    };
    if draining {
        End::Drained(broke.to_string())
    } else {
        End::Broke(broke)
    }
}

/// Leaves in order to register again.
async fn renew<P: Platform>(instance: &Instance<P>, link: Link, cause: &str) -> End {
    // Before it leaves: the current registration is already out of date.
    instance.step(Event::Connect, cause);
    link.leave(&instance.ground).await;
    End::Renewing
}

/// The registered modules that are missing in the report.
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

/// Resolves when the calls that the manager had sent before its request have ended, or the deadline is over. Calls
/// from other managers to the same executor are not waited for.
async fn in_flight_ended(executor: Arc<Executor>, deadline_ms: i64) {
    let deadline = Duration::from_millis(u64::try_from(deadline_ms).unwrap_or(0));
    let now = Instant::now();
    let ended = async {
        sleep(DRAIN_SETTLE).await;
        executor.work().settled().await;
    };
    let until = now.checked_add(deadline);
    match until {
        // The manager decides about the remaining ones.
        Some(until) => drop(timeout_at(until, ended).await),
        None => ended.await,
    }
}
