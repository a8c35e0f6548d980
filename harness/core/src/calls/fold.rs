//! Folds the journal in one pass: every entry finds its call, hop or execution through an index.

use std::any::{Any, TypeId};

use indexmap::IndexMap;
use indexmap::map::Entry as Slot;

use super::{
    Call, CallEnd, Calls, Execution, ExecutionEnd, Hop, HopEnd, HopKind, Moment, Payload, Place, Rpc,
    Unknown, Unstarted,
};
use crate::journal::{Entry, Event, Id, Journal};

pub(super) fn fold(journal: &Journal) -> Calls<'_> {
    let mut fold = Folding::default();
    for entry in &journal.entries {
        fold.add(entry);
    }
    fold.calls
}

/// The calls of a journal, folded up to some entry.
#[derive(Debug, Default)]
pub struct Folding<'j> {
    calls: Calls<'j>,
    by_number: IndexMap<u64, u32>,
    by_trace: IndexMap<Id, u32>,
    /// gRPC calls between services, by index.
    rpcs: IndexMap<Id, usize>,
    /// State of systems during the fold, by type.
    states: Vec<(TypeId, Box<dyn Any>)>,
    /// Whether the plan is over.
    is_quiet: bool,
}

/// The workload's call that a hop or execution belongs to.
#[derive(Debug, Clone, Copy)]
pub struct PartOf(Option<u32>);

impl<'j> Folding<'j> {
    /// The call that carries this trace.
    #[must_use]
    pub fn call_of(&self, trace: Id) -> PartOf {
        PartOf(self.by_trace.get(&trace).copied())
    }

    /// The call that the hop with this span belongs to.
    #[must_use]
    pub fn call_of_hop(&self, span: Id) -> PartOf {
        PartOf(self.calls.hop_places.get(&span).and_then(|place| place.call))
    }

