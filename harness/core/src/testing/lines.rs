//! The entries of a journal written by hand: calls, hops, executions.

use std::sync::Arc;

use super::{Script, TIMEOUT, span};
use crate::journal::{Event, Handling, Id, Outcome};

const REQUEST: (u64, Id) = (15, Id(0x7e9));
const REPLY: (u64, Id) = (20, Id(0x7e91));

impl Script {
    /// A call starts now.
    pub fn call_started(&mut self, call: u64, workload: u32, to: &str) -> &mut Self {
        let (bytes, digest) = REQUEST;
        let (trace, timeout) = (span(call, 0), TIMEOUT);
        let event = Event::CallStarted {
            call,
            workload,
            to: to.into(),
            trace,
            timeout,
            bytes,
            digest,
        };
        self.push("front", event)
    }

    /// A call ends with an error of this class, or with a reply if it is empty.
    pub fn call_ended(&mut self, delay: u64, call: u64, class: &str) -> &mut Self {
        let outcome = outcome(class);
        let (bytes, digest) = if outcome == Outcome::Ok {
            REPLY
        } else {
            (0, Id::NONE)
        };
        let error = if class.is_empty() { "" } else { "it broke" }.into();
        let event = Event::CallEnded {
            call,
            outcome,
            class: class.into(),
            error,
            bytes,
            digest,
        };
        self.after(delay, "front", event)
    }

    /// A hop of a call starts.
    pub fn hop_started(
        &mut self,
        delay: u64,
        host: &str,
        call: u64,
        (span_id, parent): (Id, Id),
        to: &str,
        depth: u32,
    ) -> &mut Self {
        let (bytes, digest) = REQUEST;
        let event = Event::HopStarted {
            trace: span(call, 0),
            span: span_id,
            parent,
            from: "".into(),
            to: to.into(),
            source_module: host.split('-').next().unwrap().into(),
            target_module: if to.starts_with("echo") { "back" } else { "store" }.into(),
            depth,
            attempt: 1,
            previous: Id::NONE,
            key: Id::NONE,
            timeout: TIMEOUT,
            bytes,
            digest,
        };
        self.after(delay, host, event)
    }

    /// A hop ends with this status, from this endpoint.
    pub fn hop_ended(&mut self, delay: u64, host: &str, span: Id, status: &str, peer: &str) -> &mut Self {
        let outcome = outcome(if status == "ok" { "" } else { status });
        let (bytes, digest) = if outcome == Outcome::Ok {
            REPLY
        } else {
            (0, Id::NONE)
        };
        let (status, peer, error): (Arc<str>, Arc<str>, Arc<str>) = (status.into(), peer.into(), "".into());
        self.after(
            delay,
            host,
            Event::HopEnded {
                span,
                outcome,
                status,
                at_transport: !peer.is_empty(),
                peer,
                error,
                bytes,
                digest,
            },
        )
    }

    /// An execution starts.
    pub fn handle_started(
        &mut self,
        delay: u64,
        host: &str,
        call: u64,
        (span_id, parent): (Id, Id),
        at: &str,
        remote: bool,
    ) -> &mut Self {
        let (bytes, digest) = REQUEST;
        let (node, port) = at.split_once('.').unwrap();
        let event = Event::HandleStarted {
            trace: span(call, 0),
            span: span_id,
            parent,
            module: host.split('-').next().unwrap().into(),
            node: node.into(),
            port: port.into(),
            remote,
            depth: self.depth(span_id, parent, remote),
            attempt: 1,
            key: Id::NONE,
            timeout: if remote { TIMEOUT } else { 0 },
            bytes,
            digest,
        };
        self.after(delay, host, event)
    }

    /// The depth of its hop, or one more than that of its cause.
    fn depth(&self, id: Id, cause: Id, remote: bool) -> u32 {
        let mut depths = self.entries.iter().rev().filter_map(|entry| match &entry.event {
            Event::HopStarted { span, depth, .. } if remote && *span == id => Some(*depth),
            Event::HandleStarted { span, depth, .. } if !remote && *span == cause => Some(depth + 1),
            _ => None,
        });
        depths.next().unwrap_or_default()
    }

    /// An execution ends.
    pub fn handle_ended(&mut self, delay: u64, host: &str, span: Id, how: Handling) -> &mut Self {
        let (bytes, digest) = if how == Handling::Ok { REPLY } else { (0, Id::NONE) };
        self.after(
            delay,
            host,
            Event::HandleEnded {
                span,
                how,
                error: "".into(),
                bytes,
                digest,
            },
        )
    }
}

fn outcome(class: &str) -> Outcome {
    match class {
        "" => Outcome::Ok,
        "timeout" | "error" => Outcome::Unknown,
        _ => Outcome::Failed,
    }
}
