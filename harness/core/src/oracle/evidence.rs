//! Data derived from a run, besides its calls.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Run;

/// Data derived from a run, computed once for all that need it: connections between hosts, or the state of providers.
///
/// A [`Run`] has only calls, hops and executions, which exist in any system. Data that is specific to one system is a
/// type of that system, requested with [`Run::evidence`], not a field of the run. It is owned because the cache, keyed by
/// type, cannot hold borrows from the run.
///
/// ```
/// use squall::journal::Event;
/// use squall::oracle::{Evidence, Oracle, Run, Violation};
///
/// /// How many tasks panicked.
/// struct Panics(u64);
///
/// impl Evidence for Panics {
///     fn of(run: &Run<'_>) -> Self {
///         let entries = run.journal.entries.iter();
///         let panics = entries.filter(|it| matches!(it.event, Event::TaskPanicked { .. }));
///         Panics(panics.count() as u64)
///     }
/// }
///
/// struct Calm;
///
/// impl Oracle for Calm {
///     fn name(&self) -> &'static str {
///         "calm"
///     }
///
///     fn promise(&self) -> &'static str {
///         "no task panics"
///     }
///
///     fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
///         match run.evidence::<Panics>().0 {
///             0 => Ok(1),
///             tasks => Err(Violation {
///                 at: run.history.ended(),
///                 call: None,
///                 from: String::new(),
///                 to: String::new(),
///                 what: format!("{tasks} tasks panicked"),
///                 touched_by: Vec::new(),
///             }),
///         }
///     }
/// }
/// ```
pub trait Evidence: Any + Send + Sync + Sized {
    /// Derives it. It may request other evidence from the run, but not itself.
    fn of(run: &Run<'_>) -> Self;
}

/// The evidence of a run that was requested so far, by type.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<ByType>);

type ByType = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

impl Kept {
    /// The cached value, or a new one. No lock is held during `make`, which may request other evidence, so two threads
    /// may compute the same value twice.
    pub(crate) fn get<E: Evidence>(&self, make: impl FnOnce() -> E) -> Arc<E> {
        let kept = self.lock().get(&TypeId::of::<E>()).cloned();
        if let Some(Ok(kept)) = kept.map(Arc::downcast) {
            return kept;
        }
        let made = Arc::new(make());
        self.lock().insert(TypeId::of::<E>(), made.clone());
        made
    }

    fn lock(&self) -> MutexGuard<'_, ByType> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, RefUnwindSafe, catch_unwind};

    use async_trait::async_trait;

    use super::*;
    use crate::faults::{End, FaultKind, Heals, MustTouch, Past, Scene, Touches};
    use crate::plan::Topology;
    use crate::testing::{S, Script};

    /// When each call started.
    struct Starts(Vec<u64>);

    /// Of [`Starts`].
    struct Last(Arc<Starts>, Option<u64>);

    struct Broken;

    /// The length of the journal: requested by a fault, while calls are folded.
    struct Length(usize);

    #[derive(Debug)]
    struct Asks;

    impl Evidence for Starts {
        fn of(run: &Run<'_>) -> Self {
            Starts(run.calls.iter().map(|call| call.started.at).collect())
        }
    }

    impl Evidence for Last {
        fn of(run: &Run<'_>) -> Self {
            let starts = run.evidence::<Starts>();
            let last = starts.0.last().copied();
            Last(starts, last)
        }
    }

    impl Evidence for Broken {
        fn of(_run: &Run<'_>) -> Self {
            panic!("it cannot be derived")
        }
    }

    impl Evidence for Length {
        fn of(_run: &Run<'_>) -> Self {
            panic!("the fault has made it")
        }
    }

    #[async_trait]
    impl FaultKind for Asks {
        fn text(&self) -> String {
            "asks".to_owned()
        }

        async fn act(&self, _scene: &Scene, _end: End) {}

        fn touches(&self, past: &Past<'_>) -> Vec<Touches> {
            past.folded(|journal| Length(journal.entries.len()));
            Vec::new()
        }

        fn heals(&self) -> Heals {
            Heals::AtEnd
        }

        fn must_touch(&self, _topology: &Topology) -> MustTouch {
            MustTouch::Nothing
        }
    }

    fn with_run(check: impl FnOnce(&Run<'_>)) {
        let mut script = Script::new();
        script.at(3 * S).chain(1);
        script.fault("it", 4 * S, Some(5 * S), Asks);
        let (plan, journal) = script.finish();
        check(&Run::of(&plan, &journal));
    }

    #[test]
    fn evidence_is_made_once_also_when_other_evidence_asks_for_it() {
        with_run(|run| {
            let last = run.evidence::<Last>();
            assert_eq!(last.1, Some(3 * S));
            assert!(Arc::ptr_eq(&last.0, &run.evidence::<Starts>()));
            assert!(Arc::ptr_eq(&last, &run.evidence::<Last>()));
        });
    }

    #[test]
    fn what_a_fault_has_folded_of_the_journal_is_not_folded_again() {
        with_run(|run| assert_eq!(run.evidence::<Length>().0, run.journal.entries.len()));
    }

    #[test]
    fn evidence_that_panics_leaves_all_other_as_it_is() {
        fn crosses_panics(_: &impl RefUnwindSafe) {}
        with_run(|run| {
            crosses_panics(run);
            let starts = run.evidence::<Starts>();
            let broken = || catch_unwind(AssertUnwindSafe(|| run.evidence::<Broken>())).is_err();
            assert!(broken() && broken(), "it is tried again");
            assert!(Arc::ptr_eq(&starts, &run.evidence::<Starts>()));
        });
    }
}
