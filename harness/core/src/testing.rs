//! Journals written by hand, for tests of oracles and other functions of journals.
//!
//! The system is `front` (with `router`) -> `back` (with `echo`) -> `store` (with `disk`, two hosts).
//! Workload 0, `orders`, calls `echo.in` from `front`; workload 1, `local`, calls `router.in` there.
//!
//! ```
//! use squall_core::oracle::{Deadline, Oracle};
//! use squall_core::testing::{S, Script, assert_holds, broken, call_end};
//!
//! let script = || {
//!     let mut script = Script::new();
//!     script.at(S).chain(1);
//!     script
//! };
//! assert_holds(&Deadline, script());
//! let violation = broken(&Deadline, script(), |entries| {
//!     let end = call_end(entries, 1);
//!     entries[end].at += 3 * S;
//! });
//! assert_eq!(violation.call, Some(1));
//! ```
#![expect(clippy::unwrap_used, reason = "only for tests")]

mod lines;
mod peers;
mod places;

use std::sync::Arc;
use std::time::Duration;

use crate::faults::Partition;
use crate::journal::{Death, Entry, Event, Handling, Id, Journal};
use crate::oracle::{Oracle, Run, Violation};
use crate::plan::{CallsExpectation, Check, Fault, FaultKind, Pairs, Plan, Window};

pub use peers::{Named, Peer};
pub use places::*;

/// A millisecond.
pub const MS: u64 = 1_000_000;
/// A second.
pub const S: u64 = 1_000 * MS;
/// The timeout of a script's calls.
pub const TIMEOUT: u64 = 2 * S;

/// The span of the hop or execution of a call at `place`; 0 is its trace.
pub fn span(call: u64, place: u64) -> Id {
    Id(call * 0x100 + place)
}

/// Builds a plan and a journal.
#[derive(Debug)]
pub struct Script {
    /// The plan so far.
    pub plan: Plan,
    entries: Vec<Entry>,
    now: u64,
    end: u64,
    /// See [`Script::at_the_end`].
    last: Vec<fn(&mut Script)>,
}

impl Default for Script {
    fn default() -> Self {
        Script::new()
    }
}

impl Script {
    /// Nothing has happened.
    pub fn new() -> Self {
        let mut script = Script {
            plan: peers::plan(),
            entries: Vec::new(),
            now: 0,
            end: 60 * S,
            last: Vec::new(),
        };
        let (scenario, topology, seed) = ("storm".into(), "orders".into(), 7);
        script.push(
            "",
            Event::RunStarted {
                scenario,
                topology,
                seed,
            },
        );
        script
    }

    /// Sets the time of the following events.
    pub fn at(&mut self, at: u64) -> &mut Self {
        self.now = at;
        self
    }

    /// Adds an event now.
    pub fn push(&mut self, host: &str, event: impl Into<Event>) -> &mut Self {
        self.after(0, host, event)
    }

    /// Adds an event after a delay.
    pub fn after(&mut self, delay: u64, host: &str, event: impl Into<Event>) -> &mut Self {
        self.entries.push(Entry {
            at: self.now + delay,
            number: 0,
            host: host.into(),
            event: event.into(),
        });
        self
    }

    /// Stops a host.
    pub fn stop(&mut self, host: &str, how: Death) -> &mut Self {
        let error = if how == Death::Failed {
            "address in use"
        } else {
            ""
        }
        .into();
        self.push(
            host,
            Event::HostStopped {
                incarnation: 0,
                how,
                tasks: 1,
                sockets: 1,
                error,
            },
        )
    }

    /// Adds a fault to the plan, and its entries to the journal.
    pub fn fault(&mut self, name: &str, at: u64, until: Option<u64>, kind: impl FaultKind) -> &mut Self {
        let number = u32::try_from(self.plan.faults.len()).unwrap();
        let text = kind.text().into();
        self.plan.faults.push(Fault {
            name: name.to_owned(),
            at: Duration::from_nanos(at),
            until: until.map(Duration::from_nanos),
            kind: Arc::new(kind),
        });
        self.at(at).push(
            "",
            Event::FaultStarted {
                fault: number,
                name: name.into(),
                text,
            },
        );
        if let Some(until) = until {
            self.at(until).push("", Event::FaultEnded { fault: number });
        }
        self.at(at)
    }

