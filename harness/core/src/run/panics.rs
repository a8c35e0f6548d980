//! Panics of a run's code: where, and from which call path. They depend on the build, so they are in neither journal nor
//! digest.

use std::backtrace::Backtrace;
use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, Once, PoisonError};

/// Limits the report: more places are not useful.
const SITES_MAX: usize = 16;
/// How many frames are shown.
const FRAMES_MAX: usize = 6;

/// Function names between a panic and its backtrace.
const MACHINERY: [&str; 3] = ["core::panicking", "rust_begin_unwind", "begin_panic"];
/// Function names, or source files where names are short, of code that polls tasks. Systems have more in
/// [`Lists::callers`](crate::lists::Lists::callers).
const CALLERS: [&str; 4] = [
    "squall_sim::",
    "tokio::runtime::",
    "harness/sim/src/",
    "/src/runtime/task/",
];

thread_local! {
    /// The panics of the run on this thread.
    static SITES: RefCell<Option<Sites>> = const { RefCell::new(None) };
}

/// A source location that panicked.
#[derive(Debug, Clone)]
pub struct PanicSite {
    /// The message of the first panic here.
    pub message: String,
    /// `src/shout.rs:17:9`.
    pub location: String,
    /// How often it panicked here.
    pub count: u64,
    backtrace: Arc<Backtrace>,
    callers: &'static [&'static str],
}

impl PanicSite {
    /// The frames that led here, innermost first: from the panic to the caller of the component.
    #[must_use]
    pub fn backtrace(&self) -> Vec<String> {
        frames(&self.backtrace.to_string(), self.callers)
    }
}

/// The panics of one run.
#[derive(Debug, Clone)]
pub(super) struct Sites {
    sites: Arc<Mutex<Vec<PanicSite>>>,
    callers: &'static [&'static str],
}

impl Sites {
    /// None yet. Backtraces end at these callers of user code.
    pub(super) fn ending_at(callers: &'static [&'static str]) -> Self {
        Sites {
            sites: Arc::default(),
            callers,
        }
    }

    /// From here on, panics on this thread are recorded for this run.
    pub(super) fn listen_on_this_thread(&self) {
        SITES.set(Some(self.clone()));
    }

    pub(super) fn take(&self) -> Vec<PanicSite> {
        std::mem::take(&mut self.sites.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn add(&self, info: &PanicHookInfo<'_>) {
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        let mut sites = self.sites.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(site) = sites.iter_mut().find(|site| site.location == location) {
            site.count += 1;
        } else if sites.len() < SITES_MAX {
            sites.push(PanicSite {
                message: info.payload_as_str().unwrap_or_default().to_owned(),
                location,
                count: 1,
                backtrace: Arc::new(Backtrace::force_capture()),
                callers: self.callers,
            });
        }
    }
}

/// Panics in a run go to its journal and report; for tasks of `tokio::spawn` this hook is the simulator's only source.
/// The default hook would print them in between, with backtraces. On other threads the previous hook stays in effect.
pub(super) fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if std::thread::current().name() != Some(squall_sim::THREAD_NAME) {
                return before(info);
            }
            squall_sim::panicked(info.payload_as_str());
            // A panic while the thread ends is too late to be recorded.
            let _ = SITES.try_with(|sites| {
                if let Ok(sites) = sites.try_borrow()
                    && let Some(sites) = sites.as_ref()
                {
                    sites.add(info);
                }
            });
        }));
    });
}

/// The frames of a backtrace between the panic machinery and the caller of the component.
fn frames(backtrace: &str, callers: &[&str]) -> Vec<String> {
    let mut frames: Vec<(&str, &str)> = Vec::new();
    for line in backtrace.lines().map(str::trim) {
        match (line.strip_prefix("at "), frames.last_mut()) {
            (Some(place), Some((_, at))) => *at = place,
            _ => frames.push((line.split_once(": ").map_or(line, |(_, name)| name), "")),
        }
    }
    let is_machinery = |name: &str| MACHINERY.iter().any(|part| name.contains(part));
    let calls_components = |(name, place): &(&str, &str)| {
        name.contains("std::panicking")
            || CALLERS
                .iter()
                .chain(callers)
                .any(|part| name.contains(part) || place.contains(part))
    };
    let begin = frames.iter().rposition(|(name, _)| is_machinery(name));
    let own = frames
        .into_iter()
        .skip(begin.map_or(0, |place| place + 1))
        .take_while(|frame| !calls_components(frame))
        // Poll frames of the standard library are noise.
        .filter(|(_, place)| !place.starts_with("/rustc/"));
    own.take(FRAMES_MAX)
        .map(|(name, at)| match at {
            "" => name.to_owned(),
            at => format!("{name} ({at})"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_between_the_machinery_and_what_calls_components_are_told() {
        let whole = "   0: std::backtrace::Backtrace::create\n             at /rust/backtrace.rs:1:1\n   \
            1: __rustc::rust_begin_unwind\n   2: core::panicking::panic_fmt\n             at /rust/panicking.rs:80:14\n   \
            3: shop::cart::total\n             at ./src/cart.rs:12:9\n   4: poll<Box>\n             \
            at /rustc/59807616/library/core/src/future/future.rs:133:9\n   5: shop::cart::handle\n   \
            6: guarded\n             at ./runtime/peer/src/unwind.rs:15:74\n   7: tokio::poll\n";
        assert_eq!(
            frames(whole, &["runtime/peer/src/"]),
            ["shop::cart::total (./src/cart.rs:12:9)", "shop::cart::handle"]
        );
        assert!(frames("disabled backtrace", &[]).len() <= 1);
    }
}
