//! The tests of the simulator in one binary. What must hold on both engines is compiled once for each: `support::engine`
//! goes by the module that it is in.
#![expect(clippy::duplicate_mod, reason = "the same tests, on two engines")]

#[path = "."]
mod flow {
    mod adopted;
    mod clock;
    mod determinism;
    mod escapes;
    mod faults;
    mod injected;
    mod leaves_nothing;
    mod names;
    mod properties;
    mod slow;
    pub(crate) mod support;
    mod time;
    mod timers;
}

#[path = "."]
mod turmoil {
    mod adopted;
    mod determinism;
    mod faults;
    mod leaves_nothing;
    mod properties;
    mod support;
    mod time;
    mod timers;
}

mod parity;