    /// State that a system keeps between its events during the fold.
    ///
    /// # Panics
    /// Never: what is kept for a type is of that type.
    pub fn state<S: Default + 'static>(&mut self) -> &mut S {
        let of = TypeId::of::<S>();
        let place = self.states.iter().position(|(kind, _)| *kind == of);
        let place = place.unwrap_or_else(|| {
            self.states.push((of, Box::<S>::default()));
            self.states.len() - 1
        });
        self.states[place]
            .1
            .downcast_mut()
            .expect("it was put there for this type")
    }

    fn add(&mut self, entry: &'j Entry) {
        let moment = Moment::of(entry);
        match &entry.event {
            Event::CallStarted { .. } => self.call_started(moment, entry),
            Event::CallEnded { .. } => self.call_ended(moment, entry),
            Event::HopStarted { .. } => self.hop_started(moment, entry),
            Event::HopEnded { .. } => self.hop_ended(moment, entry),
            Event::HandleStarted { .. } => self.handle_started(moment, entry),
            Event::HandleEnded { .. } => self.handle_ended(moment, entry),
            Event::QuietStarted => self.is_quiet = true,
            Event::Of(event) => event.fold(entry, self),
            _ => {}
        }
    }

    fn call_started(&mut self, moment: Moment, entry: &'j Entry) {
        let Event::CallStarted {
            call,
            workload,
            to,
            trace,
            timeout,
            bytes,
            digest,
        } = &entry.event
        else {
            return;
        };
        let known = self.by_number.get(call).or_else(|| self.by_trace.get(trace));
        if let Some(known) = known {
            self.calls.calls[*known as usize]
                .started_again
                .get_or_insert(moment);
            return;
        }
        let index = place(self.calls.calls.len());
        self.by_number.insert(*call, index);
        self.by_trace.insert(*trace, index);
        self.calls.calls.push(Call {
            number: *call,
            workload: *workload,
            host: &entry.host,
            to,
            trace: *trace,
            is_probe: self.is_quiet,
            timeout: *timeout,
            sent: Payload {
                bytes: *bytes,
                digest: *digest,
            },
            started: moment,
            end: None,
            started_again: None,
            ended_again: None,
            hops: Vec::new(),
            executions: Vec::new(),
            touched_by: Vec::new(),
            touched_by_loss: false,
        });
    }

    fn call_ended(&mut self, moment: Moment, entry: &'j Entry) {
        let Event::CallEnded {
            call,
            outcome,
            class,
            error,
            bytes,
            digest,
        } = &entry.event
        else {
            return;
        };
        let Some(known) = self.by_number.get(call) else {
            return self.unstarted(moment, entry, Unknown::Call(*call));
        };
        let call = &mut self.calls.calls[*known as usize];
        if call.end.is_some() {
            call.ended_again.get_or_insert(moment);
            return;
        }
        let reply = Payload {
            bytes: *bytes,
            digest: *digest,
        };
        call.end = Some(CallEnd {
            moment,
            outcome: *outcome,
            class,
            error,
            reply,
        });
    }

    fn hop_started(&mut self, moment: Moment, entry: &'j Entry) {
        let Event::HopStarted {
            trace,
            span,
            parent,
            from: _,
            to,
            source_module,
            target_module,
            depth,
            attempt,
            previous,
            key,
            timeout,
            bytes,
            digest,
        } = &entry.event
        else {
            return;
        };
        let call = self.call_of(*trace);
        let hop = Hop {
            kind: HopKind::Message,
            span: *span,
            parent: *parent,
            to,
            host: &entry.host,
            source_module,
            target_module,
            addressed: "",
            connection: "",
            depth: *depth,
            attempt: *attempt,
            previous: *previous,
            key: *key,
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

    fn hop_ended(&mut self, moment: Moment, entry: &'j Entry) {
        let Event::HopEnded {
            span,
            outcome,
            status,
            peer,
            at_transport,
            error: _,
            bytes,
            digest,
        } = &entry.event
        else {
            return;
        };
        let reply = Payload {
            bytes: *bytes,
            digest: *digest,
        };
        let end = HopEnd {
            moment,
            outcome: *outcome,
            status,
            peer,
            at_transport: *at_transport,
            reply,
        };
        self.end_hop(entry, *span, |_| end);
    }

    fn handle_started(&mut self, moment: Moment, entry: &'j Entry) {
        let Event::HandleStarted {
            trace,
            span,
            parent,
            module,
            node,
            port,
            remote,
            depth,
            attempt,
            key,
            timeout,
            bytes,
            digest,
        } = &entry.event
        else {
            return;
        };
        let call = self.call_of(*trace);
        let execution = Execution {
            kind: HopKind::Message,
            span: *span,
            parent: *parent,
            host: &entry.host,
            module,
            node,
            port,
            remote: *remote,
            depth: *depth,
            attempt: *attempt,
            key: *key,
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

    fn handle_ended(&mut self, moment: Moment, entry: &'j Entry) {
        let Event::HandleEnded {
            span,
            how,
            error: _,
            bytes,
            digest,
        } = &entry.event
        else {
            return;
        };
        let reply = Payload {
            bytes: *bytes,
            digest: *digest,
        };
        let end = ExecutionEnd {
            moment,
            how: *how,
            reply,
        };
        self.end_execution(entry, Some(*span), *span, end);
    }

    /// Starts a hop, with or without a known call.
    pub fn start_hop(&mut self, PartOf(call): PartOf, hop: Hop<'j>) {
        let hops = match call {
            Some(call) => &mut self.calls.calls[call as usize].hops,
            None => &mut self.calls.own_hops,
        };
        match self.calls.hop_places.entry(hop.span) {
            Slot::Vacant(slot) => {
                let index = place(hops.len());
                slot.insert(Place { call, index });
                reserve_few(hops);
                hops.push(hop);
            }
            Slot::Occupied(slot) => {
                let first = *slot.get();
                self.hop_mut(first).started_again.get_or_insert(hop.started);
            }
        }
    }

    /// Ends the hop with this span.
    pub fn end_hop(&mut self, entry: &'j Entry, span: Id, end: impl FnOnce(&Hop<'j>) -> HopEnd<'j>) {
        let moment = Moment::of(entry);
        let Some(known) = self.calls.hop_places.get(&span).copied() else {
            return self.unstarted(moment, entry, Unknown::Hop(span));
        };
        let hop = self.hop_mut(known);
        if hop.end.is_some() {
            hop.ended_again.get_or_insert(moment);
        } else {
            hop.end = Some(end(hop));
        }
    }

    /// Starts a gRPC call between services. Its parent determines the workload's call, if any.
    pub fn start_rpc(&mut self, rpc: Rpc<'j>) {
        let of_workload = self.by_trace.get(&rpc.parent);
        let of_workload = of_workload.map(|call| self.calls.calls[*call as usize].number);
        let of_parent = || self.calls.rpcs[*self.rpcs.get(&rpc.parent)?].call;
        let call = of_workload.or_else(of_parent);
        self.rpcs.insert(rpc.span, self.calls.rpcs.len());
        self.calls.rpcs.push(Rpc { call, ..rpc });
    }

    /// The gRPC call with this span, if it has started.
    pub fn rpc_mut(&mut self, span: Id) -> Option<&mut Rpc<'j>> {
        let index = self.rpcs.get(&span)?;
        self.calls.rpcs.get_mut(*index)
    }

    /// Starts an execution, with or without a known call.
    pub fn start_execution(&mut self, PartOf(call): PartOf, execution: Execution<'j>) {
        let executions = match call {
            Some(call) => &mut self.calls.calls[call as usize].executions,
            None => &mut self.calls.own_executions,
        };
        match self.calls.execution_places.entry(execution.span) {
            Slot::Vacant(slot) => {
                let index = place(executions.len());
                slot.insert(Place { call, index });
                reserve_few(executions);
                executions.push(execution);
            }
            Slot::Occupied(slot) => {
                let first = *slot.get();
                let again = (execution.started, execution.host);
                self.execution_mut(first).started_again.get_or_insert(again);
            }
        }
    }

    /// Ends the execution with `span`, if known. `named` is the identifier in its event.
    pub fn end_execution(&mut self, entry: &'j Entry, span: Option<Id>, named: Id, end: ExecutionEnd) {
        let known = span.and_then(|span| self.calls.execution_places.get(&span));
        let Some(known) = known.copied() else {
            return self.unstarted(end.moment, entry, Unknown::Execution(named));
        };
        let execution = self.execution_mut(known);
        if execution.end.is_some() {
            execution.ended_again.get_or_insert(end.moment);
        } else {
            execution.end = Some(end);
        }
    }

    fn unstarted(&mut self, moment: Moment, entry: &'j Entry, what: Unknown) {
        self.calls.unstarted.push(Unstarted {
            moment,
            host: &entry.host,
            what,
        });
    }

    fn hop_mut(&mut self, place: Place) -> &mut Hop<'j> {
        let hops = match place.call {
            Some(call) => &mut self.calls.calls[call as usize].hops,
            None => &mut self.calls.own_hops,
        };
        &mut hops[place.index as usize]
    }

    fn execution_mut(&mut self, place: Place) -> &mut Execution<'j> {
        let executions = match place.call {
            Some(call) => &mut self.calls.calls[call as usize].executions,
            None => &mut self.calls.own_executions,
        };
        &mut executions[place.index as usize]
    }
}

/// Most calls have one or two hops. A vector would start with room for four, which in a long run is most of the memory
/// that a fold touches.
fn reserve_few<T>(items: &mut Vec<T>) {
    if items.capacity() == 0 {
        items.reserve_exact(2);
    }
}

fn place(index: usize) -> u32 {
    u32::try_from(index).expect("a journal with four billion calls does not fit in memory")
}
