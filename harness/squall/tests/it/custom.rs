//! Kinds of hosts, faults, expectations and promises of one's own.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use squall::faults::{End, FaultKind, Heals, MustTouch, Past, Scene, Touches};
use squall::file::{Kind, Report, scenario_from_str_with, topology_from_str};
use squall::oracle::{self, Oracle, Violation};
use squall::plan::{Topology, Window};
use squall::schemars::JsonSchema;
use squall::{
    Call, CallError, CustomExpectation, CustomFault, Finding, Harness, HostNames, Run, Section, Site, System,
    async_trait, note,
};

/// The table of a database.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Database {
    rows: u32,
}

/// Hosts are restarted one after another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "squall::schemars")]
struct Rolling {
    /// Which ones.
    hosts: HostNames,
    /// How many seconds apart.
    every: u64,
}

impl CustomFault for Rolling {
    const KEY: &'static str = "rolling_restart";
    const IS_INSTANT: bool = true;

    fn check(&mut self, topology: &Topology) -> Result<(), String> {
        self.hosts.resolve(topology)
    }
}

#[async_trait]
impl FaultKind for Rolling {
    fn text(&self) -> String {
        format!("rolling restart of {}", self.hosts)
    }

    async fn act(&self, scene: &Scene, _: End) {
        for host in self.hosts.names() {
            scene.restart(std::slice::from_ref(host));
            scene.sim().sleep(Duration::from_secs(self.every)).await;
        }
    }

    fn touches(&self, _: &Past<'_>) -> Vec<Touches> {
        vec![Touches::Hosts(self.hosts.names().to_vec())]
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, _: &Topology) -> MustTouch {
        MustTouch::Nothing
    }
}

/// So many notes.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "squall::schemars")]
struct Notes {
    /// Of this name.
    name: String,
    /// No more than these.
    at_most: u64,
}

impl CustomExpectation for Notes {
    const KEY: &'static str = "notes";

    fn text(&self) -> String {
        format!("at most {} notes `{}`", self.at_most, self.name)
    }

    fn judge(&self, run: &oracle::Run<'_>, window: &Window) -> Finding {
        let notes = run
            .notes()
            .filter(|note| note.name == self.name && window.contains(note.at));
        let count = notes.count() as u64;
        Finding::new(count <= self.at_most)
            .measured(format!("is {count}"))
            .value(count)
    }
}

/// No order is written twice.
struct WrittenOnce;

impl Oracle for WrittenOnce {
    fn name(&self) -> &'static str {
        "written once"
    }

    fn promise(&self) -> &'static str {
        "no order is written twice"
    }

    fn check(&self, run: &oracle::Run<'_>) -> Result<u64, Violation> {
        let mut seen = std::collections::HashSet::new();
        for note in run.notes().filter(|note| note.name == "written") {
            if !seen.insert(note.value) {
                return Err(Violation {
                    at: note.at,
                    call: None,
                    from: note.host.to_owned(),
                    to: String::new(),
                    what: format!("the order {} is written again", note.value),
                    touched_by: Vec::new(),
                });
            }
        }
        Ok(seen.len() as u64)
    }
}

/// What is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    order: String,
}

/// Databases, with all that belongs to them.
struct Databases {
    /// How often each order is written.
    writes: u32,
}

impl System for Databases {
    fn add_to(self, harness: Harness) -> Harness {
        harness
            .hosts("database", |site: Site, it: Database| async move {
                note("opened", &(site.name(), it.rows));
                std::future::pending::<Result<(), String>>().await
            })
            .target("insert", move |_: Site, call: Call<Row>| async move {
                for _ in 0..self.writes {
                    note("written", &call.payload.order);
                }
                Ok::<(), CallError>(())
            })
            .fault::<Rolling>()
            .expectation::<Notes>()
            .oracle(WrittenOnce)
            .section(|run| {
                let mut section = Section::new(["database", "orders", "first"]);
                let mut orders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                for note in run.notes().filter(|note| note.name == "written") {
                    orders.entry(note.host).or_default().push(note.value);
                }
                for (host, orders) in orders {
                    section.row([host, &orders.len().to_string(), orders[0]]);
                }
                section
            })
    }
}

fn harness(writes: u32) -> Harness {
    Harness::new().system(Databases { writes })
}

const TOPOLOGY: &str = "name = \"store\"\n[database.orders]\nrows = 7\nreplicas = 3\n";

fn scenario(fault: &str, expect: &str) -> String {
    format!(
        "name = \"writes\"\ntopology = \"t\"\nduration = \"20s\"\n\
         [[workload]]\nname = \"w\"\nfrom = \"orders\"\ninsert = {{ order = \"{{call}}\" }}\nrate = \"1/s\"\n\
         [[fault]]\nname = \"roll\"\nat = \"5s\"\n{fault}\n[[expect]]\n{expect}\n"
    )
}

fn load(harness: &Harness, topology: &str, scenario: &str) -> Result<squall::Scenario, Report> {
    let names = harness.component_names();
    let topology = topology_from_str("t.toml", topology, &names)?;
    scenario_from_str_with("s.toml", scenario, Arc::new(topology), &names)
}

fn run(harness: &Harness, fault: &str, expect: &str) -> Run {
    let scenario = load(harness, TOPOLOGY, &scenario(fault, expect)).unwrap();
    harness.run(scenario.plan(None)).unwrap()
}

const ROLL: &str = "rolling_restart = { hosts = \"orders\", every = 2 }";

