//! Hooks around each call.

use async_trait::async_trait;
use http::HeaderMap;
use tonic::{Code, Status};

use crate::Method;

/// A call as hooks see it.
#[derive(Debug, Clone, Copy)]
pub struct Rpc<'a> {
    /// The method that is called.
    pub method: Method,
    /// The request's headers, metadata included.
    pub headers: &'a HeaderMap,
}

impl Rpc<'_> {
    /// The full path, such as `/crucible.transport.v1.Transport/Spawn`.
    pub fn path(&self) -> &'static str {
        self.method.path()
    }
}

/// Sees each call of a known method exactly once, whatever becomes of it. For authorisation, limits per caller,
/// metrics.
#[async_trait]
pub trait Interceptor: Send + Sync + 'static {
    /// Before the request is read. The caller gets the error of a hook that refuses, and neither the endpoint nor later
    /// hooks see the call.
    ///
    /// # Errors
    /// To refuse the call: `UNAUTHENTICATED` and `PERMISSION_DENIED` are made for it.
    async fn before(&self, rpc: &Rpc<'_>) -> Result<(), Status> {
        let _ = rpc;
        Ok(())
    }

    /// After the call, with the code of its answer; `CANCELLED` when its caller has gone before there was one. Must not
    /// panic.
    fn after(&self, rpc: &Rpc<'_>, code: Code) {
        let _ = (rpc, code);
    }
}

/// Tells the hooks how a call ends, when it is dropped.
pub(super) struct Seen<'a> {
    rpc: Rpc<'a>,
    interceptors: &'a [Box<dyn Interceptor>],
    /// How many of them have seen the beginning.
    count: usize,
    pub(super) code: Code,
}

impl<'a> Seen<'a> {
    pub(super) fn new(rpc: Rpc<'a>, interceptors: &'a [Box<dyn Interceptor>]) -> Self {
        Seen {
            rpc,
            interceptors,
            count: 0,
            code: Code::Cancelled,
        }
    }

    /// Asks the hooks, one after the other.
    pub(super) async fn before(&mut self) -> Result<(), Status> {
        for interceptor in self.interceptors {
            self.count += 1;
            interceptor.before(&self.rpc).await?;
        }
        Ok(())
    }
}

impl Drop for Seen<'_> {
    fn drop(&mut self) {
        for interceptor in self.interceptors[..self.count].iter().rev() {
            interceptor.after(&self.rpc, self.code);
        }
    }
}
