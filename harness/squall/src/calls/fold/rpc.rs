//! gRPC calls between services.

use super::{Fold, moment_of};
use crate::calls::{Handled, Moment, Rpc};
use crate::journal::{Entry, Id, RpcEvent};

impl<'j> Fold<'j> {
    pub(super) fn rpc_event(&mut self, moment: Moment, entry: &'j Entry, event: &'j RpcEvent) {
        match event {
            RpcEvent::CallStarted {
                span,
                parent,
                peer,
                service,
                method,
            } => {
                let index = self.calls.rpcs.len();
                self.rpcs.insert(*span, index);
                self.calls.rpcs.push(Rpc {
                    span: *span,
                    parent: *parent,
                    call: self.part_of(*parent),
                    host: &entry.host,
                    peer,
                    service,
                    method,
                    started: moment,
                    end: None,
                    handled: Vec::new(),
                });
            }
            RpcEvent::CallEnded { span, end } => {
                if let Some(rpc) = self.rpc(*span) {
                    rpc.end.get_or_insert((moment, end));
                }
            }
            RpcEvent::HandlerStarted { span, .. } => {
                if let Some(rpc) = self.rpc(*span) {
                    rpc.handled.push(Handled {
                        host: &entry.host,
                        started: moment_of(entry),
                        end: None,
                    });
                }
            }
            RpcEvent::HandlerEnded { span, end } => {
                let rpc = self.rpc(*span);
                let handled =
                    rpc.and_then(|rpc| rpc.handled.iter_mut().rev().find(|it| *it.host == *entry.host));
                if let Some(handled) = handled {
                    handled.end.get_or_insert((moment, end));
                }
            }
        }
    }

    /// The workload's call that a call with this parent is part of.
    fn part_of(&self, parent: Id) -> Option<u64> {
        let of_workload = self.by_trace.get(&parent);
        let of_workload = of_workload.map(|call| self.calls.calls[*call as usize].number);
        of_workload.or_else(|| self.calls.rpcs[*self.rpcs.get(&parent)?].call)
    }

    fn rpc(&mut self, span: Id) -> Option<&mut Rpc<'j>> {
        let index = self.rpcs.get(&span)?;
        self.calls.rpcs.get_mut(*index)
    }
}
