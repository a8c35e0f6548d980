//! Emitted events are read back unchanged, and events that do not match their definition are errors that name the
//! mismatch.

use std::cell::{Cell, RefCell};

use proptest::prelude::*;
use tracing::subscriber::{Interest, with_default};
use tracing::{Event, Level, Metadata, Subscriber, event, span};

use crate::kind::{Flag, Kind, Number, Text};
use crate::{Fields, Misfit, Problem, cluster, provider, router, site};

/// A value of a kind.
pub(crate) trait Sampled: Kind<String> {
    fn sample(numbers: &mut dyn FnMut() -> u64) -> Self::Value;
}

impl Sampled for Number {
    fn sample(numbers: &mut dyn FnMut() -> u64) -> u64 {
        numbers()
    }
}

impl Sampled for Flag {
    fn sample(numbers: &mut dyn FnMut() -> u64) -> bool {
        numbers() % 2 == 1
    }
}

impl Sampled for Text {
    fn sample(numbers: &mut dyn FnMut() -> u64) -> String {
        match numbers() {
            number if number % 5 == 0 => String::new(),
            number => format!("\"{number}\" é"),
        }
    }
}

thread_local! {
    static HEARD: RefCell<Vec<(&'static str, &'static str, Fields<String>)>> = const { RefCell::new(vec![]) };
}

struct Ear;

impl Subscriber for Ear {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        // Queried each time, because other threads have no subscriber.
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &Event<'_>) {
        let (name, target) = (event.metadata().name(), event.metadata().target());
        let fields = Fields::collect(event, str::to_owned);
        HEARD.with_borrow_mut(|heard| heard.push((target, name, fields)));
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// The one event that is emitted.
fn heard(say: impl FnOnce()) -> (&'static str, &'static str, Fields<String>) {
    with_default(Ear, say);
    let mut all = HEARD.take();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn read_of_router(say: impl FnOnce()) -> Result<Option<router::Event<String>>, Misfit> {
    let (_, name, fields) = heard(say);
    router::Event::read(name, &fields)
}

proptest! {
    #[test]
    fn every_event_is_read_as_it_was_said(seed in any::<u64>()) {
        let mut state = seed;
        let mut numbers = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> (state % 60)
        };
        for (say, said) in router::samples(&mut numbers) {
            let (target, name, fields) = heard(say);
            prop_assert_eq!(target, router::TARGET);
            prop_assert_eq!(router::Event::read(name, &fields), Ok(Some(said)));
        }
        for (say, said) in provider::samples(&mut numbers) {
            let (target, name, fields) = heard(say);
            prop_assert_eq!(target, provider::TARGET);
            prop_assert_eq!(provider::Event::read(name, &fields), Ok(Some(said)));
        }
        for (say, said) in site::samples(&mut numbers) {
            let (target, name, fields) = heard(say);
            prop_assert_eq!(target, site::TARGET);
            prop_assert_eq!(site::Event::read(name, &fields), Ok(Some(said)));
        }
        for (say, said) in cluster::samples(&mut numbers) {
            let (target, name, fields) = heard(say);
            prop_assert_eq!(target, cluster::TARGET);
            prop_assert_eq!(cluster::Event::read(name, &fields), Ok(Some(said)));
        }
    }
}

/// Emits `handle.ended`, with these fields.
macro_rules! ended {
    ($($fields:tt)*) => {
        read_of_router(|| event!(name: "handle.ended", target: "squall::router", Level::DEBUG, $($fields)*))
    };
}

#[test]
fn what_is_missing_misspelt_of_another_kind_or_too_much_is_named() {
    let right = ended!(
        span = 1_u64,
        how = "ok",
        error = "",
        bytes = 2_u64,
        digest = 3_u64
    );
    assert!(matches!(right, Ok(Some(router::Event::HandleEnded(it))) if it.bytes == 2));
    let other_order = ended!(
        digest = 3_u64,
        bytes = 2_u64,
        error = "",
        how = "ok",
        span = 1_u64
    );
    assert!(matches!(other_order, Ok(Some(router::Event::HandleEnded(it))) if it.bytes == 2));
    for (wrong, problem) in [
        (
            ended!(span = 1_u64, how = "ok", error = "", bytes = 2_u64),
            Problem::Missing("digest"),
        ),
        (
            ended!(
                spam = 1_u64,
                how = "ok",
                error = "",
                bytes = 2_u64,
                digest = 3_u64
            ),
            Problem::Missing("span"),
        ),
        (
            ended!(
                span = 1_u64,
                how = "ok",
                error = "",
                bytes = 2_u64,
                digest = 3_u64,
                more = true
            ),
            Problem::Unknown("more"),
        ),
        (
            ended!(span = "1", how = "ok", error = "", bytes = 2_u64, digest = 3_u64),
            Problem::Kind("span", "number"),
        ),
        (
            ended!(
                span = -1_i64,
                how = "ok",
                error = "",
                bytes = 2_u64,
                digest = 3_u64
            ),
            Problem::Kind("span", "number"),
        ),
        (
            ended!(
                span = 1_u64,
                how = "ok",
                error = "",
                bytes = 2_u64,
                digest = 3_u64,
                "a line"
            ),
            Problem::Unknown("message"),
        ),
    ] {
        let misfit = wrong.unwrap_err();
        assert_eq!((misfit.event, misfit.problem), ("handle.ended", problem));
    }
    let misfit = ended!(how = "ok", error = "", bytes = 2_u64, digest = 3_u64).unwrap_err();
    assert_eq!(
        misfit.to_string(),
        "the event `handle.ended` has no field `span`: its definition is in squall-events"
    );
}

#[test]
fn an_event_that_is_defined_nowhere_is_one_too_and_a_line_for_people_is_none() {
    let undefined = read_of_router(|| {
        event!(name: "handle.begun", target: "squall::router", Level::DEBUG, span = 1_u64);
    });
    assert_eq!(undefined.unwrap_err().problem, Problem::Undefined);
    let line = read_of_router(|| {
        event!(name: "log.panicked", target: "squall::router", Level::ERROR, module = "a", "a line");
    });
    assert_eq!(line, Ok(None));
}

#[test]
fn what_goes_with_a_line_for_people_is_not_read_without_it() {
    let wrong = read_of_router(|| {
        event!(
            name: "server.drain", target: "squall::router", Level::INFO,
            module = "a", phase = "goaway", in_flight = 1_u64, connections = 2_u64,
        );
    });
    assert_eq!(wrong.unwrap_err().problem, Problem::Missing("message"));
}

#[test]
fn more_fields_than_any_event_has_are_not_dropped() {
    let surplus = ended!(
        span = 1_u64,
        how = "ok",
        error = "",
        bytes = 2_u64,
        digest = 3_u64,
        a = 1_u64,
        b = 1_u64,
        c = 1_u64,
        d = 1_u64,
        e = 1_u64,
        f = 1_u64,
        g = 1_u64,
        h = 1_u64,
        i = 1_u64,
        j = 1_u64,
        k = 1_u64,
        l = 1_u64,
        m = 1_u64,
        n = 1_u64,
        o = 1_u64,
        p = 1_u64,
    );
    assert_eq!(surplus.unwrap_err().problem, Problem::Unknown("a"));
}

#[test]
fn what_nobody_listens_to_is_not_made() {
    let made = Cell::new(0);
    let make = || {
        made.set(made.get() + 1);
        provider::NamespaceReleased {
            namespace: "ml".into(),
        }
    };
    provider::NamespaceReleased::say(make);
    assert_eq!(made.get(), 0);
    heard(|| provider::NamespaceReleased::say(make));
    assert_eq!(made.get(), 1);
}
