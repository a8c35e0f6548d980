//! The seam: one topology on real loopback sockets and in the simulator gives the same answers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::topology_with;
use indexmap::IndexMap;
use serde_json::json;
use squall::assembly::{Directory, PORT, assemble};
use squall::components::Components;
use squall::file::ComponentNames;
use squall::plan::Topology;
use squall_platform::{Platform, TokioPlatform};
use squall_router::{Message, Module};
use squall_sim::{Blind, Chance, Config, EngineKind, Latency, LinkSpec};

/// Calls with every kind of outcome: from which module, to where, with what.
fn questions() -> Vec<(&'static str, &'static str, serde_json::Value)> {
    vec![
        ("front", "echo.in", json!({ "text": "hello" })),
        ("front", "tally.in", json!({})),
        ("front", "tally.in", json!({})),
        ("front", "nowhere.in", json!({})),
        ("front", "echo", json!({})),
        ("front", "ask-panic.in", json!({})),
        ("front", "ask-fail.in", json!({})),
        ("front", "route.in", json!({ "kind": "a", "n": 1 })),
        ("front", "route.in", json!({ "kind": "z" })),
        ("front", "spread.in", json!([1, 2, 3])),
        (
            "front",
            "there-and-back.in",
            json!({ "deep": { "er": [null, true] } }),
        ),
        ("back", "echo.in", json!("local")),
        ("front", "gone.in", json!({})),
    ]
}

async fn ask<P: Platform>(modules: &IndexMap<String, Module<P>>) -> Vec<String> {
    let mut answers = Vec::new();
    for (from, to, data) in questions() {
        let message = Message::new(to, &data).timeout(Duration::from_secs(10));
        let answer = modules[from].scheduler().handle(message).await;
        answers.push(match answer {
            Ok(Some(value)) => format!("{to}: {}", value.json().expect("JSON")),
            Ok(None) => format!("{to}: no value"),
            Err(error) => format!(
                "{to}: {} ({}, {})",
                error,
                error.class(),
                error.outcome().as_str()
            ),
        });
    }
    answers
}

/// Where nobody listens.
const GONE: &str = "gone-module";

fn on_real_sockets(topology: &Arc<Topology>) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let platform = TokioPlatform::loopback();
        let unused = platform.bind(0).await.expect("a free port");
        let nobody = squall_platform::Listener::local_addr(&unused).expect("bound");
        drop(unused);
        let components = Components::builtin();
        // Modules listen first, and learn afterwards where the others do.
        let (mut modules, mut servers, mut addresses) = (IndexMap::new(), Vec::new(), IndexMap::new());
        for (host, module) in squall::plan::Module::on_hosts(topology).filter(|(host, _)| *host != GONE) {
            let module =
                assemble(platform, module, &components, Arc::new(Directory::default())).expect("sound");
            let server = module.bind(0).await.expect("a free port");
            addresses.insert(host.to_owned(), server.local_addr());
            servers.push(server);
            modules.insert(host.to_owned(), module);
        }
        addresses.insert(GONE.to_owned(), nobody);
        let directory = Directory::with_endpoints(topology, |host| {
            addresses[host]
                .to_string()
                .parse()
                .expect("an address is an authority")
        });
        let directory = Arc::new(directory);
        for module in modules.values() {
            module.discover(directory.clone());
        }
        for server in servers {
            platform.spawn(server.run());
        }
        ask(&modules).await
    })
}

fn in_the_simulator(topology: &Arc<Topology>) -> Vec<String> {
    let config = Config {
        seed: 1,
        budget: Duration::from_secs(100),
        wall_limit: Duration::from_secs(60),
        interleave: Chance::NEVER,
        engine: EngineKind::Flow,
        link: LinkSpec {
            latency: Latency::constant(Duration::from_millis(2)),
            loss: Chance::NEVER,
            bandwidth: None,
        },
        traced: false,
        captured: false,
        observer: Box::new(Blind),
        dispatch: tracing::Dispatch::none(),
    };
    let topology = topology.clone();
    let finished = squall_sim::run(config, move |sim| async move {
        let directory = Arc::new(Directory::of(&topology));
        let modules = Arc::new(Mutex::new(IndexMap::new()));
        for (host, module) in squall::plan::Module::on_hosts(&topology) {
            let (module, directory, modules) = (module.clone(), directory.clone(), modules.clone());
            let id = sim.add_host(host, move |platform| {
                let process = assemble(
                    platform.clone(),
                    &module,
                    &Components::builtin(),
                    directory.clone(),
                );
                let modules = modules.clone();
                async move {
                    let process = process?;
                    modules
                        .lock()
                        .expect("one thread")
                        .insert(platform.host().to_owned(), process.clone());
                    process.serve(PORT).await.map_err(|error| error.to_string())
                }
            });
            if host != GONE {
                sim.start(id);
            }
        }
        let asker = sim.host("front").expect("a module");
        tokio::time::sleep(Duration::from_millis(1)).await;
        sim.run_on(asker, move |_| async move {
            let modules = modules.lock().expect("one thread").clone();
            ask(&modules).await
        })
        .await
        .expect("the front lives")
    });
    finished.expect("the run ends").value
}

#[test]
fn the_same_topology_gives_the_same_answers_on_real_sockets_and_in_the_simulator() {
    let topology = Arc::new(topology_with(
        r#"
        name = "seam"
        [module.front.node.ask-panic]
        component = "forward"
        edges = [{ port = "out", to = "jumpy.in" }]
        [module.front.node.ask-fail]
        component = "forward"
        edges = [{ port = "out", to = "grumpy.in" }]
        [module.front.node.route]
        component = "router"
        settings = { field = "kind", routes = { a = "to_a" } }
        edges = [{ port = "to_a", to = "echo.in" }]
        [module.front.node.spread]
        component = "fan_out"
        edges = [{ port = "out", to = "echo.in" }, { port = "out", to = "tally.in" }, { port = "out", to = "hole.in" }]
        [module.front.node.home]
        component = "echo"
        [module.front.node.there-and-back]
        component = "forward"
        edges = [{ port = "out", to = "mirror.in" }]
        [module.back.node.mirror]
        component = "forward"
        edges = [{ port = "out", to = "home.in" }]
        [module.back.node.echo]
        component = "echo"
        [module.back.node.tally]
        component = "counter"
        [module.back.node.hole]
        component = "sink"
        [module.back.node.jumpy]
        component = "panic"
        [module.back.node.grumpy]
        component = "fail"
        settings = { message = "not today", code = "E7" }
        [module.gone-module.node.gone]
        component = "echo"
        "#,
        &ComponentNames::built_in(),
    ));
    let (real, simulated) = (on_real_sockets(&topology), in_the_simulator(&topology));
    assert_eq!(real, simulated);
    insta::with_settings!({
        snapshot_path => "../../../../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("answers_across_the_seam", real.join("\n"));
    });
}
