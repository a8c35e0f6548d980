//! hyper's executor over [`Platform::spawn`]: every task that hyper starts belongs to its host.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Platform;

/// A task is moved several times on its way into a runtime. Above this size in bytes it is cheaper to box it first. A
/// request task of hyper's client has room for a whole connection.
const LARGE: usize = 256;

/// Spawns hyper's background tasks (HTTP/2 connections, request handlers) through a platform.
#[derive(Debug, Clone)]
pub struct Executor<P>(P);

impl<P: Platform> Executor<P> {
    /// Spawns through `platform`.
    pub fn new(platform: P) -> Self {
        Executor(platform)
    }
}

// A platform is never pinned inside; hyper's client requires this.
impl<P> Unpin for Executor<P> {}

impl<P, F> hyper::rt::Executor<F> for Executor<P>
where
    P: Platform,
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, task: F) {
        if size_of::<F>() > LARGE {
            self.0.spawn(Discard { task: Box::pin(task) });
        } else {
            self.0.spawn(Discard { task });
        }
    }
}

pin_project_lite::pin_project! {
    /// Drops a task's output. An async block that awaits the task would store it twice, and these tasks are large.
    struct Discard<F> {
        #[pin]
        task: F,
    }
}

impl<F: Future> Future for Discard<F> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.project().task.poll(context).map(drop)
    }
}
