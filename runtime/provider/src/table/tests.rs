//! Only the table: no network, no manager.

use std::time::Duration;

use proptest::prelude::*;
use squall_proto::provider::DeregisterRequest;

use super::*;

struct Fixture {
    table: Table,
    now: Moment,
}

impl Fixture {
    fn new() -> Self {
        Fixture {
            table: Table::new(Timers {
                control_plane: Duration::from_secs(30),
                heartbeat: Duration::from_secs(15),
            }),
            now: Moment {
                instant: Instant::now(),
                wall: SystemTime::UNIX_EPOCH,
            },
        }
    }

    /// In time.
    fn check(&mut self) {
        let period = Duration::from_secs(1);
        self.table.check(Duration::ZERO, period, self.now);
    }

    fn pass(&mut self, seconds: u64) {
        self.now.instant += Duration::from_secs(seconds);
        self.now.wall += Duration::from_secs(seconds);
    }

    fn register(&mut self, connection: &str, namespace: &str, group: Option<&str>, modules: &[&str]) {
        let identity = Identity {
            connection: connection.into(),
            namespace: namespace.into(),
            group: group.map(Arc::from),
            executor: format!("{connection}:9091").into(),
        };
        let declared = modules.iter().map(|name| Declared {
            short_name: (*name).into(),
            input: CType::String,
            spec: Arc::new(ModuleSpec::new(
                format!("{namespace}.{name}"),
                &CType::String,
                CType::String,
            )),
            bytes: 1,
        });
        let bytes = Bytes {
            founds: 100,
            joins: 10,
        };
        self.table
            .register(Arc::new(identity), 1, declared.collect(), bytes, self.now);
    }

    fn deregister(&mut self, connection: &str, namespace: &str, modules: &[&str]) -> (bool, Vec<String>) {
        let request = DeregisterRequest {
            namespace: namespace.to_owned(),
            module_names: modules.iter().map(ToString::to_string).collect(),
            connection_id: connection.to_owned(),
        };
        let response = self.table.deregister(&request, self.now);
        let errors = response.results.into_iter().map(|it| {
            assert_eq!(it.removed, it.error.is_empty());
            it.error
        });
        (response.success, errors.collect())
    }

    fn modules(&self) -> Vec<String> {
        let modules = self.table.modules();
        modules.map(|it| it.spec.name.to_string()).collect()
    }

    fn pool(&self, namespace: &str) -> Vec<String> {
        let namespace = self.table.namespace(namespace);
        let endpoints = namespace.map_or(&[][..], |it| it.pool.endpoints());
        endpoints.iter().map(|it| it.connection.to_string()).collect()
    }

