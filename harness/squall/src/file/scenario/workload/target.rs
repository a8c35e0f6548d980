//! What a workload calls: a port of a node, a module of the provider protocol, or a program of such modules.

mod pipeline;

use std::sync::Arc;

use squall_engine::ModuleSpec;
use squall_value::{CType, CValue, Fields};

use crate::custom::SaidTarget;
use crate::file::data::{Data, Datum};
use crate::file::names::{ComponentNames, destination, remedy, unknown};
use crate::file::raw::scenario as raw;
use crate::file::read::At;
use crate::file::report::{Problem, Problems};
use crate::file::scenario::{exactly_one, span};
use crate::file::settings;
use crate::file::value::JsonData;
use crate::plan::{
    ClientCall, Manager, Module, ModuleCall, NodePort, Provider, ProviderModule, Service, Target, Topology,
};
use crate::systems::provider::file::ctype;
use crate::systems::router::file::check_input;

const CLIENT: settings::Sort = settings::Sort {
    name: "client",
    part: "payload key",
    all: "this payload",
    absent: "its calls have no payload here",
};
const TARGET: settings::Sort = settings::Sort::with_keys("target");

/// `from` are the hosts where the calls start, when they are known.
pub(super) fn resolve(
    raw: &At<raw::Workload>,
    own: &[SaidTarget],
    from: Option<&[String]>,
    (topology, components): (&Topology, &ComponentNames),
    problems: &mut Problems,
) -> Option<Arc<dyn Target>> {
    let mut keys = vec![
        ("to", span(&raw.to)),
        ("call", span(&raw.call)),
        ("pipeline", span(&raw.pipeline)),
        ("client", span(&raw.client)),
    ];
    let kinds = problems.kinds();
    let said = |key: &str| own.iter().find(|own| own.name.value == key);
    let of_own = |key: &&'static str| (*key, said(key).map(|own| &own.name.span));
    keys.extend(kinds.targets.iter().map(of_own));
    let one = exactly_one("[[workload]]", &raw.span, &keys, problems)?;
    if let Some(own) = said(one) {
        return own_target(own, raw, from, (topology, components), problems);
    }
    let strange = match one {
        "to" => ("`input`", span(&raw.input), "a node is sent a `payload`"),
        "client" => ("`input`", span(&raw.input), "a client is given a `payload`"),
        _ => ("`payload`", span(&raw.payload), "a module is given an `input`"),
    };
    if let (key, Some(place), help) = strange {
        let problem = Problem::new(format!("this workload has no {key}"));
        problems.add(problem.at(place, "this is for another kind of call").help(help));
    }
    if let Some(to) = &raw.to {
        return some(port(to, raw, from, topology, problems)?);
    }
    if let Some(client) = &raw.client {
        let given = raw.payload.as_ref().map(|payload| &payload.0);
        clients_run_on_services(client, raw, from, topology, problems);
        // What is missing of a payload was given as an `input`.
        if raw.input.is_none() {
            check_client(CLIENT, client, given, components, problems);
        }
        return some(client_call(client, given));
    }
    let managers = managers(raw, from?, topology, problems)?;
    match (&raw.call, &raw.pipeline) {
        (Some(call), _) => some(module(call, raw, managers, topology, problems)?),
        (None, program) => some(pipeline::resolve(
            program.as_ref()?,
            raw,
            managers,
            topology,
            problems,
        )?),
    }
}

fn some(target: impl Target) -> Option<Arc<dyn Target>> {
    Some(Arc::new(target))
}

fn port(
    to: &At<String>,
    raw: &raw::Workload,
    from: Option<&[String]>,
    topology: &Topology,
    problems: &mut Problems,
) -> Option<NodePort> {
    let target = destination(to, problems);
    if let Some((node, port)) = target {
        match Module::owning(topology, node) {
            Some(owner) => {
                let inputs = owner.nodes[node].inputs.as_deref();
                check_input(node, port, inputs, &to.span, problems);
            }
            None => {
                let nodes = topology
                    .all::<Module>()
                    .values()
                    .flat_map(|module| module.nodes.keys());
                unknown("node", node, &to.span, nodes.map(String::as_str), problems);
            }
        }
    }
    let is_module = |host: &str| Module::on_hosts(topology).any(|(other, _)| other == host);
    if let Some(other) = from.into_iter().flatten().find(|host| !is_module(host)) {
        let problem = Problem::new(format!("`{other}` is no module"))
            .at(&raw.from.span, "messages to nodes start at modules")
            .help("name hosts of modules; from a manager, write `call` instead of `to`");
        problems.add(problem);
    }
    let (node, port) = target?;
    Some(NodePort {
        node: node.to_owned(),
        port: port.to_owned(),
        payload: payload(raw),
    })
}

