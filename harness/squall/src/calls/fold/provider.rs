//! Executions of providers' modules, as hops and executions of the calls that caused them.
//!
//! An attempt at a member is a hop, and what the member does with it is the execution at its other end. The span of the
//! first attempt is the execution's own id. A later one has a span that follows from that and from its number: two
//! members may both be at work.

use indexmap::map::Entry as Slot;

use super::{Fold, place, reserve_few};
use crate::calls::{Execution, ExecutionEnd, Hop, HopEnd, Moment, Payload, Place, Protocol, Unknown};
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
        let hops = match call {
            Some(call) => &mut self.calls.calls[call as usize].hops,
            None => &mut self.calls.own_hops,
        };
        match self.calls.hop_places.entry(span) {
            Slot::Vacant(slot) => slot.insert(Place {
                call,
                index: place(hops.len()),
            }),
            Slot::Occupied(slot) => {
                let first = *slot.get();
                self.hop_mut(first).started_again.get_or_insert(moment);
                return;
            }
        };
        reserve_few(hops);
        hops.push(Hop {
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
        });
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
        let span = span(*execution, *attempt);
        let Some(known) = self.calls.hop_places.get(&span).copied() else {
            return self.unstarted(moment, entry, Unknown::Hop(span));
        };
        let hop = self.hop_mut(known);
        if hop.end.is_some() {
            hop.ended_again.get_or_insert(moment);
            return;
        }
        hop.end = Some(HopEnd {
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
        let executions = match call {
            Some(call) => &mut self.calls.calls[call as usize].executions,
            None => &mut self.calls.own_executions,
        };
        match self.calls.execution_places.entry(span) {
            Slot::Vacant(slot) => slot.insert(Place {
                call,
                index: place(executions.len()),
            }),
            Slot::Occupied(slot) => {
                let first = *slot.get();
                self.execution_mut(first)
                    .started_again
                    .get_or_insert((moment, &entry.host));
                return;
            }
        };
        reserve_few(executions);
        executions.push(Execution {
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
            received: Payload {
                bytes: *bytes,
                digest: *digest,
            },
            started: moment,
            end: None,
            started_again: None,
            ended_again: None,
        });
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
        let Some(known) = known else {
            return self.unstarted(moment, entry, Unknown::Execution(*execution));
        };
        let known = self.execution_mut(known);
        if known.end.is_some() {
            known.ended_again.get_or_insert(moment);
            return;
        }
        known.end = Some(ExecutionEnd {
            moment,
            how: *how,
            reply: Payload {
                bytes: *bytes,
                digest: *digest,
            },
        });
    }
}

/// The span of an attempt. One round of a mixer: no two attempts of one run share a span by chance.
fn span(execution: Id, attempt: u32) -> Id {
    match attempt {
        0 | 1 => execution,
        later => Id((execution.0 ^ u64::from(later)).wrapping_mul(0x9FB2_1C65_1E98_DF25)),
    }
}
