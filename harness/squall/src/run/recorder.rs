//! Makes the journal: of what the runtime says with `tracing`, what the simulator observes, and what the
//! workload does. One ordered list, one digest.
//!
//! The runtime's events are recognised by their target and name; everything else that is said with
//! `tracing` during a run is ignored.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use squall_sim::{Closed, Down, Observer, SimEvent, position};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Record};
use tracing::subscriber::{Interest, NoSubscriber};
use tracing::{Dispatch, Metadata, Subscriber, span};
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64_with_seed};

use crate::journal::{Close, Death, Entry, Event, Handling, Id, Journal, Outcome, Touch};

/// Where the router's events come from. See `events.rs` there.
const TARGET: &str = "squall::router";

/// Collects the journal of one run. Clones collect the same one.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    entries: Vec<Entry>,
    digest: u64,
    names: Names,
}

/// One shared copy of each text: journals repeat few names very often.
struct Names {
    all: HashSet<Arc<str>, BuildHasherDefault<Xxh3Default>>,
    /// The last text that came from an address like this one: names are mostly said from where they are kept.
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
        // Only a hint: what is found there is compared.
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
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records something that the harness itself did, here and now.
    pub(super) fn record(&self, event: Event) {
        let (at, host) = position().unwrap_or_default();
        self.lock().push(at, host, event);
    }

    /// Records something that concerns `host`, now.
    pub(super) fn record_on(&self, host: &str, event: Event) {
        let (at, _) = position().unwrap_or_default();
        let mut inner = self.lock();
        let host = inner.name(host);
        inner.push(at, Some(host), event);
    }

    /// The journal so far, and its digest. Leaves an empty one.
    pub(super) fn take(&self) -> (Journal, u64) {
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
}

/// Chains whatever is hashed into one number.
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
            SimEvent::Panicked { message } => Event::TaskPanicked {
                message: self.name(&message),
            },
            SimEvent::StrayTask => Event::StrayTask,
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
    /// The recorder of the run that happens on this thread.
    static RECORDER: RefCell<Option<Recorder>> = const { RefCell::new(None) };
}

impl Recorder {
    /// From here on, what the runtime says on this thread goes into this journal.
    pub(super) fn listen_on_this_thread(&self) {
        RECORDER.set(Some(self.clone()));
    }
}

/// The subscriber for the threads of runs: one for all of them, for as long as the process lives.
///
/// tracing remembers, for each place that emits events, whether any subscriber wants them. It asks when the
/// place is first reached; and while it knows of one subscriber only, it asks that of the thread that
/// reached it, which may have none. A deaf second one makes it ask all subscribers, whatever the thread.
pub(super) fn subscriber() -> Dispatch {
    static SUBSCRIBERS: OnceLock<(Dispatch, Dispatch)> = OnceLock::new();
    let (ear, _deaf) = SUBSCRIBERS.get_or_init(|| (Dispatch::new(Ear), Dispatch::new(NoSubscriber::new())));
    // A place that was first reached while these came to life may have been missed.
    tracing::callsite::rebuild_interest_cache();
    ear.clone()
}

/// Passes the runtime's events on to the recorder of the thread that they happen on.
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
        metadata.target() == TARGET && metadata.is_event()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::DEBUG)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let Some((at, host)) = position() else { return };
        RECORDER.with_borrow(|recorder| {
            let Some(recorder) = recorder else { return };
            let mut inner = recorder.lock();
            let mut fields = Fields::new(&mut inner);
            event.record(&mut fields);
            if let Some(event) = fields.into_event(event.metadata().name()) {
                inner.push(at, host, event);
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

/// How many numbers an event of the runtime has at most.
const NUMBERS_MAX: usize = 12;

/// The fields of one event of the runtime.
struct Fields<'i> {
    inner: &'i mut Inner,
    numbers: [(&'static str, u64); NUMBERS_MAX],
    number_count: usize,
    texts: [Option<(&'static str, Arc<str>)>; 6],
    text_count: usize,
}

impl<'i> Fields<'i> {
    fn new(inner: &'i mut Inner) -> Self {
        Fields {
            inner,
            numbers: [("", 0); NUMBERS_MAX],
            number_count: 0,
            texts: Default::default(),
            text_count: 0,
        }
    }

    fn number(&self, name: &str) -> u64 {
        self.numbers[..self.number_count]
            .iter()
            .find(|(field, _)| *field == name)
            .map_or(0, |(_, value)| *value)
    }

    fn id(&self, name: &str) -> Id {
        Id(self.number(name))
    }

    fn text(&mut self, name: &str) -> Arc<str> {
        let found = self.texts[..self.text_count]
            .iter_mut()
            .flatten()
            .find(|(field, _)| *field == name);
        match found {
            Some((_, text)) => text.clone(),
            None => self.inner.name(""),
        }
    }

    fn outcome(&mut self) -> Outcome {
        match &*self.text("outcome") {
            "ok" => Outcome::Ok,
            "failed" => Outcome::Failed,
            _ => Outcome::Unknown,
        }
    }

    fn into_event(mut self, name: &str) -> Option<Event> {
        Some(match name {
            "hop.started" => Event::HopStarted {
                trace: self.id("trace"),
                span: self.id("span"),
                parent: self.id("parent"),
                from: self.text("from"),
                to: self.text("to"),
                source_module: self.text("source_module"),
                target_module: self.text("target_module"),
                depth: self.number("depth") as u32,
                attempt: self.number("attempt") as u32,
                previous: self.id("previous"),
                key: self.id("key"),
                timeout: self.number("timeout"),
                bytes: self.number("bytes"),
                digest: self.id("digest"),
            },
            "hop.ended" => Event::HopEnded {
                span: self.id("span"),
                outcome: self.outcome(),
                status: self.text("status"),
                peer: self.text("peer"),
                at_transport: self.number("at_transport") != 0,
                error: self.text("error"),
                bytes: self.number("bytes"),
                digest: self.id("digest"),
            },
            "handle.started" => Event::HandleStarted {
                trace: self.id("trace"),
                span: self.id("span"),
                parent: self.id("parent"),
                module: self.text("module"),
                node: self.text("node"),
                port: self.text("port"),
                remote: self.number("remote") != 0,
                depth: self.number("depth") as u32,
                attempt: self.number("attempt") as u32,
                key: self.id("key"),
                bytes: self.number("bytes"),
                digest: self.id("digest"),
            },
            "handle.ended" => Event::HandleEnded {
                span: self.id("span"),
                how: match &*self.text("how") {
                    "ok" => Handling::Ok,
                    "error" => Handling::Error,
                    "panic" => Handling::Panic,
                    _ => Handling::Dropped,
                },
                error: self.text("error"),
                bytes: self.number("bytes"),
                digest: self.id("digest"),
            },
            "endpoint.state" => Event::Endpoint {
                module: self.text("module"),
                endpoint: self.text("endpoint"),
                state: self.text("state"),
                cause: self.text("cause"),
            },
            _ => return None,
        })
    }
}

impl Visit for Fields<'_> {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if let Some(slot) = self.numbers.get_mut(self.number_count) {
            *slot = (field.name(), value);
            self.number_count += 1;
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record_u64(field, u64::from(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = self.inner.name(value);
        if let Some(slot) = self.texts.get_mut(self.text_count) {
            *slot = Some((field.name(), text));
            self.text_count += 1;
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}
