//! Folds executions of providers' modules into hops and executions of calls.
//!
//! An attempt at a member is a hop, and the member's execution is at its other end. The span of the first attempt is
//! the execution's identifier. The span of a retry is derived from that and from its number, because two members may
//! execute at the same time.

use std::sync::Arc;

use indexmap::IndexMap;
use squall_core::calls::{Execution, ExecutionEnd, Folding, Hop, HopEnd, HopKind, Moment, Payload};
use squall_core::journal::{Entry, Id};

use super::ProviderEvent;
use super::evidence::host_of;

/// All executions, by identifier.
#[derive(Default)]
struct Executions(IndexMap<Id, Attempts>);

/// One execution.
#[derive(Default)]
struct Attempts {
    /// The span of each attempt, with the executor that it was sent to.
    sent: Vec<(Id, Arc<str>)>,
    /// The span of each execution, with its host.
    executed: Vec<(Id, Arc<str>)>,
}

pub(super) fn fold<'j>(event: &'j ProviderEvent, entry: &'j Entry, folding: &mut Folding<'j>) {
    match event {
        ProviderEvent::ExecuteStarted { .. } => attempt_started(event, entry, folding),
        ProviderEvent::ExecuteEnded { .. } => attempt_ended(event, entry, folding),
        ProviderEvent::ExecutionStarted { .. } => execution_started(event, entry, folding),
        ProviderEvent::ExecutionEnded { .. } => execution_ended(event, entry, folding),
        _ => {}
    }
}

fn attempt_started<'j>(event: &'j ProviderEvent, entry: &'j Entry, folding: &mut Folding<'j>) {
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
    let sent = &mut folding
        .state::<Executions>()
        .0
        .entry(*execution)
        .or_default()
        .sent;
    sent.push((span, executor.clone()));
    let call = folding.call_of(*trace);
    let hop = Hop {
        kind: HopKind::Attempt,
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
        started: Moment::of(entry),
        end: None,
        started_again: None,
        ended_again: None,
    };
    folding.start_hop(call, hop);
}

fn attempt_ended<'j>(event: &'j ProviderEvent, entry: &'j Entry, folding: &mut Folding<'j>) {
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
    folding.end_hop(entry, span(*execution, *attempt), |hop| HopEnd {
        moment: Moment::of(entry),
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

fn execution_started<'j>(event: &'j ProviderEvent, entry: &'j Entry, folding: &mut Folding<'j>) {
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
    let attempts = folding.state::<Executions>().0.entry(*execution).or_default();
    // Without an attempt at this executor, the first attempt was executed in the wrong place.
    let sent = attempts
        .sent
        .iter()
        .rfind(|(_, executor)| *host_of(executor) == *entry.host);
    let span = sent.map_or(*execution, |(span, _)| *span);
    attempts.executed.push((span, entry.host.clone()));
    let call = folding.call_of_hop(span);
    let execution = Execution {
        kind: HopKind::Attempt,
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
        started: Moment::of(entry),
        end: None,
        started_again: None,
        ended_again: None,
    };
    folding.start_execution(call, execution);
}

fn execution_ended<'j>(event: &'j ProviderEvent, entry: &'j Entry, folding: &mut Folding<'j>) {
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
    let attempts = folding.state::<Executions>().0.get(execution);
    let executed = attempts.map_or(&[][..], |it| &it.executed);
    let here = executed.iter().rfind(|(_, host)| **host == *entry.host);
    let span = here.map(|(span, _)| *span);
    let end = ExecutionEnd {
        moment: Moment::of(entry),
        how: *how,
        reply: Payload {
            bytes: *bytes,
            digest: *digest,
        },
    };
    folding.end_execution(entry, span, *execution, end);
}

/// The span of an attempt. One round of a mixer, to avoid collisions between attempts of one run.
fn span(execution: Id, attempt: u32) -> Id {
    match attempt {
        0 | 1 => execution,
        later => Id((execution.0 ^ u64::from(later)).wrapping_mul(0x9FB2_1C65_1E98_DF25)),
    }
}
