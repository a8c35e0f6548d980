//! `client`, and user-defined targets: calls of clients.

use std::sync::Arc;

use squall_core::custom::SaidTarget;
use squall_core::file::key::Key;
use squall_core::file::names::{Names, remedy};
use squall_core::file::read::At;
use squall_core::file::report::{Problem, Problems};
use squall_core::file::settings::{self, Sort};
use squall_core::file::targets::{Calls, PAYLOAD, TargetShape};
use squall_core::file::value::JsonData;
use squall_core::plan::Target;

use super::OfClients;
use crate::plan::Service;
use crate::target::ClientCall;

const CLIENT: Sort = Sort {
    name: "client",
    part: "payload key",
    all: "this payload",
    absent: "its calls have no payload here",
};

impl TargetShape for ClientCall {
    const KEY: &'static str = "client";
    const ABOUT: &'static str = "Instead of `to`: the client of your own that makes them";
    const CARRIES: &'static Key = &PAYLOAD;
    const CARRIES_WHAT: &'static str = "a client is given a `payload`";
    type Raw = String;

    fn check(client: &At<String>, calls: &Calls<'_>, problems: &mut Problems) -> Option<Self> {
        let given = calls.payload();
        run_on_services(client, calls, problems);
        // A missing payload was given under another key, which is reported elsewhere.
        if calls.carried.keys().all(|key| key == PAYLOAD.name) {
            check_client(CLIENT, client, given, calls.names, problems);
        }
        Some(client_call(client, given))
    }
}

/// A user-defined target: the value of its key is the payload of every call.
pub fn own_target(own: &SaidTarget, calls: &Calls<'_>, problems: &mut Problems) -> Option<Arc<dyn Target>> {
    let (key, given) = (&own.name, Some(&own.payload.0));
    run_on_services(key, calls, problems);
    check_client(Sort::with_keys("target"), key, given, calls.names, problems);
    Some(Arc::new(client_call(key, given)))
}

fn run_on_services(client: &At<String>, calls: &Calls<'_>, problems: &mut Problems) {
    let is_service = |host: &str| {
        calls
            .topology
            .all::<Service>()
            .values()
            .any(|it| it.hosts.iter().any(|it| it == host))
    };
    if let Some(other) = calls.first_not(is_service) {
        let problem = Problem::new(format!("`{other}` is no service"))
            .at(calls.from_span, "clients run on hosts of services")
            .help(format!(
                "add a host for them to the topology: [service.{client}] with runs = \"nothing\"",
                client = client.value
            ));
        problems.add(problem);
    }
}

/// Checks that the client exists, and that its payload is valid.
fn check_client(
    sort: Sort,
    client: &At<String>,
    given: Option<&JsonData>,
    components: &Names,
    problems: &mut Problems,
) {
    let of = settings::Of {
        sort,
        name: client,
        settings: given,
    };
    let clients = components.of_sort::<OfClients>();
    match clients.get(client) {
        Some(known) => settings::check_known(&of, known, clients, problems),
        None => {
            let help = remedy(client, clients.iter()).unwrap_or_else(|| {
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
