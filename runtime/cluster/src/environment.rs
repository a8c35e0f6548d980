//! A platform without its type, so that actors and systems do not carry it.

use std::fmt::Debug;
use std::time::SystemTime;

use futures_util::future::BoxFuture;
use squall_platform::{Platform, TaskHandle};
use tokio::time::Instant;

/// The parts of a [`Platform`] that are used here.
pub(crate) trait Environment: Send + Sync {
    fn spawn(&self, task: BoxFuture<'static, ()>) -> TaskHandle;
    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()>;
    fn random_u64(&self) -> u64;
    fn wall_clock(&self) -> SystemTime;
}

impl<P: Platform> Environment for P {
    fn spawn(&self, task: BoxFuture<'static, ()>) -> TaskHandle {
        Platform::spawn(self, task)
    }

    fn sleep_until(&self, at: Instant) -> BoxFuture<'static, ()> {
        Box::pin(Platform::sleep_until(self, at))
    }

    fn random_u64(&self) -> u64 {
        Platform::random_u64(self)
    }

    fn wall_clock(&self) -> SystemTime {
        Platform::wall_clock(self)
    }
}

impl Debug for dyn Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment")
    }
}
