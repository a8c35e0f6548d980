//! Writes the journal: tracing events of the runtime, observations of the simulator, and calls of workloads. One ordered
//! list, one digest.
//!
//! Events of the runtime are recognised by their target, and parsed as defined in `squall-events`. A run with an event
//! that does not parse has failed. All other tracing events are ignored.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use squall_events::{Fields, Misfit};
use squall_sim::{Closed, Down, Observer, SimEvent, position};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Record};
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{Dispatch, Metadata, Subscriber, span};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64_with_seed};

use crate::journal::{Close, Death, Entry, Event, Journal, Touch};

/// The tracing events of one system, and how to read them.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The target of its events: `squall::` and a name.
    pub target: &'static str,
    /// Returns `None` for an event that the journal omits.
    pub read: ReadEvent,
}

/// Reads an event with this name and these fields. The last argument interns a text.
pub(crate) type ReadEvent =
    fn(&'static str, &Fields<Arc<str>>, &mut dyn FnMut(&str) -> Arc<str>) -> Result<Option<Event>, Misfit>;

/// The common prefix of the targets.
const OF_SQUALL: &str = "squall::";

/// Collects the journal of one run. Clones share it.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    digest: u64,
    names: Names,
    sources: Vec<Source>,
    /// The first event that did not parse.
    misfit: Option<Misfit>,
}

/// Interned texts: journals repeat few names very often.
struct Names {
    all: HashSet<Arc<str>, BuildHasherDefault<Xxh3Default>>,
    /// The last text from an address like this one: names usually come from the same allocation.
    recent: [Option<Arc<str>>; Names::RECENT],
}

impl Default for Names {
    fn default() -> Self {
        Names {
            all: HashSet::default(),
            recent: [const { None }; Names::RECENT],
        }
    }
}

impl Names {
    const RECENT: usize = 256;

    fn shared(&mut self, text: &str) -> Arc<str> {
        // Only a hint: the entry is compared.
        let slot = ((text.as_ptr().addr() / 8) ^ text.len()) % Names::RECENT;
        if let Some(name) = &self.recent[slot]
            && **name == *text
        {
            return name.clone();
        }
        let name = match self.all.get(text) {
            Some(name) => name.clone(),
            None => {
                let name: Arc<str> = text.into();
                self.all.insert(name.clone());
                name
            }
        };
        self.recent[slot] = Some(name.clone());
        name
    }
}

