//! Discovery in the simulator: manifests say a service's name, and what is behind that name changes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use squall_manifest::Manifests;
use squall_manifest::source::File;
use squall_router::discovery::{Dns, DnsOptions};
use squall_router::{
    Component, ComponentError, Input, Message, Module, Options, Output, Payload, async_trait,
};
use squall_sim::{
    Blind, Chance, Config, EngineKind, Finished, HostId, Latency, LinkSpec, Sim, SimPlatform, run,
};
use tokio::time::sleep;

const PORT: u16 = 50051;
const MANIFESTS: &str = "
kind: TinyModule
metadata: {name: shelf-module-v0}
status: {addr: 'shelf:50051'}
---
kind: TinyNode
metadata: {name: a1b2c3d4.shelf-module-v0.shelf-x}
spec: {module: tiny-systems/shelf-module-v0, component: shelf}
";

/// Answers with the name of its host.
struct Host(String);

#[async_trait]
impl Component for Host {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Result<Option<Payload>, ComponentError> {
        Ok(Some(Payload::encode(&self.0)?))
    }
}

async fn shelf(platform: SimPlatform) -> Result<(), String> {
    let module = Module::new(platform.clone(), "shelf-module-v0", Options::default());
    let node = "a1b2c3d4.shelf-module-v0.shelf-x";
    module.install(node, Arc::new(Host(platform.host().to_owned())), vec![]);
    module.serve(PORT).await.map_err(|error| error.to_string())
}

/// A module that knows nothing but the manifests.
fn desk(platform: SimPlatform) -> Module<SimPlatform> {
    let file = File {
        name: "cluster.yaml".to_owned(),
        text: MANIFESTS.to_owned(),
    };
    let manifests = Manifests::new(move || Ok(vec![file.clone()]));
    manifests.reload().expect("they are sound");
    let module = Module::new(platform.clone(), "desk", Options::default());
    let dns = Dns::new(platform, Arc::new(manifests), DnsOptions::default());
    module.discover(Arc::new(dns));
    module
}

/// Who answers twelve calls; none when one fails.
async fn answering(desk: &Module<SimPlatform>) -> Result<BTreeSet<String>, String> {
    let mut hosts = BTreeSet::new();
    for _ in 0..12 {
        let message = Message::new("a1b2c3d4.shelf-module-v0.shelf-x:in", serde_json::json!({}));
        let answer = desk
            .scheduler()
            .handle(message)
            .await
            .map_err(|error| error.to_string())?;
        let host = answer
            .ok_or("no value")?
            .decode()
            .map_err(|error| error.to_string())?;
        hosts.insert(host);
    }
    Ok(hosts)
}

async fn director(sim: Sim) -> Vec<Result<BTreeSet<String>, String>> {
    let shelves = ["shelf-0", "shelf-1", "shelf-2"].map(|name| sim.add_host(name, shelf));
    let desk_host = sim.add_host("desk", |_| std::future::pending());
    shelves
        .iter()
        .chain([&desk_host])
        .for_each(|host| sim.start(*host));
    sim.set_name("shelf", &shelves[..2]);
    let within = sim.clone();
    let story = move |platform| async move {
        let desk = desk(platform);
        let mut told = vec![answering(&desk).await];
        sleep(Duration::from_secs(1)).await;
        told.push(answering(&desk).await);
        // One goes, one comes: as in a rolling update.
        let then = |hosts: &[HostId]| within.set_name("shelf", hosts);
        then(&shelves[1..]);
        sleep(Duration::from_secs(12)).await;
        within.kill(shelves[0]);
        told.push(answering(&desk).await);
        // Nobody is behind the name for a while.
        then(&[]);
        sleep(Duration::from_secs(12)).await;
        told.push(answering(&desk).await);
        told
    };
    sim.run_on(desk_host, story).await.expect("the desk lives")
}

fn in_the_simulator(engine: EngineKind) -> Finished<Vec<Result<BTreeSet<String>, String>>> {
    let config = Config {
        seed: 1,
        budget: Duration::from_secs(100),
        wall_limit: Duration::from_secs(60),
        interleave: Chance::NEVER,
        engine,
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
    run(config, director).expect("the run ends")
}

#[test]
fn calls_go_to_whoever_is_behind_a_name_now() {
    let hosts = |names: &[&str]| {
        Ok(names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>())
    };
    for engine in [EngineKind::Flow, EngineKind::Turmoil] {
        let told = in_the_simulator(engine).value;
        assert_eq!(told[0].as_ref().map(BTreeSet::len), Ok(2), "{engine:?}: {told:?}");
        let later = [
            hosts(&["shelf-0", "shelf-1"]),
            hosts(&["shelf-1", "shelf-2"]),
            hosts(&["shelf-1", "shelf-2"]),
        ];
        assert_eq!(told[1..], later, "{engine:?}");
    }
}