/// A target of a user's own: the value of its key is what every call carries.
fn own_target(
    own: &SaidTarget,
    raw: &raw::Workload,
    from: Option<&[String]>,
    (topology, components): (&Topology, &ComponentNames),
    problems: &mut Problems,
) -> Option<Arc<dyn Target>> {
    let (key, given) = (&own.name, Some(&own.payload.0));
    let strange = [("payload", span(&raw.payload)), ("input", span(&raw.input))];
    for (other, place) in strange {
        if let Some(place) = place {
            let problem = Problem::new(format!("this workload has no `{other}`"))
                .at(place, "this is for another kind of call")
                .help(format!("what every call carries is the value of `{}`", key.value));
            problems.add(problem);
        }
    }
    clients_run_on_services(key, raw, from, topology, problems);
    check_client(TARGET, key, given, components, problems);
    some(client_call(key, given))
}

fn clients_run_on_services(
    client: &At<String>,
    raw: &raw::Workload,
    from: Option<&[String]>,
    topology: &Topology,
    problems: &mut Problems,
) {
    let is_service = |host: &str| {
        topology
            .all::<Service>()
            .values()
            .any(|it| it.hosts.iter().any(|it| it == host))
    };
    if let Some(other) = from.into_iter().flatten().find(|host| !is_service(host)) {
        let problem = Problem::new(format!("`{other}` is no service"))
            .at(&raw.from.span, "clients run on hosts of services")
            .help(format!(
                "add a host for them to the topology: [service.{client}] with runs = \"nothing\"",
                client = client.value
            ));
        problems.add(problem);
    }
}

/// That there is a client of this name, and that it takes what it is given.
fn check_client(
    sort: settings::Sort,
    client: &At<String>,
    given: Option<&JsonData>,
    components: &ComponentNames,
    problems: &mut Problems,
) {
    let of = settings::Of {
        sort,
        name: client,
        settings: given,
    };
    match components.clients().get(client) {
        Some(known) => settings::check_known(&of, known, components.clients(), problems),
        None => {
            let help = remedy(client, components.clients().iter()).unwrap_or_else(|| {
                "clients are Rust code: register it with `Harness::client`, and run the scenario from a test of yours or from \
                 a binary that gives its harness to `squall::cli::main`"
                    .to_owned()
            });
            let problem = Problem::new(format!("no client `{}` is registered", client.value));
            problems.add(problem.at(&client.span, "not known").help(help));
        }
    }
}

fn client_call(client: &At<String>, given: Option<&JsonData>) -> ClientCall {
    ClientCall {
        name: client.value.clone(),
        payload: given.map_or_else(|| serde_json::json!({}), |given| given.value.clone()),
    }
}

/// What every call carries.
fn payload(raw: &raw::Workload) -> serde_json::Value {
    let payload = raw.payload.as_ref();
    payload.map_or_else(|| serde_json::json!({}), |payload| payload.0.value.clone())
}

/// The hosts where the calls start, which are managers.
fn managers<'f>(
    raw: &raw::Workload,
    from: &'f [String],
    topology: &Topology,
    problems: &mut Problems,
) -> Option<&'f [String]> {
    let Some(other) = from
        .iter()
        .find(|host| !topology.all::<Manager>().contains_key(*host))
    else {
        return Some(from);
    };
    let problem = Problem::new(format!("`{other}` is no manager"))
        .at(&raw.from.span, "calls of providers' modules start at managers")
        .help(match topology.all::<Manager>().keys().next() {
            Some(manager) => format!("name managers, as in from = \"{manager}\""),
            None => "add a [manager.*] to the topology".to_owned(),
        });
    problems.add(problem);
    None
}

fn module(
    call: &At<String>,
    raw: &At<raw::Workload>,
    managers: &[String],
    topology: &Topology,
    problems: &mut Problems,
) -> Option<ModuleCall> {
    let called = managers
        .iter()
        .map(|manager| ProviderModule::called(topology, manager, call).next());
    let Some(module) = called
        .collect::<Option<Vec<_>>>()
        .and_then(|called| called.first().copied())
    else {
        let known = known(managers, topology);
        unknown(
            "module",
            call,
            &call.span,
            known.iter().map(String::as_str),
            problems,
        );
        return None;
    };
    Some(ModuleCall {
        name: call.value.clone(),
        input: input(raw, &ModuleSpec::inputs_of(&module.input), problems)?,
    })
}

/// What the workload gives as these inputs.
fn input(raw: &At<raw::Workload>, declared: &Arc<Fields<CType>>, problems: &mut Problems) -> Option<CValue> {
    let nothing = Data {
        datum: Datum::Table(Vec::new()),
        span: raw.span.clone(),
    };
    let data = raw.input.as_ref().map_or(&nothing, |input| &input.0);
    ctype::record(data, declared, problems)
}

/// The qualified names of all modules that these managers may call.
fn known(managers: &[String], topology: &Topology) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for manager in managers {
        let own = topology
            .all::<Manager>()
            .get(manager)
            .into_iter()
            .flat_map(|manager| manager.modules.keys());
        known.extend(own.cloned());
        let providers = topology
            .all::<Provider>()
            .values()
            .filter(|provider| provider.managers.contains(manager));
        for provider in providers {
            let qualified = |name: &String| format!("{}.{name}", provider.namespace);
            known.extend(provider.modules.keys().map(qualified));
        }
    }
    known
}
