//! hyper's executor over [`Platform::spawn`]: every task that hyper starts belongs to its host.

use std::future::Future;

use crate::Platform;

/// Spawns hyper's background tasks (HTTP/2 connections, request handlers) through a platform.
#[derive(Debug, Clone)]
pub struct Executor<P>(P);

impl<P: Platform> Executor<P> {
    /// Spawns through `platform`.
    pub fn new(platform: P) -> Self {
        Executor(platform)
    }
}

// A platform is never pinned inside; hyper's client asks for this.
impl<P> Unpin for Executor<P> {}

impl<P, F> hyper::rt::Executor<F> for Executor<P>
where
    P: Platform,
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        self.0.spawn(async move {
            task.await;
        });
    }
}
