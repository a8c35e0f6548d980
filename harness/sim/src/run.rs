//! One run: a fresh thread, a paused runtime, a world, and the future that directs it.

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

/// The name of the threads that runs happen on.
pub const THREAD_NAME: &str = "squall-run";

/// How a run is set up.
pub struct Config {
    /// From which everything random derives.
    pub seed: u64,
    /// Virtual time after which a run that has not ended is given up.
    pub budget: Duration,
    /// Wall time after which the watchdog gives a run up.
    pub wall_limit: Duration,
    /// With which probability a ready task is put back once before it is polled: explores orders of
    /// tasks that a seed alone never reaches.
    pub interleave: Chance,
    /// What carries the bytes.
    pub engine: EngineKind,
    /// What every link is like, unless a rule says otherwise.
    pub link: LinkSpec,
    /// Keep a line for every segment, to localise a difference between two runs.
    pub traced: bool,
    /// Keep every segment that arrives as the packet that it would be.
    pub captured: bool,
    /// Hears what happens in the world.
    pub observer: Box<dyn Observer>,
    /// Hears what the code under test says with `tracing`.
    pub dispatch: tracing::Dispatch,
}

/// A run that came to its end.
#[derive(Debug)]
pub struct Finished<T> {
    /// What the director returned.
    pub value: T,
    /// How much virtual time passed.
    pub virtual_time: Duration,
    /// How much real time passed, thread and runtime included.
    pub wall_time: Duration,
    /// The rolling hash over every segment.
    pub digest: u64,
    /// A line for every segment, when asked for.
    pub trace: Vec<TracePoint>,
    /// Every segment that arrived, when asked for.
    pub packets: Vec<Packet>,
    /// Every host's address, by name.
    pub addresses: Vec<(String, IpAddr)>,
}

/// A run that did not come to its end. Its text goes on after the words "the run".
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Failure {
    /// The run could not be isolated from the system.
    #[error("cannot start: {0}")]
    NotHermetic(hermetic::NotHermetic),
    /// Virtual time ran out.
    #[error("did not end within {budget:?} of virtual time")]
    OutOfTime {
        /// How much there was.
        budget: Duration,
    },
    /// Tasks went on and on while virtual time stood still.
    #[error(
        "does not go on: virtual time stands still at {at:?}, for a task of host `{host}` is ready again and again"
    )]
    Stuck {
        /// The host whose task was polled last.
        host: String,
        /// When.
        at: Duration,
    },
    /// The watchdog's patience ran out.
    #[error("did not end within {wall:?} of wall time: host `{host}` was running at {at:?} of virtual time")]
    Watchdog {
        /// The host that was running.
        host: String,
        /// When, in virtual time.
        at: Duration,
        /// How long it had run.
        wall: Duration,
    },
    /// The director, or the simulator itself, panicked.
    #[error("panicked: {0}")]
    Panicked(String),
}

/// Runs `director` in a world of its own, on a thread of its own, and waits for its end.
///
/// The director is not on any host: it adds hosts, starts and stops them, and injects faults. The run
/// ends when it returns; hosts that are up then are dropped.
///
/// # Errors
/// When the run does not come to its end; see [`Failure`]. After [`Failure::Watchdog`] its thread is
/// left behind, running: nothing can stop a thread that does not return.
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
            // The receiver is gone after the watchdog has given up: nobody to tell.
            let _ = sender.send(result);
        });
    let thread = thread.map_err(|error| Failure::Panicked(format!("no thread could be started: {error}")))?;
    match receiver.recv_timeout(wall_limit) {
        Ok(result) => {
            // Nothing of the run outlives this call. What it said is said: a panic on the way out adds nothing.
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
    // Tasks that are left are dropped here, with the world still there for their sockets.
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
        // Measured by who waits for this thread: on it, the clock is virtual.
        wall_time: Duration::ZERO,
        digest: state.net.digest.value(),
        trace: state.net.digest.take_trace(),
        addresses,
        packets: state.net.capture.take().unwrap_or_default().into_packets(),
    })
}

/// A current-thread runtime with a paused clock, timers and no I/O driver, whose callbacks know the world.
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
        // A thread is of the host that started it, and is not kept for others. One that asks just as a thread is done may
        // still be given that: what it does there is told as the first one's.
        .thread_keep_alive(Duration::ZERO)
        .on_task_spawn(hook(Spawned::began))
        .on_before_task_poll(hook(Spawned::before_poll))
        .on_after_task_poll(hook(Spawned::after_poll))
        .on_task_terminate(hook(Spawned::ended))
        .build()
        .expect("a runtime without an I/O driver needs nothing from the system")
}
