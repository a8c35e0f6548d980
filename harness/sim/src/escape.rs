//! Detects code that escapes from a run, with its source location.

use std::backtrace::Backtrace;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use squall_hermetic::{self as hermetic, Escape};

use crate::SimEvent;
use crate::host::HostId;
use crate::world::World;

/// The number of callers shown, innermost first.
const CALLERS: usize = 2;

/// Detects escapes: shared by the run's thread and its blocking threads.
///
/// The runtime waits for blocking threads, and virtual time with it. So they must not look up names: that takes as long
/// as the system's resolver, and is how a channel without a connector connects.
pub(crate) struct Escapes {
    world: Arc<World>,
    /// Escapes already reported: backtraces are slow, and one is enough to find the place.
    known: Mutex<BTreeSet<(HostId, &'static str)>>,
    threads: Mutex<Threads>,
}

/// Blocking threads by name, from their request until they start. An unused backtrace costs little.
#[derive(Default)]
struct Threads {
    count: u64,
    starting: BTreeMap<String, (HostId, Backtrace)>,
}

impl Escapes {
    pub(crate) fn new(world: &Arc<World>) -> Arc<Self> {
        Arc::new(Escapes {
            world: world.clone(),
            known: Mutex::default(),
            threads: Mutex::default(),
        })
    }

    /// The name of a blocking thread that the current host starts now.
    pub(crate) fn name_thread(&self) -> String {
        let host = self.world.current();
        let of = match host {
            HostId::WORLD => "the world".into(),
            host => self.world.host_name(host),
        };
        let mut threads = lock(&self.threads);
        threads.count += 1;
        let name = format!("blocking thread {} of {of}", threads.count);
        let start = (host, Backtrace::force_capture());
        threads.starting.insert(name.clone(), start);
        name
    }

    /// The current thread is a blocking thread that starts.
    pub(crate) fn thread_begins(self: &Arc<Self>) {
        let thread = std::thread::current();
        let start = thread
            .name()
            .and_then(|name| lock(&self.threads).starting.remove(name));
        let Some((host, start)) = start else { return };
        let escapes = self.clone();
        hermetic::assist(Rc::new(move |escape| escapes.tell(host, &escape, Some(&start))));
    }

