//! `[manager.*]` and `[provider.*]`: namespaces, names, types and registrations.

use std::time::Duration;

use indexmap::IndexMap;
use squall_core::file::names::unknown;
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::tables::{HostShape, SaidHosts};
use squall_core::file::topology::hosts_of;
use squall_core::file::value::Exact;
use squall_core::plan::Topology;

use super::ctype::ctype;
use super::handler::handler;
use super::names::{check_namespace, check_qualified, check_short};
use super::{raw, registration};
use crate::plan::{Manager, Provider, ProviderModule, Reconnect};

/// More failed attempts would not fit into a run.
const ATTEMPTS_MAX: u64 = 1_000_000;

impl HostShape for raw::Manager {
    const KEY: &'static str = "manager";
    const ABOUT: &'static str = "The managers of providers, by name. Each is one host";
    const IS_ENOUGH: bool = true;

    fn replicas(&self) -> Option<&At<u64>> {
        None
    }
}

impl HostShape for raw::Provider {
    const KEY: &'static str = "provider";
    const ABOUT: &'static str = "The providers, by name. Each is one host, or one host per replica";
    /// A provider needs a manager.
    const IS_ENOUGH: bool = false;

    fn replicas(&self) -> Option<&At<u64>> {
        self.replicas.as_ref()
    }
}

/// Adds them to the topology. Managers come first, because providers refer to them.
pub(super) fn resolve(said: &SaidHosts<'_>, topology: &mut Topology, problems: &mut Problems) -> Option<()> {
    let managers = said.of::<raw::Manager>();
    let providers = said.of::<raw::Provider>();
    let names: Vec<String> = managers.iter().map(|(name, _)| name.value.clone()).collect();
    let resolved: Vec<Option<Manager>> = managers
        .iter()
        .map(|(name, raw)| manager(name.clone(), raw, problems))
        .collect();
    for manager in resolved.into_iter().flatten() {
        topology
            .all_mut::<Manager>()
            .insert(manager.name.clone(), manager);
    }
    let resolve = |(name, raw): &(At<String>, At<raw::Provider>)| {
        let provider = provider(name, raw, &names, problems)?;
        for (named, of) in managers {
            let is_its = provider.managers.contains(&named.value);
            if let Some(manager) = topology.all::<Manager>().get(&named.value).filter(|_| is_its) {
                registration::check((&provider, raw), (manager, of), problems);
            }
        }
        Some(provider)
    };
    let providers: Vec<Option<Provider>> = providers.iter().map(resolve).collect();
    if topology.all::<Manager>().len() < managers.len() {
        return None;
    }
    for provider in providers.into_iter().collect::<Option<Vec<_>>>()? {
        topology
            .all_mut::<Provider>()
            .insert(provider.name.clone(), provider);
    }
    Some(())
}

fn manager(name: At<String>, raw: &raw::Manager, problems: &mut Problems) -> Option<Manager> {
    let usual = Manager::new(name.value);
    for namespace in raw.reserved.iter().flatten() {
        check_namespace(namespace, problems);
    }
    let modules = raw
        .module
        .iter()
        .flat_map(|modules| &modules.0)
        .map(|(name, raw)| {
            check_qualified(name, problems);
            module(name, raw, problems)
        });
    let modules: Vec<Option<ProviderModule>> = modules.collect();
    Some(Manager {
        heartbeat_timeout: more_than_zero("heartbeat_timeout", &raw.heartbeat_timeout, problems)
            .unwrap_or(usual.heartbeat_timeout),
        control_plane_timeout: more_than_zero("control_plane_timeout", &raw.control_plane_timeout, problems)
            .unwrap_or(usual.control_plane_timeout),
        report_interval: more_than_zero("report_interval", &raw.report_interval, problems)
            .unwrap_or(usual.report_interval),
        call_timeout: more_than_zero("call_timeout", &raw.call_timeout, problems)
            .unwrap_or(usual.call_timeout),
        reserved: match &raw.reserved {
            Some(reserved) => reserved.iter().map(|namespace| namespace.value.clone()).collect(),
            None => usual.reserved,
        },
        modules: by_name(modules)?,
        name: usual.name,
    })
}

fn provider(
    name: &At<String>,
    raw: &At<raw::Provider>,
    managers: &[String],
    problems: &mut Problems,
) -> Option<Provider> {
    check_namespace(&raw.namespace, problems);
    if let Some(group) = raw.group.as_ref().filter(|group| group.is_empty()) {
        let problem = Problem::new("the name of the group is empty").at(&group.span, "expected a name");
        problems.add(problem.help("a provider without a group has no `group`"));
    }
    let registers_with = managers_of(raw, managers, problems);
    let heartbeat_interval = more_than_zero("heartbeat_interval", &raw.heartbeat_interval, problems);
    let ack_timeout = more_than_zero("ack_timeout", &raw.ack_timeout, problems);
    let reconnect = reconnect(raw.reconnect.as_ref(), problems);
    let modules = raw
        .module
        .iter()
        .flat_map(|modules| &modules.0)
        .map(|(name, raw)| {
            check_short(name, problems);
            module(name, raw, problems)
        });
    let modules: Vec<Option<ProviderModule>> = modules.collect();
    if modules.is_empty() {
        let problem = Problem::new(format!("the provider `{}` has no module", name.value))
            .at(&name.span, "it has nothing to offer")
            .help(format!("add [provider.{}.module.Name]", name.value));
        problems.add_missing(problem);
    }
    Some(Provider {
        name: name.value.clone(),
        hosts: hosts_of(name, raw.replicas.as_ref()),
        managers: registers_with?,
        namespace: raw.namespace.value.clone(),
        group: raw.group.as_ref().map(|group| group.value.clone()),
        heartbeat_interval: heartbeat_interval.unwrap_or(Duration::from_secs(5)),
        ack_timeout,
        reconnect,
        modules: by_name(modules)?,
    })
}