impl Recorder {
    /// A recorder with these sources.
    pub(crate) fn of(sources: Vec<Source>) -> Self {
        Recorder(Arc::new(Mutex::new(Inner {
            sources,
            ..Inner::default()
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records an event of the harness itself, at the current time and host.
    pub fn record(&self, event: impl Into<Event>) {
        let (at, host) = position().unwrap_or_default();
        self.lock().push(at, host, event.into());
    }

    /// Records an event of `host` at the current time.
    pub fn record_on(&self, host: &str, event: impl Into<Event>) {
        let (at, _) = position().unwrap_or_default();
        let mut inner = self.lock();
        let host = inner.name(host);
        inner.push(at, Some(host), event.into());
    }

    /// The first runtime event that did not match its definition. The journal is then incomplete.
    pub(crate) fn misfit(&self) -> Option<Misfit> {
        self.lock().misfit.clone()
    }

    /// Takes the journal so far, and its digest. Leaves an empty one.
    pub(crate) fn take(&self) -> (Journal, u64) {
        let mut inner = self.lock();
        (
            Journal {
                entries: std::mem::take(&mut inner.entries),
            },
            inner.digest,
        )
    }
}

impl Inner {
    fn push(&mut self, at: u64, host: Option<Arc<str>>, event: Event) {
        let host = host.unwrap_or_else(|| self.name(""));
        let entry = Entry {
            at,
            number: self.entries.len() as u64,
            host,
            event,
        };
        let mut hasher = Rolling(self.digest);
        entry.hash(&mut hasher);
        self.digest = hasher.0;
        self.entries.push(entry);
    }

    fn name(&mut self, text: &str) -> Arc<str> {
        self.names.shared(text)
    }

    /// The journal event of a runtime event, if any.
    fn read(&mut self, event: &tracing::Event<'_>) -> Result<Option<Event>, Misfit> {
        let (name, target) = (event.metadata().name(), event.metadata().target());
        let source = self.sources.iter().find(|source| source.target == target);
        let Some(read) = source.map(|source| source.read) else {
            return Ok(None);
        };
        let fields = Fields::collect(event, |text| self.name(text));
        read(name, &fields, &mut |text| self.name(text))
    }
}

/// Chains all hashed values into one number.
struct Rolling(u64);

impl Hasher for Rolling {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u64(&mut self, value: u64) {
        // One round of xxh3's mixing; cheaper than a call for eight bytes.
        let mixed = (self.0 ^ value).wrapping_mul(0x9FB2_1C65_1E98_DF25);
        self.0 = (mixed ^ (mixed >> 35)).rotate_left(24);
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl Observer for Recorder {
    fn observe(&mut self, at: u64, host: Option<&Arc<str>>, event: SimEvent) {
        let mut inner = self.lock();
        let event = inner.of_the_simulator(event);
        inner.push(at, host.cloned(), event);
    }
}

impl Inner {
    fn of_the_simulator(&mut self, event: SimEvent) -> Event {
        match event {
            SimEvent::Started { incarnation } => Event::HostStarted { incarnation },
            SimEvent::Stopped {
                incarnation,
                how,
                tasks,
                sockets,
                error,
            } => {
                let how = match how {
                    Down::Killed => Death::Killed,
                    Down::Crashed => Death::Crashed,
                    Down::Failed => Death::Failed,
                };
                Event::HostStopped {
                    incarnation,
                    how,
                    tasks,
                    sockets,
                    error: self.name(&error),
                }
            }
            SimEvent::Paused => Event::HostPaused,
            SimEvent::Resumed => Event::HostResumed,
            SimEvent::Slowed { per_poll } => Event::HostSlowed { per_poll },
            SimEvent::Panicked { message } => Event::TaskPanicked {
                message: self.name(&message),
            },
            SimEvent::StrayTask { place } => Event::StrayTask {
                place: self.name(&place),
            },
            SimEvent::Escaped { what, place } => Event::Escaped {
                what: self.name(&what),
                place: self.name(&place),
            },
            SimEvent::Opened(it) => Event::ConnectionOpened {
                flow: it.flow,
                from: it.from,
                to: it.to,
            },
            SimEvent::Closed(it, how) => {
                let how = match how {
                    Closed::Finished => Close::Finished,
                    Closed::Reset => Close::Reset,
                    Closed::TimedOut => Close::TimedOut,
                    Closed::Refused => Close::Refused,
                };
                Event::ConnectionClosed {
                    flow: it.flow,
                    from: it.from,
                    to: it.to,
                    how,
                }
            }
            SimEvent::Touched {
                touch,
                flow,
                from,
                to,
                bytes,
                faults,
            } => {
                let touch = match touch {
                    squall_sim::Touch::Lost => Touch::Lost,
                    squall_sim::Touch::Held => Touch::Held,
                    squall_sim::Touch::Delayed => Touch::Delayed,
                    squall_sim::Touch::Dropped => Touch::Dropped,
                    squall_sim::Touch::Refused => Touch::Refused,
                    squall_sim::Touch::Reset => Touch::Reset,
                };
                Event::Segment {
                    touch,
                    flow,
                    from,
                    to,
                    bytes,
                    faults,
                }
            }
        }
    }
}

thread_local! {
    /// The recorder of the run on this thread.
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

impl Recorder {
    /// From here on, runtime events on this thread go to this journal.
    pub(crate) fn listen_on_this_thread(&self) {
        RECORDER.set(Some(self.clone()));
    }
}

/// The subscriber for the threads of runs: one for all, for the lifetime of the process.
///
/// tracing caches, for each callsite, whether any subscriber is interested. It asks when the callsite is first reached,
/// and with only one registered subscriber it asks the current thread's, which may be none. A second, inactive
/// subscriber makes it ask all of them on any thread.
pub(crate) fn subscriber() -> Dispatch {
    static SUBSCRIBERS: OnceLock<(Dispatch, Dispatch)> = OnceLock::new();
    let (ear, _deaf) = SUBSCRIBERS.get_or_init(|| (Dispatch::new(Ear), Dispatch::new(NoSubscriber::new())));
    // A callsite first reached while these were being registered may have been missed.
    tracing::callsite::rebuild_interest_cache();
    ear.clone()
}

/// Forwards runtime events to the recorder of the current thread.
struct Ear;

impl Subscriber for Ear {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(OF_SQUALL) && metadata.is_event()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let Some((at, host)) = position() else { return };
        RECORDER.with_borrow(|recorder| {
            let Some(recorder) = recorder else { return };
            let mut inner = recorder.lock();
            match inner.read(event) {
                Ok(Some(event)) => inner.push(at, host, event),
                Ok(None) => {}
                Err(misfit) => {
                    inner.misfit.get_or_insert(misfit);
                }
            }
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
