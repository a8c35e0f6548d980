//! gRPC calls between services, as the layers of their ends say.

use super::Moment;
use crate::journal::{Id, RpcEnd};

/// One gRPC call. Both ends need a layer for all of it to be known.
#[derive(Debug)]
pub struct Rpc<'j> {
    /// The call.
    pub span: Id,
    /// The call within whose handler it is made, or the trace of a workload's call; [`Id::NONE`] for neither.
    pub parent: Id,
    /// The workload's call that it is part of, by its number, as far as that is known.
    pub call: Option<u64>,
    /// Where it is made.
    pub host: &'j str,
    /// `host:port` that is called; empty when nobody says.
    pub peer: &'j str,
    /// The service.
    pub service: &'j str,
    /// The method of it.
    pub method: &'j str,
    /// When it was made.
    pub started: Moment,
    /// When and how it ended for its client, if it did.
    pub end: Option<(Moment, &'j RpcEnd)>,
    /// Where and when it was handled: several times, if what is below the layer sends it again.
    pub handled: Vec<Handled<'j>>,
}

/// One handling of a gRPC call.
#[derive(Debug)]
pub struct Handled<'j> {
    /// Where.
    pub host: &'j str,
    /// When it began.
    pub started: Moment,
    /// When and how it ended, if it did.
    pub end: Option<(Moment, &'j RpcEnd)>,
}

impl<'j> Rpc<'j> {
    /// Whether its client has an answer without an error.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.end.is_some_and(|(_, end)| *end == RpcEnd::Status(0))
    }

    /// Who is called: where it was handled, or whom its client named. Empty when neither is known.
    #[must_use]
    pub fn target(&self) -> &'j str {
        let named = self.peer.rsplit_once(':').map_or(self.peer, |(host, _)| host);
        self.handled.last().map_or(named, |handled| handled.host)
    }
}
