//! Executions of providers' modules, as hops and executions of the calls that caused them.
//!
//! An attempt at a member is a hop, and what the member does with it is the execution at its other end. The span of the
//! first attempt is the execution's own id. A later one has a span that follows from that and from its number: two
//! members may both be at work.

use super::Fold;
use crate::calls::{Execution, ExecutionEnd, Hop, HopEnd, Moment, Payload, Protocol};
use crate::journal::{Entry, Id, ProviderEvent};
use crate::providers::host_of;

/// What is known of one execution.
#[derive(Default)]
pub(super) struct Attempts<'j> {
    /// The span of each attempt, and the host that it was sent to.
    sent: Vec<(Id, &'j str)>,
    /// The span of each that is executed, and the host that does.
    executed: Vec<(Id, &'j str)>,
}

impl<'j> Fold<'j> {
    pub(super) fn provider_event(&mut self, moment: Moment, entry: &'j Entry, event: &'j ProviderEvent) {
        match event {
            ProviderEvent::ExecuteStarted { .. } => self.attempt_started(moment, entry, event),
            ProviderEvent::ExecuteEnded { .. } => self.attempt_ended(moment, entry, event),
            ProviderEvent::ExecutionStarted { .. } => self.execution_started(moment, entry, event),
            ProviderEvent::ExecutionEnded { .. } => self.execution_ended(moment, entry, event),
            _ => {}
        }
    }

    fn attempt_started(&mut self, moment: Moment, entry: &'j Entry, event: &'j ProviderEvent) {
        let ProviderEvent::ExecuteStarted {
            trace,
            execution,
            module,
            namespace,
            connection,
            executor,
            attempt,
            timeout,
            bytes,
            digest,
        } = event
        else {
            return;
        };
        let span = span(*execution, *attempt);
        let sent = &mut self.attempts.entry(*execution).or_default().sent;
        sent.push((span, host_of(executor)));
        let call = self.by_trace.get(trace).copied();
        let hop = Hop {
            protocol: Protocol::Provider,
            span,
            parent: Id::NONE,
            to: module,
            host: &entry.host,
            source_module: &entry.host,
            target_module: namespace,
            addressed: executor,
            connection,
            depth: 0,
            attempt: *attempt,
            previous: match attempt {
                0 | 1 => Id::NONE,
                later => self::span(*execution, later - 1),
            },
            key: Id::NONE,
            timeout: *timeout,
            sent: Payload {
                bytes: *bytes,
                digest: *digest,
            },
            started: moment,
            end: None,
            started_again: None,
            ended_again: None,
        };
        self.start_hop(call, hop);
    }

    fn attempt_ended(&mut self, moment: Moment, entry: &'j Entry, event: &'j ProviderEvent) {
        let ProviderEvent::ExecuteEnded {
            execution,
            outcome,
            status,
            error: _,
            connection: _,
            attempt,
            bytes,
            digest,
        } = event
        else {
            return;
        };
        self.end_hop(entry, span(*execution, *attempt), |hop| HopEnd {
            moment,
            outcome: *outcome,
            status: if status.is_empty() { "ok" } else { status },
            peer: hop.addressed,
            at_transport: true,
            reply: Payload {
                bytes: *bytes,
                digest: *digest,
            },
        });
    }

    fn execution_started(&mut self, moment: Moment, entry: &'j Entry, event: &'j ProviderEvent) {
        let ProviderEvent::ExecutionStarted {
            execution,
            module,
            namespace,
            instance: _,
            timeout,
            bytes,
            digest,
        } = event
        else {
            return;
        };
        let attempts = self.attempts.entry(*execution).or_default();
        // One that was not sent there at all: then it is the first one that is in the wrong place.
        let sent = attempts.sent.iter().rfind(|(_, host)| *host == &*entry.host);
        let span = sent.map_or(*execution, |(span, _)| *span);
        attempts.executed.push((span, &entry.host));
        let call = self.calls.hop_places.get(&span).and_then(|place| place.call);
        let execution = Execution {
            protocol: Protocol::Provider,
            span,
            parent: Id::NONE,
            host: &entry.host,
            module: namespace,
            node: namespace,
            port: module.rsplit_once('.').map_or(module, |(_, short)| short),
            remote: true,
            depth: 0,
            attempt: 1,
            key: Id::NONE,
            timeout: (*timeout > 0).then_some(*timeout),
            received: Payload {
                bytes: *bytes,
                digest: *digest,
            },
            started: moment,
            end: None,
            started_again: None,
            ended_again: None,
        };
        self.start_execution(call, execution);
    }

    fn execution_ended(&mut self, moment: Moment, entry: &'j Entry, event: &'j ProviderEvent) {
        let ProviderEvent::ExecutionEnded {
            execution,
            how,
            error: _,
            bytes,
            digest,
        } = event
        else {
            return;
        };
        let executed = self.attempts.get(execution).map_or(&[][..], |it| &it.executed);
        let here = executed.iter().rfind(|(_, host)| *host == &*entry.host);
        let known = here
            .and_then(|(span, _)| self.calls.execution_places.get(span))
            .copied();
        let end = ExecutionEnd {
            moment,
            how: *how,
            reply: Payload {
                bytes: *bytes,
                digest: *digest,
            },
        };
        self.end_execution(entry, known.ok_or(*execution), end);
    }
}

/// The span of an attempt. One round of a mixer: no two attempts of one run share a span by chance.
fn span(execution: Id, attempt: u32) -> Id {
    match attempt {
        0 | 1 => execution,
        later => Id((execution.0 ^ u64::from(later)).wrapping_mul(0x9FB2_1C65_1E98_DF25)),
    }
}
