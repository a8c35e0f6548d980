//! One run: a fresh thread, a paused runtime, a world, and a director.

use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use squall_hermetic as hermetic;
use thiserror::Error;
use tokio::runtime::{Builder, RngSeed, TaskMeta};

use crate::adopted::Spawned;
use crate::capture::{Capture, Packet};
use crate::digest::TracePoint;
use crate::engine::EngineKind;
use crate::escape::{Escapes, Watched};
use crate::link::{LinkSpec, Links};
use crate::net::Net;
use crate::observe::Observer;
use crate::seed::Chance;
use crate::sim::Sim;
use crate::task;
use crate::world::World;
use crate::{current, driver};

/// The name of the threads of runs.
pub const THREAD_NAME: &str = "squall-run";

/// The settings of a run.
pub struct Config {
    /// The source of all randomness.
    pub seed: u64,
    /// The maximum virtual time of a run.
    pub budget: Duration,
    /// The maximum wall time, enforced by the watchdog.
    pub wall_limit: Duration,
    /// The probability that a ready task is requeued once before it is polled: explores task orders that the seed alone
    /// never reaches.
    pub interleave: Chance,
    /// The engine that transports the bytes.
    pub engine: EngineKind,
    /// The default for every link.
    pub link: LinkSpec,
    /// Whether to record a line per segment, to locate a difference between two runs.
    pub traced: bool,
    /// Whether to record every delivered segment as a packet.
    pub captured: bool,
    /// Gets the events of the world.
    pub observer: Box<dyn Observer>,
    /// Gets the `tracing` events of the code under test.
    pub dispatch: tracing::Dispatch,
}

/// A completed run.
#[derive(Debug)]
pub struct Finished<T> {
    /// The director's result.
    pub value: T,
    /// Virtual duration.
    pub virtual_time: Duration,
    /// Wall-clock duration, thread and runtime included.
    pub wall_time: Duration,
    /// The rolling hash over every segment.
    pub digest: u64,
    /// A line per segment, if requested.
    pub trace: Vec<TracePoint>,
    /// Every delivered segment, if requested.
    pub packets: Vec<Packet>,
    /// Every host's address, by name.
    pub addresses: Vec<(String, IpAddr)>,
}

/// An incomplete run. The text continues the words "the run".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The run could not be isolated from the system.
    #[error("cannot start: {0}")]
    NotHermetic(hermetic::NotHermetic),
    /// The virtual time limit was reached.
    #[error("did not end within {budget:?} of virtual time")]
    OutOfTime {
        /// The limit.
        budget: Duration,
    },
    /// Tasks kept running while virtual time did not advance.
    #[error(
        "does not go on: virtual time stands still at {at:?}, for a task of host `{host}` is ready again and again"
    )]
    Stuck {
        /// The host whose task was polled last.
        host: String,
        /// The virtual time.
        at: Duration,
    },
    /// The watchdog's limit was reached.
    #[error("did not end within {wall:?} of wall time: host `{host}` was running at {at:?} of virtual time")]
    Watchdog {
        /// The host that was running.
        host: String,
        /// The virtual time.
        at: Duration,
        /// How long it had been running.
        wall: Duration,
    },
    /// The director, or the simulator itself, panicked.
    #[error("panicked: {0}")]
    Panicked(String),
}

/// Runs `director` in a new world, on a new thread, and waits for its end.
///
/// The director is not on any host: it adds hosts, starts and stops them, and injects faults. The run
/// ends when it returns; hosts that are up then are dropped.
///
/// # Errors
/// If the run does not complete; see [`Failure`]. After [`Failure::Watchdog`] its thread keeps running: a thread that
/// does not return cannot be stopped.
pub fn run<T, F>(
    config: Config,
    director: impl FnOnce(Sim) -> F + Send + 'static,
) -> Result<Finished<T>, Failure>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let started = Instant::now();
    let wall_limit = config.wall_limit;
    let links = Links::new(config.link.clone());
    let mut net = Net::new(links, config.seed, config.traced);
    net.capture = config.captured.then(Capture::default);
    let world = World::new(
        config.seed,
        config.interleave,
        config.engine.make(),
        net,
        config.observer,
    );
    let watched = world.clone();
    let (sender, receiver) = mpsc::channel();
    let (seed, budget, dispatch) = (config.seed, config.budget, config.dispatch);
    let thread = thread::Builder::new()
        .name(THREAD_NAME.to_owned())
        .spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| {
                on_thread(&world, seed, budget, &dispatch, director)
            }));
            let result = result.unwrap_or_else(|panic| Err(Failure::Panicked(task::panic_message(&*panic))));
            // The receiver is gone if the watchdog has given up.
            let _ = sender.send(result);
        });
    let thread = thread.map_err(|error| Failure::Panicked(format!("no thread could be started: {error}")))?;
    match receiver.recv_timeout(wall_limit) {
        Ok(result) => {
            // No part of the run outlives this call. The result is decided: a panic during the drop adds nothing.
            let _ = thread.join();
            let mut finished: Finished<T> = result?;
            finished.wall_time = started.elapsed();
            Ok(finished)
        }
        Err(RecvTimeoutError::Timeout) => Err(Failure::Watchdog {
            host: watched.running_host(),
            at: Duration::from_nanos(watched.now()),
            wall: wall_limit,
        }),
        Err(RecvTimeoutError::Disconnected) => Err(Failure::Panicked(
            "the run's thread ended without a result".to_owned(),
        )),
    }
}