    /// Adds an expectation about the calls of `orders`.
    pub fn expect(&mut self, from: u64, until: Option<u64>, text: &str, check: Check) -> &mut Self {
        self.plan.expectations.push(Arc::new(CallsExpectation {
            workload: "orders".to_owned(),
            window: Window {
                from: Duration::from_nanos(from),
                until: until.map(Duration::from_nanos),
                text: text.to_owned(),
            },
            check,
        }));
        self
    }

    /// A correct call `front` -> `back` -> `store-0` that takes 9 ms.
    pub fn chain(&mut self, call: u64) -> &mut Self {
        self.chain_of(call, 2 * MS)
    }

    /// The same, with another one-way latency: it takes four of them, and 1 ms.
    pub fn chain_of(&mut self, call: u64, latency: u64) -> &mut Self {
        let (first, second) = (span(call, 1), span(call, 2));
        let (there, done) = (2 * latency, 2 * latency + MS);
        self.call_started(call, 0, "echo.in");
        self.hop_started(0, "front", call, (first, Id::NONE), "echo.in", 0);
        self.handle_started(latency, "back", call, (first, Id::NONE), "echo.in", true);
        self.hop_started(latency, "back", call, (second, first), "disk.put", 1);
        self.handle_started(there, "store-0", call, (second, first), "disk.put", true);
        self.handle_ended(done, "store-0", second, Handling::Ok);
        self.hop_ended(done + latency, "back", second, "ok", "store-0:50051");
        self.handle_ended(done + latency, "back", first, Handling::Ok);
        self.hop_ended(done + 2 * latency, "front", first, "ok", "back:50051");
        self.call_ended(done + 2 * latency, call, "")
    }

    /// A correct call within one module, in 1 ms.
    pub fn local(&mut self, call: u64) -> &mut Self {
        self.call_started(call, 1, "router.in");
        self.handle_started(0, "front", call, (span(call, 1), Id::NONE), "router.in", false);
        self.handle_ended(MS, "front", span(call, 1), Handling::Ok);
        self.call_ended(MS, call, "")
    }

    /// A call whose only hop gets no reply, and is not executed.
    pub fn timed_out(&mut self, call: u64) -> &mut Self {
        self.call_started(call, 0, "echo.in");
        self.hop_started(0, "front", call, (span(call, 1), Id::NONE), "echo.in", 0);
        self.hop_ended(TIMEOUT, "front", span(call, 1), "timeout", "back:50051");
        self.call_ended(TIMEOUT, call, "timeout")
    }

    /// A call that is refused after 1 ms.
    pub fn unavailable(&mut self, call: u64) -> &mut Self {
        self.call_started(call, 0, "echo.in");
        self.hop_started(0, "front", call, (span(call, 1), Id::NONE), "echo.in", 0);
        self.hop_ended(MS, "front", span(call, 1), "unavailable", "");
        self.call_ended(MS, call, "unavailable")
    }

    /// A call whose component is still running at its deadline.
    pub fn slow_component(&mut self, call: u64) -> &mut Self {
        let first = span(call, 1);
        self.call_started(call, 0, "echo.in");
        self.hop_started(0, "front", call, (first, Id::NONE), "echo.in", 0);
        self.handle_started(2 * MS, "back", call, (first, Id::NONE), "echo.in", true);
        self.hop_ended(TIMEOUT, "front", first, "timeout", "back:50051");
        self.call_ended(TIMEOUT, call, "timeout");
        self.handle_ended(TIMEOUT + 2 * MS, "back", first, Handling::Dropped)
    }

    /// Calls of all kinds, some of them during a partition, in which no promise is broken.
    pub fn sound(&mut self) -> &mut Self {
        let split = Partition(both_ways("front", "back"));
        self.fault("split", 20 * S, Some(30 * S), split);
        for call in 1..50 {
            let script = self.at(call * S);
            match call {
                20..30 => script.timed_out(call),
                30..34 => script.unavailable(call),
                40 => script.slow_component(call),
                _ if call % 3 == 0 => script.local(call),
                _ => script.chain(call),
            };
        }
        self
    }