    /// Reports an escape of `host`, on its own thread or on a blocking one.
    fn tell(&self, host: HostId, escape: &Escape, start: Option<&Backtrace>) {
        let kind = match escape {
            Escape::Sleep(_) => "sleep",
            Escape::Socket => "socket",
            Escape::Resolve(_) => "resolve",
            Escape::Thread => "thread",
            Escape::Process => "process",
            _ => "other",
        };
        let is_new = lock(&self.known).insert((host, kind));
        let place = is_new.then(|| {
            let here = callers(&Backtrace::force_capture().to_string());
            match start {
                Some(start) if here.is_empty() => callers(&start.to_string()),
                _ => here,
            }
        });
        self.world.observe(
            host,
            SimEvent::Escaped {
                what: escape.to_string(),
                place: place.unwrap_or_default(),
            },
        );
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// While it lives, escapes on this thread are reported to the world's observer.
pub(crate) struct Watched;

impl Watched {
    pub(crate) fn begin(escapes: &Arc<Escapes>) -> Self {
        let escapes = escapes.clone();
        hermetic::watch(Some(Rc::new(move |escape| {
            escapes.tell(escapes.world.current(), &escape, None);
        })));
        Watched
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        hermetic::watch(None);
    }
}

/// Source paths on every stack: std's, and the registry's.
const COMMON: [&str; 2] = ["/rustc/", "/registry/src/"];
/// The same for Squall: this crate, its neighbour, and the runtime.
const OURS: [&str; 3] = ["/harness/sim/src/", "/harness/hermetic/src/", "/runtime/"];
/// The directory in which this crate and its neighbours were built.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The innermost functions of the code under test in a backtrace in std's format, with file, line and column. Selected by
/// file, because an inlined function has lost its crate's name.
fn callers(backtrace: &str) -> String {
    let root = HERE.strip_suffix("/harness/sim").unwrap_or(HERE);
    // std shows paths below the current directory relative to it.
    let folder = std::env::current_dir().unwrap_or_default();
    let is_common = |place: &str| {
        let whole = place.strip_prefix("./").map(|rest| folder.join(rest));
        let whole = whole.as_deref().and_then(Path::to_str).unwrap_or(place);
        COMMON.iter().any(|common| place.contains(common))
            || whole
                .strip_prefix(root)
                .is_some_and(|rest| OURS.iter().any(|ours| rest.starts_with(ours)))
    };
    let mut callers = Vec::new();
    let mut lines = backtrace.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((_, function)) = line.split_once(": ") else {
            continue;
        };
        let Some(place) = lines.next_if(|next| next.starts_with("at ")).map(|at| &at[3..]) else {
            continue;
        };
        // The C library's own sources have such paths, too.
        if place.contains(".rs:") && !is_common(place) {
            callers.push(format!("{} at {place}", short(function)));
        }
        if callers.len() == CALLERS {
            break;
        }
    }
    callers.join(", called by ")
}

/// A function's path in source form: without generic arguments, closures and hashes, and `<A as B>::c` as `A::c`.
fn short(function: &str) -> String {
    let mut path = String::new();
    let mut depth = 0_usize;
    // The depth of the brackets whose contents are kept, up to ` as `.
    let mut kept = 0_usize;
    for (at, c) in function.char_indices() {
        match c {
            '<' => {
                if depth == kept && path.is_empty() {
                    kept += 1;
                }
                depth += 1;
            }
            // The bracket of `->` closes nothing.
            '>' if !function[..at].ends_with('-') => {
                depth = depth.saturating_sub(1);
                kept = kept.min(depth);
            }
            ' ' if depth == kept && function[at..].starts_with(" as ") => kept = kept.saturating_sub(1),
            c if depth == kept => path.push(c),
            _ => {}
        }
    }
    let is_hash = |step: &str| step.len() == 17 && step.starts_with('h') && !step.contains('_');
    let steps = path.split("::");
    let steps = steps.filter(|step| !step.is_empty() && *step != "{{closure}}" && !is_hash(step));
    steps.collect::<Vec<_>>().join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_functions_of_ones_own_are_named() {
        let backtrace = "
   0: create
             at /rustc/x/library/std/src/backtrace.rs:331:13
   1: tell
             at HERE/src/escape.rs:48:10
   1: told_of
             at ./src/escape.rs:50:10
   2: nanosleep
   3: sleep
             at /rustc/x/library/std/src/thread/functions.rs:1:2
   4: nap
             at /shop/src/slow.rs:12:5
   5: poll
             at /home/me/.cargo/registry/src/index/futures-1.0.0/src/lib.rs:1:2
   6: <shop::Till as squall_router::component::Component>::handle::{{closure}}
             at /shop/src/till.rs:40:9
   7: start_thread
             at ./nptl/pthread_create.c:442:8
   8: main
             at /shop/src/main.rs:3:3
";
        assert_eq!(
            callers(&backtrace.replace("HERE", HERE)),
            "nap at /shop/src/slow.rs:12:5, called by shop::Till::handle at /shop/src/till.rs:40:9"
        );
        let short = backtrace.replace("   4: nap\n             at /shop/src/slow.rs:12:5\n", "");
        assert_eq!(
            callers(&short.replace("HERE", HERE)),
            "shop::Till::handle at /shop/src/till.rs:40:9, called by main at /shop/src/main.rs:3:3",
            "nothing of the C library"
        );
        assert_eq!(callers("disabled backtrace"), "");
    }

    #[test]
    fn a_function_is_called_as_one_would_write_it() {
        for (function, expected) in [
            ("nap", "nap"),
            (
                "shop::till::pay::{{closure}}::h0123456789abcdef",
                "shop::till::pay",
            ),
            ("shop::Till<S,fn(A) -> B>::pay", "shop::Till::pay"),
            ("shop::pay::<alloc::vec::Vec<u8>>", "shop::pay"),
            (
                "<shop::Till<S> as tower::Service<Q<R>>>::call",
                "shop::Till::call",
            ),
            ("<<A as B>::C as D>::e", "A::C::e"),
            (
                "<alloc::boxed::Box<dyn F<(), Output = E>> as F>::f",
                "alloc::boxed::Box::f",
            ),
            ("", ""),
            (">><", ""),
        ] {
            assert_eq!(short(function), expected, "{function}");
        }
    }
}
