//! Who escapes from a run, and where in the code.

use std::backtrace::Backtrace;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use squall_hermetic::{self as hermetic, Escape};

use crate::SimEvent;
use crate::host::HostId;
use crate::world::World;

/// So many callers are named, the nearest first.
const CALLERS: usize = 2;

/// While it lives, escapes of this thread are told to the world's observer.
pub(crate) struct Watched;

impl Watched {
    pub(crate) fn begin(world: &Arc<World>) -> Self {
        let world = world.clone();
        let known = Mutex::new(BTreeSet::new());
        hermetic::watch(Some(Rc::new(move |escape| tell(&world, &known, escape))));
        Watched
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        hermetic::watch(None);
    }
}

fn tell(world: &World, known: &Mutex<BTreeSet<(HostId, &'static str)>>, escape: Escape) {
    let host = world.current();
    let kind = match escape {
        Escape::Sleep(_) => "sleep",
        Escape::Socket => "socket",
        Escape::Thread => "thread",
        Escape::Process => "process",
        _ => "other",
    };
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    // A backtrace takes its time, and one is enough to find the place.
    let place = known
        .insert((host, kind))
        .then(|| callers(&Backtrace::force_capture().to_string()));
    world.observe(
        host,
        SimEvent::Escaped {
            what: escape.to_string(),
            place: place.unwrap_or_default(),
        },
    );
}

/// Where code lies that is on every stack, and nobody's own: std's, and the registry's.
const COMMON: [&str; 2] = ["/rustc/", "/registry/src/"];
/// The same of Squall: this crate, its neighbour, and the runtime.
const OURS: [&str; 3] = ["/harness/sim/src/", "/harness/hermetic/src/", "/runtime/"];
/// Where this crate was built, which is where its neighbours are too.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// Of a backtrace, as std prints it: the nearest functions of the code under test, with file, line and column. By their
/// files, for a function that was inlined has lost its crate's name.
fn callers(backtrace: &str) -> String {
    let root = HERE.strip_suffix("/harness/sim").unwrap_or(HERE);
    let is_common = |place: &str| {
        COMMON.iter().any(|common| place.contains(common))
            || place
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
        if !is_common(place) {
            callers.push(format!("{function} at {place}"));
        }
        if callers.len() == CALLERS {
            break;
        }
    }
    callers.join(", called by ")
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
   2: nanosleep
   3: sleep
             at /rustc/x/library/std/src/thread/functions.rs:1:2
   4: nap
             at ./src/slow.rs:12:5
   5: poll
             at /home/me/.cargo/registry/src/index/futures-1.0.0/src/lib.rs:1:2
   6: <shop::Till as squall_router::component::Component>::handle::{{closure}}
             at ./src/till.rs:40:9
   7: main
             at ./src/main.rs:3:3
";
        assert_eq!(
            callers(&backtrace.replace("HERE", HERE)),
            "nap at ./src/slow.rs:12:5, called by \
             <shop::Till as squall_router::component::Component>::handle::{{closure}} at ./src/till.rs:40:9"
        );
        assert_eq!(callers("disabled backtrace"), "");
    }
}
