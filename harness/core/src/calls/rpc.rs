//! gRPC calls between services, as recorded by layers on client and server.

use super::Moment;
use crate::journal::{Id, RpcEnd};

/// One gRPC call. It is fully known only if both ends have a layer.
#[derive(Debug)]
pub struct Rpc<'j> {
    /// Identifies the call.
    pub span: Id,
    /// The call whose handler makes it, or the trace of a workload's call; [`Id::NONE`] for neither.
    pub parent: Id,
    /// The number of the workload's call that it belongs to, if known.
    pub call: Option<u64>,
    /// The client's host.
    pub host: &'j str,
    /// The server as `host:port`; empty if unknown.
    pub peer: &'j str,
    /// The service.
    pub service: &'j str,
    /// The method of it.
    pub method: &'j str,
    /// When it was made.
    pub started: Moment,
    /// When and how it ended for its client, if it did.
    pub end: Option<(Moment, &'j RpcEnd)>,
    /// Its executions: several if a layer below retries it.
    pub handled: Vec<Handled<'j>>,
}

/// One execution of a gRPC call.
#[derive(Debug)]
pub struct Handled<'j> {
    /// The host.
    pub host: &'j str,
    /// When it began.
    pub started: Moment,
    /// When and how it ended, if it did.
    pub end: Option<(Moment, &'j RpcEnd)>,
}

impl<'j> Rpc<'j> {
    /// Whether its client has a response without an error.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.end.is_some_and(|(_, end)| *end == RpcEnd::Status(0))
    }

    /// The server: the host that executed it, or else the one that its client named. Empty if neither is known.
    #[must_use]
    pub fn target(&self) -> &'j str {
        let named = self.peer.rsplit_once(':').map_or(self.peer, |(host, _)| host);
        self.handled.last().map_or(named, |handled| handled.host)
    }
}
