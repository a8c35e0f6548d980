//! `[service.*]`, and user-defined tables of hosts: checks that their code exists, and accepts its settings.

use squall_core::file::names::{Names, nearest, remedy};
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::settings::{self, Sort};
use squall_core::file::tables::{HostShape, SaidHosts};
use squall_core::file::topology::hosts_of;
use squall_core::file::value::JsonData;
use squall_core::plan::Topology;

use super::{OfServices, raw};
use crate::NOTHING;
use crate::plan::Service;

impl HostShape for raw::Service {
    const KEY: &'static str = "service";
    const ABOUT: &'static str = "Services of your own, by name. Each is one host, or one host per replica";
    const IS_ENOUGH: bool = true;

    fn replicas(&self) -> Option<&At<u64>> {
        self.replicas.as_ref()
    }
}

/// Adds them to the topology, including invalid ones, for which problems are added.
pub(super) fn resolve(said: &SaidHosts<'_>, topology: &mut Topology, problems: &mut Problems) -> Option<()> {
    let components = said.names;
    for (name, raw) in said.of::<raw::Service>() {
        let declared = Declared {
            name,
            runs: raw.runs.as_ref().unwrap_or(name),
            replicas: raw.replicas.as_ref(),
            settings: raw.settings.as_ref().map(|settings| &settings.0),
        };
        let service = service(&declared, components, problems);
        topology.all_mut::<Service>().insert(name.value.clone(), service);
    }
    for of in said.custom {
        for (name, host) in &of.hosts.0 {
            let runs = At {
                value: of.kind.to_owned(),
                span: name.span.clone(),
            };
            let declared = Declared {
                name,
                runs: &runs,
                replicas: host.replicas.as_ref(),
                settings: Some(&host.settings),
            };
            let service = service(&declared, components, problems);
            topology.all_mut::<Service>().insert(name.value.clone(), service);
        }
    }
    Some(())
}

/// A service, from either kind of table.
struct Declared<'r> {
    name: &'r At<String>,
    runs: &'r At<String>,
    replicas: Option<&'r At<u64>>,
    settings: Option<&'r JsonData>,
}

fn service(declared: &Declared<'_>, components: &Names, problems: &mut Problems) -> Service {
    let Declared {
        name,
        runs,
        replicas,
        settings,
    } = *declared;
    let of = settings::Of {
        sort: Sort::with_settings("service"),
        name: runs,
        settings,
    };
    match components.of_sort::<OfServices>().get(runs) {
        Some(known) => settings::check_known(&of, known, components.of_sort::<OfServices>(), problems),
        None => problems.add(unknown(runs, components)),
    }
    Service {
        name: name.value.clone(),
        hosts: hosts_of(name, replicas),
        runs: runs.value.clone(),
        settings: settings.map_or_else(|| serde_json::json!({}), |settings| settings.value.clone()),
    }
}

fn unknown(runs: &At<String>, components: &Names) -> Problem {
    let own = components
        .of_sort::<OfServices>()
        .iter()
        .filter(|name| *name != NOTHING);
    let help = match (nearest(runs, components.of_sort::<OfServices>().iter()), remedy(runs, own)) {
        (Some(name), _) => format!("did you mean `{name}`?"),
        (None, Some(help)) => help,
        (None, None) => {
            "services are Rust code: register it with `Harness::service`, and run the scenario from a test of yours or from \
             a binary that gives its harness to `squall::cli::main`"
                .to_owned()
        }
    };
    let problem = Problem::new(format!("no service `{}` is registered", runs.value));
    problem.at(&runs.span, "not known").help(help)
}
