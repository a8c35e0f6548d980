//! The wall clocks of hosts, which may be wrong.
//!
//! A wall clock belongs to the machine: it is not affected by the death of a process. While a host's task runs, system
//! calls for the time return that host's; timers use the monotonic clock, which is always right.
//!
//! Deliberately absent: drift. A clock's offset is constant until it jumps.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use squall_hermetic as hermetic;

use crate::host::HostId;

/// Direction and distance of a jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockShift {
    /// It shows a later time than before.
    Ahead(Duration),
    /// It shows an earlier time than before.
    Behind(Duration),
}

impl ClockShift {
    /// The inverse jump.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            ClockShift::Ahead(by) => ClockShift::Behind(by),
            ClockShift::Behind(by) => ClockShift::Ahead(by),
        }
    }

    fn nanos(self) -> i64 {
        let nanos = |by: Duration| i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        match self {
            ClockShift::Ahead(by) => nanos(by),
            ClockShift::Behind(by) => -nanos(by),
        }
    }
}

/// The offset of each clock.
#[derive(Default)]
pub(crate) struct Clocks {
    /// Set once a clock has jumped. In most runs none does, and host changes then cost nothing more.
    any: AtomicBool,
    nanos: Mutex<BTreeMap<HostId, i64>>,
}

impl Clocks {
    pub(crate) fn shift(&self, host: HostId, shift: ClockShift) {
        let mut clocks = self.nanos.lock().unwrap_or_else(PoisonError::into_inner);
        let off = clocks.entry(host).or_default();
        *off = off.saturating_add(shift.nanos());
        self.any.store(true, Ordering::Relaxed);
    }

    /// From here on this thread's wall clock is the one of `host`.
    #[inline]
    pub(crate) fn show(&self, host: HostId) {
        if self.any.load(Ordering::Relaxed) {
            let clocks = self.nanos.lock().unwrap_or_else(PoisonError::into_inner);
            hermetic::set_skew(clocks.get(&host).copied().unwrap_or(0));
        }
    }
}