    /// Makes the hop `again`, with its execution, a retry of `once`.
    pub fn repeat(&mut self, again: Id, once: Id, message_key: Id) -> &mut Self {
        for entry in &mut self.entries {
            match &mut entry.event {
                Event::HopStarted {
                    span,
                    attempt,
                    previous,
                    key,
                    ..
                } if [again, once].contains(span) => {
                    *key = message_key;
                    if *span == again {
                        (*attempt, *previous) = (2, once);
                    }
                }
                Event::HandleStarted {
                    span, attempt, key, ..
                } if [again, once].contains(span) => {
                    *key = message_key;
                    *attempt = 1 + u32::from(*span == again);
                }
                _ => {}
            }
        }
        self
    }

    /// Moves the end of an execution.
    pub fn end_handling_at(&mut self, execution: Id, at: u64) -> &mut Self {
        for entry in &mut self.entries {
            if matches!(&entry.event, Event::HandleEnded { span, .. } if *span == execution) {
                entry.at = at;
            }
        }
        self
    }

    /// Changes all entries.
    pub fn change(&mut self, change: impl FnMut(&mut Entry)) -> &mut Self {
        self.entries.iter_mut().for_each(change);
        self
    }

    /// Has `add` add what follows from the entries before, when the script is finished.
    pub fn at_the_end(&mut self, add: fn(&mut Script)) -> &mut Self {
        self.last.push(add);
        self
    }

    /// The entries so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Ends the run at this instant instead of after 60 s.
    pub fn ends(&mut self, at: u64) -> &mut Self {
        self.end = at;
        self
    }

    /// Sorted by time, numbered, with a final entry.
    pub fn finish(mut self) -> (Plan, Journal) {
        self.at(self.end);
        for add in std::mem::take(&mut self.last) {
            add(&mut self);
        }
        self.push(
            "",
            Event::RunEnded {
                tasks_left: 0,
                sockets_left: 0,
                timers_left: 0,
            },
        );
        self.entries.sort_by_key(|entry| entry.at);
        renumber(&mut self.entries);
        self.plan.duration = Duration::from_nanos(self.end);
        (
            self.plan,
            Journal {
                entries: self.entries,
            },
        )
    }
}

fn renumber(entries: &mut [Entry]) {
    for (number, entry) in (0..).zip(entries) {
        entry.number = number;
    }
}

/// Asserts that an oracle holds.
#[track_caller]
pub fn assert_holds(oracle: &dyn Oracle, script: Script) {
    let (plan, journal) = script.finish();
    if let Err(violation) = oracle.check(&Run::of(&plan, &journal)) {
        panic!("{} does not hold: {violation}", oracle.name());
    }
}

/// Asserts that an oracle holds, then changes the journal, and returns the new violation.
#[track_caller]
pub fn broken(oracle: &dyn Oracle, script: Script, change: impl FnOnce(&mut Vec<Entry>)) -> Violation {
    let (plan, mut journal) = script.finish();
    if let Err(violation) = oracle.check(&Run::of(&plan, &journal)) {
        panic!("{} was broken before the change: {violation}", oracle.name());
    }
    change(&mut journal.entries);
    renumber(&mut journal.entries);
    match oracle.check(&Run::of(&plan, &journal)) {
        Ok(_) => panic!("{} did not notice", oracle.name()),
        Err(violation) => violation,
    }
}

/// Call 1 is sent and executed; after `gap` it is retried and executed again.
pub fn sent_again(status: &str, how: Handling, gap: u64, key: Id) -> Script {
    let mut script = Script::new();
    let (once, again) = (span(1, 1), span(1, 2));
    script.at(S).call_started(1, 0, "echo.in");
    script.hop_started(0, "front", 1, (once, Id::NONE), "echo.in", 0);
    script.handle_started(MS, "back", 1, (once, Id::NONE), "echo.in", true);
    script.handle_ended(2 * MS, "back", once, how);
    script.hop_ended(3 * MS, "front", once, status, "back:50051");
    script.at(S + 3 * MS + gap);
    script.hop_started(0, "front", 1, (again, Id::NONE), "echo.in", 0);
    script.handle_started(MS, "back", 1, (again, Id::NONE), "echo.in", true);
    script.handle_ended(2 * MS, "back", again, Handling::Ok);
    script.hop_ended(3 * MS, "front", again, "ok", "back:50051");
    script.repeat(again, once, key);
    script
}

/// The links between two hosts.
pub fn both_ways(from: &str, to: &str) -> Pairs {
    Pairs {
        from: vec![from.to_owned()],
        to: vec![to.to_owned()],
        both_ways: true,
    }
}
