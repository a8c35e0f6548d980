//! What systems add to files, journals and judgements.

use std::ops::Range;

use crate::faults::Kind;
use crate::file::expects::{ExpectKinds, SubjectKind};
use crate::file::key::Key;
use crate::file::report::Problems;
use crate::file::tables::{HostTable, HostTables};
use crate::file::targets::{OwnTarget, TargetKind};
use crate::journal::EventKind;
use crate::oracle::{Oracle, Run};
use crate::report::SystemSection;
use crate::scenario::OpenFault;

/// The parts of all systems of a program. Each list is in the order of messages, schemas and reports.
pub struct Lists {
    /// Kinds of faults.
    pub faults: &'static [&'static [Kind]],
    /// Checks across all faults of a scenario.
    pub faults_together: &'static [FaultsTogether],
    /// Tables of hosts.
    pub hosts: &'static [&'static HostTables],
    /// Targets of workloads.
    pub targets: &'static [&'static [TargetKind]],
    /// The keys of what calls carry.
    pub carried: &'static [&'static Key],
    /// Resolves user-defined targets; `None` if there can be none.
    pub own_target: Option<OwnTarget>,
    /// Expectations.
    pub expects: &'static [&'static ExpectKinds],
    /// Kinds of events in journal files.
    pub events: &'static [EventKind],
    /// Oracles.
    pub oracles: fn() -> &'static [&'static dyn Oracle],
    /// Report sections.
    pub sections: &'static [fn(&Run<'_>) -> SystemSection],
    /// Finds vacuous checks: one line each.
    pub notes: &'static [fn(&Run<'_>) -> Vec<String>],
    /// Function names, or source files where names are short, of code that calls user code: backtraces end there.
    pub callers: &'static [&'static str],
}

/// Checks the faults of a scenario, each with the position of its start time.
pub(crate) type FaultsTogether = fn(&[(&OpenFault, &Range<usize>)], &mut Problems);

impl Default for &'static Lists {
    fn default() -> Self {
        Lists::NONE
    }
}

impl Lists {
    /// Those of no system.
    pub(crate) const NONE: &'static Lists = &Lists {
        faults: &[],
        faults_together: &[],
        hosts: &[],
        targets: &[],
        carried: &[],
        own_target: None,
        expects: &[],
        events: &[],
        oracles: || &[],
        sections: &[],
        notes: &[],
        callers: &[],
    };

    /// The tables of hosts.
    pub(crate) fn tables(&self) -> impl Iterator<Item = &'static HostTable> + use<> {
        self.hosts.iter().flat_map(|of_system| of_system.tables)
    }

    /// The targets of workloads.
    pub(crate) fn all_targets(&self) -> impl Iterator<Item = &'static TargetKind> + use<> {
        self.targets.iter().copied().flatten()
    }

    /// The subjects of expectations.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &'static SubjectKind> + use<> {
        self.expects.iter().flat_map(|of_system| of_system.subjects)
    }

    /// The keys of checks.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &'static Key> + use<> {
        self.expects.iter().flat_map(|of_system| of_system.wanted)
    }
}
