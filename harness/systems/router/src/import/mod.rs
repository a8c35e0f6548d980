//! Imports TinySystems resources as a topology, to test a cluster's system under faults.
//!
//! | step | file |
//! |---|---|
//! | joins all files into one system: owners of nodes, edges | `system`, `names` |
//! | warns about oddities and discouraged structures | `review` |
//! | converts retry policies of edges | `retry` |
//! | writes the topology as a readable file | `write` |
//!
//! Unclear parts are omitted or guessed, with a warning. Only a file that is no manifest is an error.
//! Components are stand-ins: manifests do not describe the behaviour of the real ones. Mappings and schemas are
//! not imported. Spec: router 6.4, S-37.

mod names;
mod retry;
mod review;
mod system;
mod write;

use squall_core::file::{Names, Problem, Problems, Report, topology_from_str};

use self::system::System;

/// A file with manifests.
#[derive(Debug, Clone)]
pub struct Source {
    /// Its name in reports.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// An imported topology.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The file's text, valid for [`topology_from_str`].
    pub topology: String,
    /// Warnings and advice.
    pub report: Option<Report>,
    /// The number of modules, nodes and edges.
    pub counts: [usize; 3],
}

/// Creates a topology called `name` from all TinyNodes and TinyModules in `sources`.
///
/// # Errors
/// If a source is no manifest, or all are empty. The report includes warnings.
pub fn import(name: &str, sources: &[Source], components: &Names) -> Result<Imported, Report> {
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

/// The mistakes in all files.
fn report(problems: Vec<Problems>) -> Option<Report> {
    let reports = problems.into_iter().filter_map(Problems::report);
    reports.reduce(Report::and)
}
