//! From TinySystems resources to a topology: what runs in a cluster, to be put into a storm.
//!
//! | step | file |
//! |---|---|
//! | all files become one system: who owns which node, what is joined to what | `system`, `names` |
//! | what is odd about it, and what is advised against | `review` |
//! | whether what goes along an edge is sent again | `retry` |
//! | the topology, as a file that people can edit | `write` |
//!
//! What is not clear is left out, or guessed, with a warning; only what is no manifest at all is an error.
//! Components are stand-ins: what the real ones do is not in the manifests. Mappings and schemas are
//! not taken over. Spec: router 6.4, S-37.

mod names;
mod retry;
mod review;
mod system;
mod write;

use self::system::System;
use crate::file::{ComponentNames, Problem, Problems, Report, topology_from_str};

/// A file with manifests.
#[derive(Debug, Clone)]
pub struct Source {
    /// What reports call it.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// A topology that was made of manifests.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The file: [`topology_from_str`] takes it.
    pub topology: String,
    /// Warnings and advice.
    pub report: Option<Report>,
    /// How many modules, nodes and edges there are.
    pub counts: [usize; 3],
}

/// Makes a topology called `name` of all TinyNodes and TinyModules in `sources`.
///
/// # Errors
/// When a source is no manifest, or there is nothing in any of them. The report has the warnings too.
pub fn import(name: &str, sources: &[Source], components: &ComponentNames) -> Result<Imported, Report> {
    let mut problems: Vec<Problems> = sources
        .iter()
        .map(|source| Problems::new(&source.name, &source.text))
        .collect();
    let resources = system::read(sources, &mut problems);
    if problems.iter().any(Problems::has_error) {
        return Err(report(problems).expect("there is an error"));
    }
    let system = System::new(resources, &mut problems);
    if system.modules.is_empty() {
        let names: Vec<&str> = sources.iter().map(|source| &*source.name).collect();
        let message = format!("there is nothing to import in {}", names.join(", "));
        let mut nothing = Problems::new(name, "");
        let help = "see what there is with: kubectl get tinynodes,tinymodules -o yaml";
        nothing.add(Problem::new(message).help(help));
        problems.push(nothing);
        return Err(report(problems).expect("there is an error"));
    }
    review::review(&system, &mut problems);
    let topology = write::topology(name, sources, &system);
    topology_from_str(name, &topology, components)?;
    Ok(Imported {
        topology,
        report: report(problems),
        counts: system.counts(),
    })
}

/// What was found in all files.
fn report(problems: Vec<Problems>) -> Option<Report> {
    let reports = problems.into_iter().filter_map(Problems::report);
    reports.reduce(Report::and)
}