#[test]
fn own_kinds_do_and_judge_what_they_say() {
    let run = run(&harness(1), ROLL, "notes = { name = \"opened\", at_most = 6 }");
    let judgement = run.judge();
    let text = judgement.text("", squall::report::Style::default());
    assert!(judgement.held(), "{text}");
    let opened: Vec<_> = judgement
        .verdict()
        .expectations
        .iter()
        .map(|it| it.measured.as_str())
        .collect();
    assert_eq!(opened, ["is 6"], "three hosts started, and started again: {text}");
    let own = judgement.verdict().oracles.last().unwrap();
    // At the end of the run there are more, to see whether all has recovered.
    assert!(
        own.name == "written once" && own.judged.is_some_and(|judged| judged >= 20),
        "{own:?}"
    );
    assert!(
        text.contains("rolling restart of orders-0, orders-1, orders-2"),
        "{text}"
    );
    assert!(text.contains(" database  orders   first\n orders-0 "), "{text}");
    let json = judgement.json("");
    let section = &json["sections"][0];
    assert_eq!(section["name"], "database");
    assert_eq!(section["rows"][1]["database"], "orders-1");
    assert_eq!(
        section["rows"][1]["first"], r#""1""#,
        "the second host had the second call"
    );
}

#[test]
fn own_promises_and_expectations_break() {
    let run = run(
        &harness(2),
        ROLL,
        "notes = { name = \"opened\", at_most = 2 }\nafter = \"roll\"",
    );
    let judgement = run.judge();
    let broken = |it: &&squall::verdict::Judged| !it.held;
    let verdict = judgement.verdict();
    let names: Vec<_> = verdict
        .expectations
        .iter()
        .chain(&verdict.oracles)
        .filter(broken)
        .collect();
    assert_eq!(
        names.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        ["notes", "written once"]
    );
    assert_eq!(names[0].text, "after roll: at most 2 notes `opened`");
    assert!(
        names[1]
            .counterexample
            .as_ref()
            .unwrap()
            .to_string()
            .contains("is written again")
    );
}

#[test]
fn mistakes_in_own_kinds_have_a_place_and_a_remedy() {
    let harness = harness(1);
    let of = |topology: &str, fault: &str, expect: &str| {
        let report = load(&harness, topology, &scenario(fault, expect)).expect_err("it is wrong");
        squall::file::render(&report, false, 100)
    };
    let fine = "notes = { name = \"opened\", at_most = 6 }";
    let workload = |target: &str| {
        let scenario = scenario(ROLL, fine).replace("insert = { order = \"{call}\" }", target);
        let report = load(&harness, TOPOLOGY, &scenario).expect_err("it is wrong");
        squall::file::render(&report, false, 100)
    };
    let all = [
        of(
            TOPOLOGY,
            "rolling_restart = { hots = \"orders\", every = 2 }",
            fine,
        ),
        of(
            TOPOLOGY,
            "rolling_restart = { hosts = \"ordres\", every = 2 }",
            fine,
        ),
        of(TOPOLOGY, &format!("{ROLL}\nfor = \"5s\""), fine),
        of(TOPOLOGY, "rolling_restrat = {}", fine),
        of(TOPOLOGY, ROLL, "notes = { name = \"opened\", at_most = \"six\" }"),
        of(TOPOLOGY, ROLL, "notes = { at_most = 6 }"),
        of(
            TOPOLOGY,
            ROLL,
            "notes = { name = \"opened\", at_most = 6 }\nok = { at_least = 1 }",
        ),
        workload("insert = { ordr = \"1\" }"),
        workload("insret = { order = \"1\" }"),
        workload("insert = { order = 1 }"),
        workload("insert = { order = \"1\" }\nto = \"a.b\""),
        workload("insert = { order = \"1\" }\npayload = {}"),
        of("name = \"store\"\n[database.orders]\nrow = 7\n", ROLL, fine),
        of("name = \"store\"\n[databse.orders]\nrows = 7\n", ROLL, fine),
        of(
            "name = \"store\"\n[database.orders]\nrows = 7\nreplicas = 0\n",
            ROLL,
            fine,
        ),
    ];
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../../snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("mistakes_in_custom_kinds", all.join("\n")));
}

#[test]
fn the_schemas_know_own_kinds() {
    let harness = harness(1);
    let scenario = harness.schema(Kind::Scenario);
    let fault = &scenario["definitions"]["Fault"]["properties"]["rolling_restart"];
    assert_eq!(fault["description"], "Hosts are restarted one after another.");
    assert_eq!(fault["properties"]["every"]["type"], "integer");
    let expect = &scenario["definitions"]["Expect"]["properties"]["notes"];
    assert_eq!(expect["required"], serde_json::json!(["name", "at_most"]));
    assert!(scenario["properties"].get("database").is_none());
    let workload = &scenario["definitions"]["Workload"]["properties"]["insert"];
    assert_eq!(
        workload["description"],
        "Instead of `to`: what each call of `insert` carries"
    );
    let topology = harness.schema(Kind::Topology);
    assert_eq!(topology["properties"]["database"]["type"], "object");
}

#[test]
#[should_panic(expected = "[[workload]] has a key `pipeline` already")]
fn a_target_does_not_take_a_key_that_is_there() {
    let harness = Harness::new();
    drop(harness.target("pipeline", |_: Site, _: Call<Row>| async {
        Ok::<(), CallError>(())
    }));
}

#[test]
#[should_panic(expected = "there is a fault `rolling_restart` already")]
fn a_key_is_taken_once() {
    drop(harness(1).fault::<Rolling>());
}