    /// The state and the cause of the last change.
    fn last_told(&mut self) -> Option<(State, String)> {
        let changes = self.table.take_changes();
        let entered = changes.into_iter().filter_map(|change| match change {
            Change::Entered { state, cause, .. } => Some((state, cause.to_string())),
            _ => None,
        });
        entered.last()
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

#[test]
fn a_member_that_leaves_takes_nothing_from_the_others() {
    let mut it = Fixture::new();
    it.register("a", "ml", Some("g"), &["X", "Y"]);
    it.register("b", "ml", Some("g"), &["X", "Y"]);
    assert_eq!(it.pool("ml"), ["a", "b"]);
    it.table.leave("a", Cause::StreamEnded, it.now);
    assert_eq!(it.modules(), ["ml.X", "ml.Y"]);
    assert_eq!(it.pool("ml"), ["b"]);
    it.table.leave("b", Cause::StreamEnded, it.now);
    assert!(it.modules().is_empty());
    let released = it.table.take_changes().into_iter();
    let released = released.filter(|it| matches!(it, Change::Released { .. }));
    assert_eq!(released.count(), 1, "by the last one");
}

#[test]
fn nobody_is_given_up_for_a_standstill_and_who_stays_silent_is_afterwards() {
    let mut it = Fixture::new();
    for connection in ["lively", "silent", "new"] {
        it.register(connection, connection, None, &["X"]);
    }
    it.table.open("lively", it.now).unwrap();
    it.table.open("silent", it.now).unwrap();
    it.pass(60);
    let (late, period) = (Duration::from_secs(55), Duration::from_secs(1));
    it.table.check(late, period, it.now);
    assert_eq!(it.table.len(), 3);
    // The waiting messages are read.
    it.table.heartbeat("lively", it.now);
    it.pass(10);
    it.check();
    assert_eq!(it.table.len(), 3, "5 s before and 10 s after it");
    it.pass(1);
    it.check();
    assert!(it.table.get("silent").is_none());
    assert_eq!(it.table.len(), 2);
    it.pass(15);
    it.check();
    assert_eq!(
        it.table.len(),
        0,
        "a control plane is waited for 30 s, and 5 of them were before"
    );
}

#[test]
fn a_namespace_can_be_owned_anew_after_its_last_member_has_left() {
    let mut it = Fixture::new();
    for round in ["a", "b", "c"] {
        it.register(round, "ml", None, &["X"]);
        assert_eq!(it.modules(), ["ml.X"], "not only the first time");
        it.deregister(round, "ml", &["X"]);
        assert!(it.modules().is_empty());
        assert_eq!(it.table.len(), 0);
    }
}

#[test]
fn deregistration_is_the_members_own() {
    let mut it = Fixture::new();
    it.register("a", "ml", Some("g"), &["X", "Y"]);
    it.register("b", "ml", Some("g"), &["X", "Y"]);
    it.register("c", "other", None, &["X"]);
    assert_eq!(it.deregister("b", "ml", &["X", "Y"]), (true, strings(&["", ""])));
    assert_eq!(it.modules(), ["ml.X", "ml.Y", "other.X"]);
    assert_eq!(it.pool("ml"), ["a"]);
    assert_eq!(
        it.deregister("c", "ml", &["X"]),
        (false, strings(&["wrong namespace owner"]))
    );
    assert_eq!(
        it.deregister("b", "ml", &["X"]),
        (false, strings(&["wrong namespace owner"])),
        "it has left"
    );
    assert_eq!(
        it.deregister("a", "nobodys", &["X"]),
        (false, strings(&["not found"]))
    );
    assert_eq!(it.table.len(), 2);
}

#[test]
fn what_is_not_deregistered_stays() {
    let mut it = Fixture::new();
    it.register("a", "ml", None, &["X", "Y"]);
    assert_eq!(
        it.deregister("a", "ml", &["X", "Z", "X"]),
        (false, strings(&["", "not found", "not found"]))
    );
    assert_eq!(it.modules(), ["ml.Y"]);
    assert_eq!(it.deregister("a", "ml", &[]), (true, vec![]));
    assert_eq!(it.table.len(), 1);
    assert_eq!(it.deregister("a", "ml", &["Y"]), (true, strings(&[""])));
    assert_eq!(it.table.len(), 0);
    assert_eq!(
        it.last_told(),
        Some((State::Disconnected, "deregistered".to_owned()))
    );
}

#[test]
fn what_is_registered_counts_as_long_as_it_is_there() {
    let mut it = Fixture::new();
    it.register("a", "ml", Some("g"), &["X"]);
    assert_eq!(it.table.bytes(), 100);
    it.register("b", "ml", Some("g"), &["X"]);
    assert_eq!(it.table.bytes(), 110, "what the group has in common counts once");
    it.register("c", "other", None, &["X"]);
    it.register("d", "empty", None, &[]);
    assert_eq!(it.table.bytes(), 220, "one without modules has only itself");
    it.table.leave("a", Cause::Shutdown, it.now);
    assert_eq!(it.table.bytes(), 210, "the group keeps what it has in common");
    it.table.leave_all(&Cause::Shutdown, it.now);
    assert_eq!(it.table.bytes(), 0);
}

#[test]
fn without_an_id_nobody_is_meant() {
    let mut it = Fixture::new();
    assert_eq!(it.deregister("", "ml", &["X"]), (false, strings(&["not found"])));
    assert_eq!(it.deregister("", "ml", &[]), (false, vec![]));
    it.register("a", "ml", Some("g"), &["X"]);
    it.register("b", "ml", Some("g"), &["X"]);
    let why = "connection_id is empty: send the one that the registration was answered with";
    assert_eq!(
        it.deregister("", "ml", &["X", "Y"]),
        (false, strings(&[why, why]))
    );
    assert_eq!(it.deregister("", "ml", &[]), (false, vec![]));
    assert_eq!(it.pool("ml"), ["a", "b"]);
    assert_eq!(it.deregister("a", "ml", &["X"]), (true, strings(&[""])));
    assert_eq!(it.pool("ml"), ["b"]);
}

#[test]
fn a_module_that_only_some_members_have_is_called_at_those() {
    let mut it = Fixture::new();
    it.register("a", "ml", Some("g"), &["X", "Y"]);
    it.register("b", "ml", Some("g"), &["X", "Y"]);
    it.deregister("a", "ml", &["X"]);
    let x = it.table.module("ml.X").unwrap().clone();
    for _ in 0..3 {
        let picked = it.table.pick(&x, None, it.now.instant).ok().unwrap();
        assert_eq!(&*picked.identity.connection, "b");
    }
    assert!(it.table.pick(&x, Some("b"), it.now.instant).is_err());
}

#[test]
fn one_that_drains_keeps_its_namespace_and_gets_no_calls() {
    let mut it = Fixture::new();
    it.register("a", "ml", None, &["X"]);
    let until = it.now.instant + Duration::from_secs(30);
    assert!(!it.table.drain("a", until, it.now), "it is not active yet");
    it.table.open("a", it.now).unwrap();
    assert!(it.table.drain("a", until, it.now));
    assert!(!it.table.drain("a", until, it.now), "once is enough");
    assert!(it.pool("ml").is_empty());
    assert_eq!(it.modules(), ["ml.X"]);
    it.pass(29);
    it.check();
    assert_eq!(it.table.len(), 1);
    it.pass(1);
    it.check();
    assert_eq!(
        it.last_told(),
        Some((State::Disconnected, "drain deadline".to_owned()))
    );
    assert_eq!(it.table.len(), 0);
}

#[test]
fn a_stream_is_opened_once_and_only_by_who_is_there() {
    let mut it = Fixture::new();
    it.register("a", "ml", None, &["X"]);
    assert_eq!(it.table.open("b", it.now), Err(OpenError::Unknown));
    assert_eq!(it.table.open("a", it.now), Ok(()));
    assert_eq!(it.table.open("a", it.now), Err(OpenError::Open));
}

#[test]
fn one_without_modules_owns_nothing() {
    let mut it = Fixture::new();
    it.register("a", "ml", None, &[]);
    assert!(it.table.namespace("ml").is_none());
    it.register("b", "ml", None, &["X"]);
    assert_eq!(it.pool("ml"), ["b"]);
    it.table.leave("a", Cause::StreamEnded, it.now);
    assert_eq!(it.modules(), ["ml.X"]);
}

#[derive(Debug, Clone)]
enum Step {
    Register(usize, usize),
    Open(usize),
    Heartbeat(usize),
    Drain(usize),
    DrainAck(usize),
    Leave(usize),
    Deregister(usize, usize, usize),
    Pass(u64),
    Call(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let connection = || 0..8usize;
    prop_oneof![
        (connection(), 0..3usize).prop_map(|(it, namespace)| Step::Register(it, namespace)),
        connection().prop_map(Step::Open),
        connection().prop_map(Step::Heartbeat),
        connection().prop_map(Step::Drain),
        connection().prop_map(Step::DrainAck),
        connection().prop_map(Step::Leave),
        (connection(), 0..3usize, 0..3usize)
            .prop_map(|(it, namespace, module)| Step::Deregister(it, namespace, module)),
        (0..20u64).prop_map(Step::Pass),
        (0..3usize).prop_map(Step::Call),
    ]
}

proptest! {
    /// After any events: a namespace exists while it has members, its modules while a member has them, and its pool
    /// has the members that take calls.
    #[test]
    fn the_parts_of_the_table_agree(steps in proptest::collection::vec(step(), 0..60)) {
        let mut it = Fixture::new();
        let modules = ["X", "Y", "Z"];
        for step in steps {
            let name = |index: usize| format!("c{index}");
            let (now, until) = (it.now, it.now.instant + Duration::from_secs(10));
            match step {
                Step::Register(connection, namespace) => {
                    if it.table.get(&name(connection)).is_none() {
                        // Each namespace belongs to one group, which validation ensures.
                        it.register(&name(connection), &format!("n{namespace}"), Some("g"), &modules);
                    }
                }
                Step::Open(connection) => drop(it.table.open(&name(connection), now)),
                Step::Heartbeat(connection) => it.table.heartbeat(&name(connection), now),
                Step::Drain(connection) => drop(it.table.drain(&name(connection), until, now)),
                Step::DrainAck(connection) => it.table.drain_acked(&name(connection), until, now),
                Step::Leave(connection) => it.table.leave(&name(connection), Cause::StreamEnded, now),
                Step::Deregister(connection, namespace, module) => {
                    it.deregister(&name(connection), &format!("n{namespace}"), &[modules[module]]);
                }
                Step::Pass(seconds) => {
                    it.pass(seconds);
                    it.check();
                }
                Step::Call(namespace) => {
                    let module = it.table.module(&format!("n{namespace}.X")).cloned();
                    if let Some(picked) = module.and_then(|module| it.table.pick(&module, None, it.now.instant).ok()) {
                        let connection = it.table.get(&picked.identity.connection).unwrap();
                        prop_assert!(connection.phase.takes_calls());
                        prop_assert!(connection.modules.contains("X"));
                    }
                }
            }
            it.agree()?;
        }
    }
}

impl Fixture {
    fn agree(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.table.serials.len(), self.table.connections.len());
        for namespace in self.table.namespaces() {
            let members: Vec<_> = namespace
                .members
                .iter()
                .map(|serial| &self.table.connections[serial])
                .collect();
            prop_assert!(!members.is_empty());
            let had: BTreeSet<_> = members.iter().flat_map(|it| it.modules.iter().cloned()).collect();
            prop_assert!(had.iter().eq(namespace.modules.keys()));
            let calls = members.iter().filter(|it| it.phase.takes_calls());
            let mut taking: Vec<_> = calls.map(|it| it.identity.connection.clone()).collect();
            let pool = namespace.pool.endpoints().iter();
            let mut pool: Vec<_> = pool.map(|it| it.connection.clone()).collect();
            taking.sort();
            pool.sort();
            prop_assert_eq!(taking, pool);
        }
        let members = self.table.namespaces().map(|it| it.members.len());
        prop_assert_eq!(members.sum::<usize>(), self.table.len());
        Ok(())
    }
}

#[test]
fn who_leaves_is_not_compared_with_all_others_when_all_leave() {
    let mut it = Fixture::new();
    let members = 500;
    for member in 0..members {
        it.register(&format!("c{member}"), "ml", Some("pool"), &["A"]);
    }
    let compared = || crate::pool::COMPARED.with(std::cell::Cell::get);
    let before = compared();
    it.table.leave_all(&Cause::Shutdown, it.now);
    assert!(compared() - before <= members, "{} times", compared() - before);
    assert_eq!((it.table.len(), it.table.bytes()), (0, 0));
    assert!(!it.table.uses("c0:9091"));
}

#[test]
fn an_address_is_used_until_the_last_that_executes_there_has_left() {
    let mut it = Fixture::new();
    let at = "host:9091";
    for (connection, namespace) in [("one", "a"), ("two", "b")] {
        let identity = Identity {
            connection: connection.into(),
            namespace: namespace.into(),
            group: None,
            executor: at.into(),
        };
        it.table
            .register(Arc::new(identity), 1, vec![], Bytes::default(), it.now);
    }
    assert!(it.table.uses(at));
    it.table.leave("one", Cause::Shutdown, it.now);
    assert!(it.table.uses(at));
    it.table.leave("two", Cause::Shutdown, it.now);
    assert!(!it.table.uses(at) && it.table.executors.is_empty());
}