fn managers_of(raw: &At<raw::Provider>, known: &[String], problems: &mut Problems) -> Option<Vec<String>> {
    let named: &[At<String>] = match (&raw.manager, &raw.managers) {
        (Some(one), None) => std::slice::from_ref(one),
        (None, Some(several)) => several,
        (None, None) => {
            let problem = Problem::new("[provider.*] lacks one of manager, managers")
                .at(&raw.span, "one of them is missing here")
                .help(r#"write manager = "engine": a provider registers with at least one"#);
            problems.add_missing(problem);
            return None;
        }
        (Some(one), Some(several)) => {
            let problem = Problem::new("[provider.*] has both `manager` and `managers`")
                .at(&several.span, "this is `managers`")
                .at(&one.span, "this is `manager`")
                .help("write one of manager, managers");
            problems.add(problem);
            return None;
        }
    };
    if let (Some(list), []) = (&raw.managers, named) {
        let problem = Problem::new("the list of managers is empty").at(&list.span, "expected at least one");
        problems.add(problem);
        return None;
    }
    let mut managers: Vec<String> = Vec::new();
    for name in named {
        if !known.contains(&name.value) {
            unknown(
                "manager",
                name,
                &name.span,
                known.iter().map(String::as_str),
                problems,
            );
        } else if managers.contains(&name.value) {
            let problem = Problem::new(format!("the manager `{}` is there twice", name.value));
            problems.add(problem.at(&name.span, "again here").help("drop one of them"));
        }
        managers.push(name.value.clone());
    }
    Some(managers)
}

fn reconnect(raw: Option<&At<raw::Reconnect>>, problems: &mut Problems) -> Reconnect {
    let usual = Reconnect::default();
    let Some(raw) = raw else { return usual };
    let attempts = raw.attempts.as_ref();
    if let Some(attempts) = attempts.filter(|attempts| !(1..=ATTEMPTS_MAX).contains(&attempts.value)) {
        let problem = Problem::new("these attempts cannot be made");
        problems.add(problem.at(&attempts.span, format!("expected 1 to {ATTEMPTS_MAX}")));
    }
    let first = more_than_zero("first", &raw.first, problems).unwrap_or(usual.first);
    let max = raw.max.as_ref().map_or(usual.max.max(first), |max| max.0);
    if let Some(place) = raw.max.as_ref().filter(|max| max.0 < first) {
        let problem = Problem::new("`max` is less than `first`")
            .at(&place.span, "the longest delay")
            .help("delays grow from `first` to `max`");
        problems.add(problem);
    }
    Reconnect {
        first,
        max,
        attempts: attempts
            .and_then(|attempts| u32::try_from(attempts.value).ok())
            .unwrap_or(usual.attempts),
    }
}

/// A module of a provider, or of a manager.
fn module(
    name: &At<String>,
    raw: &At<raw::ProviderModule>,
    problems: &mut Problems,
) -> Option<ProviderModule> {
    let (input, output) = (ctype(&raw.input.0, problems), ctype(&raw.output.0, problems));
    let (input, output) = (input?, output?);
    let version = raw.version.as_ref();
    Some(ProviderModule {
        name: name.value.clone(),
        handler: handler(&raw.handler, &input, &output, problems)?,
        input,
        output,
        version: version.map_or_else(|| "1.0.0".to_owned(), |version| version.value.clone()),
        description: raw
            .description
            .as_ref()
            .map(|description| description.value.clone())
            .unwrap_or_default(),
    })
}

fn by_name(modules: Vec<Option<ProviderModule>>) -> Option<IndexMap<String, ProviderModule>> {
    let modules = modules.into_iter().collect::<Option<Vec<_>>>()?;
    Some(
        modules
            .into_iter()
            .map(|module| (module.name.clone(), module))
            .collect(),
    )
}

fn more_than_zero(
    key: &str,
    time: &Option<At<Exact<Duration>>>,
    problems: &mut Problems,
) -> Option<Duration> {
    let time = time.as_ref()?;
    if time.0.is_zero() {
        problems.add(Problem::new(format!("`{key}` is 0")).at(&time.span, "expected more than 0"));
    }
    Some(time.0)
}

/// The provider with this name, or with a host of this name; and the selected hosts.
pub(crate) fn provider_hosts<'t>(
    name: &At<String>,
    topology: &'t Topology,
    problems: &mut Problems,
) -> Option<(&'t Provider, Vec<String>)> {
    if let Some(provider) = topology.all::<Provider>().get(&name.value) {
        return Some((provider, provider.hosts.clone()));
    }
    let Some(provider) = Provider::on(topology, name) else {
        let names = topology.all::<Provider>().keys().map(String::as_str);
        let hosts = topology
            .all::<Provider>()
            .values()
            .flat_map(|provider| &provider.hosts);
        let replicas = hosts
            .map(String::as_str)
            .filter(|host| !topology.all::<Provider>().contains_key(*host));
        unknown("provider", name, &name.span, names.chain(replicas), problems);
        return None;
    };
    Some((provider, vec![name.value.clone()]))
}
