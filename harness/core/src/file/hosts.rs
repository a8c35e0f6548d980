//! Resolves host names, group names and globs to hosts.

use std::collections::HashSet;
use std::ops::Range;

use globset::Glob;
use indexmap::IndexSet;

use super::names::unknown;
use super::read::At;
use super::report::{Problem, Problems};
use super::value::Hosts;
use crate::plan::{Pairs, Topology};

/// Limits the size of a glob's automaton.
const GLOB_LENGTH_MAX: usize = 200;

impl Topology {
    /// The hosts selected by `hosts`, in list and topology order, without duplicates.
    pub fn select(&self, hosts: &Hosts, problems: &mut Problems) -> Option<Vec<String>> {
        let lists: Vec<Option<_>> = hosts
            .0
            .iter()
            .map(|name| self.select_one(name, problems))
            .collect();
        let selected: IndexSet<String> = lists
            .into_iter()
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .flatten()
            .collect();
        Some(selected.into_iter().collect())
    }

    fn select_one(&self, name: &At<String>, problems: &mut Problems) -> Option<Vec<String>> {
        if let Some(hosts) = self.hosts_of(name) {
            return Some(hosts);
        }
        if !name.contains(['*', '?', '[', '{']) || name.len() > GLOB_LENGTH_MAX {
            // Each name once: a group of one host has the same name as its host.
            let groups: IndexSet<&str> = self.groups().map(|group| group.name).collect();
            let others = self.all_hosts().filter(|host| !groups.contains(host));
            let known = groups.iter().copied().chain(others);
            unknown("host or module", name, &name.span, known, problems);
            return None;
        }
        let matcher = match Glob::new(name) {
            Ok(glob) => glob.compile_matcher(),
            Err(error) => {
                let problem = Problem::new(format!("`{}` is not a glob", name.value))
                    .at(&name.span, error.kind().to_string())
                    .help("a glob has `*`, `?`, `[ab]` and `{one,other}`");
                problems.add(problem);
                return None;
            }
        };
        let matching: Vec<String> = self
            .all_hosts()
            .filter(|host| matcher.is_match(host))
            .map(str::to_owned)
            .collect();
        if matching.is_empty() {
            unknown("host that matches", name, &name.span, self.all_hosts(), problems);
            return None;
        }
        Some(matching)
    }

    /// The hosts not in `hosts`.
    pub(crate) fn all_but(&self, hosts: &[String]) -> Vec<String> {
        let hosts: HashSet<&str> = hosts.iter().map(String::as_str).collect();
        let others = self.all_hosts().filter(|host| !hosts.contains(host));
        others.map(str::to_owned).collect()
    }
}

/// The four keys that select links.
pub(crate) struct Ends<'a> {
    pub(crate) between: &'a Option<At<Hosts>>,
    pub(crate) and: &'a Option<At<Hosts>>,
    pub(crate) from: &'a Option<At<Hosts>>,
    pub(crate) to: &'a Option<At<Hosts>>,
}

impl<'a> Ends<'a> {
    /// The first present key.
    pub(crate) fn first(&self) -> Option<(&'static str, &'a At<Hosts>)> {
        let keys = [
            ("between", self.between),
            ("and", self.and),
            ("from", self.from),
            ("to", self.to),
        ];
        keys.into_iter()
            .find_map(|(key, hosts)| Some((key, hosts.as_ref()?)))
    }

    /// The pairs of hosts. `table` and `span` identify the table with the keys.
    pub(crate) fn pairs(
        &self,
        table: &str,
        span: &Range<usize>,
        topology: &Topology,
        problems: &mut Problems,
    ) -> Option<Pairs> {
        let (from, to, both_ways) = match (self.between, self.and, self.from, self.to) {
            (Some(between), Some(and), None, None) => (between, and, true),
            (None, None, Some(from), Some(to)) => (from, to, false),
            _ => {
                let keys = [
                    ("between", self.between),
                    ("and", self.and),
                    ("from", self.from),
                    ("to", self.to),
                ];
                problems.add_missing(self.ambiguous(table, span, &keys));
                return None;
            }
        };
        let (sources, targets) = (topology.select(from, problems), topology.select(to, problems));
        pairs(sources?, targets?, both_ways, &to.span, problems)
    }

    fn ambiguous(&self, table: &str, span: &Range<usize>, keys: &[(&str, &Option<At<Hosts>>)]) -> Problem {
        let given: Vec<_> = keys
            .iter()
            .filter_map(|(key, hosts)| Some((key, hosts.as_ref()?)))
            .collect();
        let mut problem = Problem::new(format!("{table} does not say between which hosts"));
        if given.is_empty() {
            problem = problem.at(span, "no hosts are named here");
        }
        for (key, hosts) in given {
            problem = problem.at(&hosts.span, format!("this is `{key}`"));
        }
        problem.help("name both sides: `between` and `and` for both ways, or `from` and `to` for one way")
    }
}

/// Pairs of hosts, of which some are not a host with itself.
pub(crate) fn pairs(
    from: Vec<String>,
    to: Vec<String>,
    both_ways: bool,
    span: &Range<usize>,
    problems: &mut Problems,
) -> Option<Pairs> {
    if from.len() == 1 && from == to {
        let problem = Problem::new(format!("both sides are `{}`", from[0]))
            .at(span, "a host has no link to itself")
            .help("name two hosts");
        problems.add(problem);
        return None;
    }
    Some(Pairs { from, to, both_ways })
}
