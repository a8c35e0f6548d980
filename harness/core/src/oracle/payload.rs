//! Payloads arrive unaltered: the handler gets what was sent, and the sender gets what the handler returned.
//! Spec: router S-22, S-27.

use super::{First, Oracle, Run, Violation};
use crate::calls::{Call, Hop, Moment, Payload};
use crate::target::Causes;

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct PayloadIntact;

impl Oracle for PayloadIntact {
    fn name(&self) -> &'static str {
        "payload"
    }

    fn promise(&self) -> &'static str {
        "what is sent is what arrives, both ways"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for call in run.calls.iter().filter(|call| run.causes(call) != Causes::Any) {
            if call.root_hops().next().is_some() || call.root_executions().next().is_some() {
                first.judges();
            }
            for altered in alterations_of_call(call) {
                let at = altered.seen;
                first.offer(at, || run.of_call(call, at.at, altered.text()));
            }
        }
        for (call, hop) in run.calls.hops() {
            if run.calls.execution(hop.span).is_some() {
                first.judges();
            }
            for altered in alterations_of_hop(run, hop) {
                let at = altered.seen;
                first.offer(at, || run.of_hop(call, hop, at.at, altered.text()));
            }
        }
        first.result()
    }
}

/// The first hop or execution must have the call's payload, and the call must have its reply.
fn alterations_of_call(call: &Call<'_>) -> impl Iterator<Item = Altered> {
    let hops = call.root_hops().map(|hop| {
        let reply = hop.end.filter(|_| hop.is_ok()).map(|end| end.reply);
        (hop.started, hop.sent, reply)
    });
    let executions = call.root_executions().map(|execution| {
        let reply = execution.end.filter(|_| execution.is_ok()).map(|end| end.reply);
        (execution.started, execution.received, reply)
    });
    hops.chain(executions).flat_map(|(started, sent, reply)| {
        let there = altered("request", started, call.sent, sent);
        let back = call.end.filter(|_| call.is_ok()).zip(reply);
        let back = back.and_then(|(end, reply)| altered("reply", end.moment, reply, end.reply));
        there.into_iter().chain(back)
    })
}

fn alterations_of_hop(run: &Run<'_>, hop: &Hop<'_>) -> impl Iterator<Item = Altered> {
    let execution = run.calls.execution(hop.span);
    let there =
        execution.and_then(|execution| altered("request", execution.started, hop.sent, execution.received));
    let back = execution
        .and_then(|execution| execution.end)
        .zip(hop.end.filter(|_| hop.is_ok()))
        .and_then(|(done, end)| altered("reply", end.moment, done.reply, end.reply));
    there.into_iter().chain(back)
}

struct Altered {
    what: &'static str,
    seen: Moment,
    before: Payload,
    after: Payload,
}

fn altered(what: &'static str, seen: Moment, before: Payload, after: Payload) -> Option<Altered> {
    (before != after).then_some(Altered {
        what,
        seen,
        before,
        after,
    })
}

impl Altered {
    fn text(&self) -> String {
        let Altered {
            what, before, after, ..
        } = self;
        format!(
            "the {what} was {} bytes ({}), and is {} bytes ({})",
            before.bytes, before.digest, after.bytes, after.digest
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Event, Id};
    use crate::testing::{S, Script, broken, call_end, handle_start, hop_end, hop_start, span};

    fn script() -> Script {
        let mut script = Script::new();
        script.at(S).chain(1).at(2 * S).local(2).at(3 * S).timed_out(3);
        script
    }

    fn alter(event: &mut Event) {
        match event {
            Event::HopStarted { digest, .. }
            | Event::HopEnded { digest, .. }
            | Event::HandleStarted { digest, .. }
            | Event::HandleEnded { digest, .. }
            | Event::CallEnded { digest, .. } => *digest = Id(1),
            other => panic!("no payload in {other:?}"),
        }
    }

    #[test]
    fn a_request_that_is_altered_on_its_way_is_found() {
        let violation = broken(&PayloadIntact, script(), |entries| {
            let start = handle_start(entries, span(1, 2));
            alter(&mut entries[start].event);
        });
        assert_eq!(
            violation.what,
            "the request was 15 bytes (00000000000007e9), and is 15 bytes (0000000000000001)"
        );
        assert_eq!(
            (violation.from.as_str(), violation.to.as_str()),
            ("back", "disk.put")
        );
    }

    #[test]
    fn a_request_that_is_cut_short_is_found() {
        let violation = broken(&PayloadIntact, script(), |entries| {
            let start = handle_start(entries, span(1, 1));
            let Event::HandleStarted { bytes, .. } = &mut entries[start].event else {
                panic!("a start")
            };
            *bytes -= 1;
        });
        assert!(violation.what.contains("is 14 bytes"), "{violation}");
    }

    #[test]
    fn a_reply_that_is_altered_on_its_way_is_found() {
        let violation = broken(&PayloadIntact, script(), |entries| {
            let end = hop_end(entries, span(1, 2));
            alter(&mut entries[end].event);
        });
        assert!(
            violation.what.starts_with("the reply was 20 bytes"),
            "{violation}"
        );
    }

    #[test]
    fn a_call_that_is_altered_before_it_is_sent_is_found() {
        let violation = broken(&PayloadIntact, script(), |entries| {
            let start = hop_start(entries, span(3, 1));
            alter(&mut entries[start].event);
        });
        assert_eq!((violation.call, violation.at), (Some(3), 3 * S));
    }

    #[test]
    fn a_reply_that_is_altered_on_the_last_step_is_found() {
        for call in [1, 2] {
            let violation = broken(&PayloadIntact, script(), |entries| {
                let end = call_end(entries, call);
                alter(&mut entries[end].event);
            });
            assert_eq!(violation.call, Some(call));
            assert!(violation.what.starts_with("the reply"), "{violation}");
        }
    }
}
