//! No module dials itself, under its own name or another: local calls stay local. Spec: router H-9.
//!
//! Upstream once shipped this bug: a module that owned a node without an instance called itself over the
//! network, and the callee did the same, until the pods ran out of memory.

use squall_core::oracle::{First, Oracle, Run, Violation};

/// See the module's documentation.
#[derive(Debug, Clone, Copy)]
pub struct NoSelfDial;

impl Oracle for NoSelfDial {
    fn name(&self) -> &'static str {
        "no self-dial"
    }

    fn promise(&self) -> &'static str {
        "no module dials itself"
    }

    fn check(&self, run: &Run<'_>) -> Result<u64, Violation> {
        let mut first = First::default();
        for (call, hop) in run.calls.hops() {
            first.judges();
            let to_itself = hop.peer_host() == Some(hop.host);
            if hop.source_module == hop.target_module || to_itself {
                let what = || format!("module {} dials itself", hop.source_module);
                first.offer(hop.started, || run.of_hop(call, hop, hop.started.at, what()));
            }
        }
        first.result()
    }
}

#[cfg(test)]
mod tests {
    use squall_core::journal::Event;

    use super::*;
    use crate::testing::{OfModules, S, Script, broken, hop_start, span};

    #[test]
    fn a_module_that_dials_itself_is_found() {
        let mut script = Script::of_modules();
        script.at(S).chain(1);
        let violation = broken(&NoSelfDial, script, |entries| {
            let start = hop_start(entries, span(1, 2));
            let Event::HopStarted { target_module, .. } = &mut entries[start].event else {
                panic!("a start")
            };
            *target_module = "back".into();
        });
        assert_eq!(
            (violation.call, violation.what.as_str()),
            (Some(1), "module back dials itself")
        );
    }
}