fn on_thread<T, F>(
    world: &Arc<World>,
    seed: u64,
    budget: Duration,
    dispatch: &tracing::Dispatch,
    director: impl FnOnce(Sim) -> F,
) -> Result<Finished<T>, Failure>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let _hermetic = hermetic::enter(seed).map_err(Failure::NotHermetic)?;
    fastrand::seed(seed);
    let escapes = Escapes::new(world);
    let runtime = runtime(world, &escapes, seed);
    current::set(Some(world.clone()));
    let value = Arc::new(Mutex::new(None));
    let direct = || {
        runtime.block_on(async {
            world.start_instant();
            let slot = value.clone();
            let directed = director(Sim::new(world.clone()));
            task::spawn_world(world, async move {
                let value = directed.await;
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            });
            world.mark_dirty();
            let is_done = || value.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            driver::drive(world, budget, is_done).await
        })
    };
    let watched = Watched::begin(&escapes);
    let result = catch_unwind(AssertUnwindSafe(|| {
        tracing::dispatcher::with_default(dispatch, direct)
    }));
    drop(watched);
    world.blindfold();
    // Remaining tasks are dropped here, while the world still exists for their sockets.
    drop(runtime);
    world.dissolve(EngineKind::default().make());
    current::set(None);
    result.unwrap_or_else(|panic| Err(Failure::Panicked(task::panic_message(&*panic))))?;
    let value = value.lock().unwrap_or_else(PoisonError::into_inner).take();
    let value = value.ok_or_else(|| Failure::Panicked("the director ended without a result".to_owned()))?;
    let addresses = world.addresses();
    let mut state = world.state();
    Ok(Finished {
        value,
        virtual_time: Duration::from_nanos(world.now()),
        // Measured by the waiting thread: on the run's own, the clock is virtual.
        wall_time: Duration::ZERO,
        digest: state.net.digest.value(),
        trace: state.net.digest.take_trace(),
        addresses,
        packets: state.net.capture.take().unwrap_or_default().into_packets(),
    })
}

/// A current-thread runtime with a paused clock, timers and no I/O driver, whose callbacks notify the world.
fn runtime(world: &Arc<World>, escapes: &Arc<Escapes>, seed: u64) -> tokio::runtime::Runtime {
    let hook = |hook: fn(&World, &TaskMeta<'_>)| {
        let world = world.clone();
        move |task: &TaskMeta<'_>| hook(&world, task)
    };
    let (park, unpark) = (world.clone(), world.clone());
    let (names, begins) = (escapes.clone(), escapes.clone());
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .rng_seed(RngSeed::from_bytes(&seed.to_le_bytes()))
        .on_thread_park(move || driver::on_park(&park))
        .on_thread_unpark(move || unpark.follow_clock())
        .thread_name_fn(move || names.name_thread())
        .on_thread_start(move || begins.thread_begins())
        // Blocking threads belong to the host that started them, and are not reused by others. A request just as a
        // thread finishes may still get that thread: its escapes are attributed to the first host.
        .thread_keep_alive(Duration::ZERO)
        .on_task_spawn(hook(Spawned::began))
        .on_before_task_poll(hook(Spawned::before_poll))
        .on_after_task_poll(hook(Spawned::after_poll))
        .on_task_terminate(hook(Spawned::ended))
        .build()
        .expect("a runtime without an I/O driver needs nothing from the system")
}
