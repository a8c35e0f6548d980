//! The texts and the order of the checks, and a comparison with a plain restatement of the rules.

use proptest::prelude::*;
use prost::Message;
use squall_proto::provider::type_schema::Type;
use squall_proto::provider::{ListType, TypeSchema};

use super::super::declares::Counter;
use super::*;
use crate::table::{Bytes, Identity, Moment, Table, Timers};

const GROUP: &str = "pool";

fn text_type() -> CType {
    CType::product([("text", CType::String)])
}

fn module(name: &str) -> ModuleDeclaration {
    ModuleDeclaration {
        name: name.to_owned(),
        input_schema: Some(text_type().to_schema()),
        output_schema: Some(CType::Int.to_schema()),
        ..ModuleDeclaration::default()
    }
}

fn request(namespace: &str, modules: Vec<ModuleDeclaration>) -> RegisterRequest {
    RegisterRequest {
        namespace: namespace.to_owned(),
        modules,
        protocol_version: 1,
        executor_url: "localhost:9091".to_owned(),
        group_id: String::new(),
    }
}

fn schemas(request: &RegisterRequest, config: &Config) -> Vec<Result<Declared, Rejection>> {
    let modules = request.modules.iter();
    modules
        .map(|it| declared(&request.namespace, it, config))
        .collect()
}

/// All checks, in their order.
fn checked(
    request: &RegisterRequest,
    config: &Config,
    ground: &Ground<'_>,
) -> Result<Vec<Declared>, Verdicts> {
    let bytes = request.encode_to_vec();
    let declares = Counter::of(&bytes).go_on(usize::MAX).unwrap();
    check_alone(request, declares, config)?;
    validate(request, &mut schemas(request, config), ground)
}

/// A table in which a provider owns `solo`, and a group owns `shared`, each with the modules A and B.
fn taken() -> Table {
    let second = std::time::Duration::from_secs(1);
    let mut table = Table::new(Timers {
        control_plane: second,
        heartbeat: second,
    });
    for (namespace, group) in [("solo", None), ("shared", Some(GROUP))] {
        let request = request(namespace, vec![module("A"), module("B")]);
        let declared = schemas(&request, &Config::default());
        let identity = Identity {
            connection: namespace.into(),
            namespace: namespace.into(),
            group: group.map(Arc::from),
            executor: "localhost:9091".into(),
        };
        let now = Moment {
            instant: tokio::time::Instant::now(),
            wall: std::time::SystemTime::UNIX_EPOCH,
        };
        table.register(
            Arc::new(identity),
            1,
            declared.into_iter().flatten().collect(),
            Bytes::default(),
            now,
        );
    }
    table
}

/// The reasons, empty for valid modules. `local.A` exists.
fn reasons_with(request: &RegisterRequest, config: &Config) -> Vec<String> {
    let table = taken();
    let ground = Ground {
        config,
        owner: Owner::of(table.namespace(&request.namespace)),
        connections: table.len(),
        registered: 1_000,
        bytes: 100,
        exists: &|qualified| qualified == "local.A",
    };
    let verdicts = checked(request, config, &ground);
    let text = |verdict: Option<Rejection>| verdict.map(|it| it.to_string()).unwrap_or_default();
    match verdicts {
        Ok(declared) => vec![String::new(); declared.len()],
        Err(verdicts) => verdicts.into_iter().map(text).collect(),
    }
}

fn reasons(request: &RegisterRequest) -> Vec<String> {
    reasons_with(request, &Config::default())
}

/// The reason of a request for one module.
fn reason(change: impl FnOnce(&mut RegisterRequest)) -> String {
    let mut request = request("ml", vec![module("A")]);
    change(&mut request);
    reasons(&request).remove(0)
}

fn list_of_nothing() -> TypeSchema {
    TypeSchema {
        r#type: Some(Type::List(Box::new(ListType { element_type: None }))),
    }
}

#[test]
fn what_is_right_is_accepted() {
    assert_eq!(reason(|_| ()), "");
    assert_eq!(
        reasons(&request("a.b", vec![module("A"), module("B_2")])),
        ["", ""]
    );
    assert!(reasons(&request("ml", vec![])).is_empty());
}

#[test]
fn the_first_check_that_fails_is_the_reason() {
    // At first everything is wrong, and is then corrected from the first check on.
    let mut request = request("1st", vec![module(""), module("C"), module("C")]);
    request.executor_url = String::new();
    request.modules[1].input_schema = None;
    request.modules[1].output_schema = None;
    let part = "Invalid namespace part '1st': must start with a letter and contain only alphanumeric characters \
                and underscores";
    assert_eq!(reasons(&request), ["executor_url cannot be empty"; 3]);
    request.executor_url = "h:1".to_owned();
    assert_eq!(reasons(&request), [part; 3]);
    request.namespace = "stdlib.x".to_owned();
    assert_eq!(reasons(&request), ["Namespace 'stdlib.x' is reserved"; 3]);
    request.namespace = "solo".to_owned();
    let owned = "Namespace 'solo' is owned by another provider";
    let twice = "Module name 'C' comes twice in the request";
    assert_eq!(reasons(&request), ["Module name cannot be empty", owned, twice]);
    request.namespace = "local".to_owned();
    request.modules[0].name = "A".to_owned();
    let input = "Invalid input schema: Missing input_schema";
    assert_eq!(
        reasons(&request),
        ["Module 'local.A' already exists", input, twice]
    );
    request.modules[1].input_schema = Some(CType::Int.to_schema());
    let output = "Invalid output schema: Missing output_schema";
    request.namespace = "free".to_owned();
    request.modules.pop();
    assert_eq!(reasons(&request), ["", output]);
    request.modules[1].output_schema = Some(CType::Int.to_schema());
    assert_eq!(reasons(&request), ["", ""]);
}

#[test]
fn schemas_have_the_protocols_reasons() {
    let empty = TypeSchema { r#type: None };
    assert_eq!(
        reason(|it| it.modules[0].input_schema = Some(empty.clone())),
        "Invalid input schema: TypeSchema has no type set"
    );
    assert_eq!(
        reason(|it| it.modules[0].output_schema = Some(list_of_nothing())),
        "Invalid output schema: ListType missing element_type"
    );
    assert_eq!(
        reason(|it| {
            let deep = (0..40).fold(CType::Int, |inner, _| CType::list(inner));
            it.modules[0].input_schema = Some(deep.to_schema());
        }),
        "Invalid input schema: TypeSchema is nested deeper than 32 levels"
    );
}

#[test]
fn a_namespace_is_its_owners() {
    let try_as = |namespace: &str, group: &str| {
        let mut request = request(namespace, vec![module("A"), module("B")]);
        request.group_id = group.to_owned();
        reasons(&request).remove(0)
    };
    assert_eq!(try_as("shared", GROUP), "");
    assert_eq!(
        try_as("shared", "other"),
        "Namespace 'shared' is owned by a different provider group"
    );
    assert_eq!(
        try_as("shared", ""),
        "Namespace 'shared' is owned by another provider"
    );
    for group in ["", GROUP] {
        assert_eq!(
            try_as("solo", group),
            "Namespace 'solo' is owned by another provider"
        );
    }
    assert_eq!(try_as("Shared", "other"), "", "case matters");
}

#[test]
fn members_of_a_group_have_the_same_modules() {
    let join = |modules: Vec<ModuleDeclaration>| {
        let mut request = request("shared", modules);
        request.group_id = GROUP.to_owned();
        reasons(&request)
    };
    let described = ModuleDeclaration {
        version: "9".to_owned(),
        description: "other words".to_owned(),
        ..module("B")
    };
    assert_eq!(join(vec![described, module("A")]), ["", ""]);
    let missing = "Provider group 'pool' has module 'B' too, and its members have the same modules";
    assert_eq!(join(vec![module("A")]), [missing]);
    let not = "Module 'shared.C' is not one of provider group 'pool', whose members have the same modules";
    assert_eq!(join(vec![module("A"), module("B"), module("C")]), ["", "", not]);
    let other_input = ModuleDeclaration {
        input_schema: Some(CType::product([("text", CType::Int)]).to_schema()),
        ..module("A")
    };
    assert_eq!(
        join(vec![other_input, module("B")])[0],
        "Input schema of module 'shared.A' differs from that of provider group 'pool': text: expected String, \
         found Int"
    );
    let other_output = ModuleDeclaration {
        output_schema: Some(CType::Float.to_schema()),
        ..module("A")
    };
    assert_eq!(
        join(vec![other_output, module("B")])[0],
        "Output schema of module 'shared.A' differs from that of provider group 'pool': expected Int, found Float"
    );
}

#[test]
fn there_are_limits() {
    let config = Config {
        max_modules: 2,
        ..Config::default()
    };
    let three = request("ml", vec![module("A"), module("B"), module("C")]);
    assert_eq!(
        reasons_with(&three, &config),
        ["Too many modules in the request: 3, the limit is 2"],
        "said once, however many there are"
    );
    let config = Config {
        max_registered_bytes: 1_099,
        ..Config::default()
    };
    let one = request("ml", vec![module("A")]);
    assert_eq!(
        reasons_with(&one, &config),
        [
            "Too much is registered: the request would add 100 bytes to 1000, and the limit for all providers together \
             is 1099"
        ]
    );
    let config = Config {
        max_connections: 2,
        ..Config::default()
    };
    let one = request("ml", vec![module("A")]);
    assert_eq!(
        reasons_with(&one, &config),
        ["Too many providers are connected: the limit is 2"]
    );
    assert_eq!(
        reason(|it| it.group_id = "g".repeat(257)),
        "Group id is too long: 257 bytes, the limit is 256"
    );
}

/// Values that are too long, in a request with modules or without, and the reported reason.
#[test]
fn every_field_has_a_limit() {
    let long = |field: fn(&mut RegisterRequest) -> &mut String, bytes: usize| {
        [vec![], vec![module("A")]].map(|modules| {
            let mut request = request("ml", modules);
            *field(&mut request) = "a".repeat(bytes);
            reasons(&request)
        })
    };
    for (field, said) in [
        (
            (|it| &mut it.namespace) as fn(&mut RegisterRequest) -> &mut String,
            "Namespace is too long: 257 bytes, the limit is 256",
        ),
        (
            |it| &mut it.executor_url,
            "executor_url is too long: 257 bytes, the limit is 256",
        ),
        (
            |it| &mut it.group_id,
            "Group id is too long: 257 bytes, the limit is 256",
        ),
    ] {
        assert_eq!(long(field, 257), [[said], [said]]);
        assert!(!long(field, 256).concat().concat().contains("too long"), "{said}");
    }
    for (namespace, url, said) in [
        ("", "h:1", "Namespace cannot be empty"),
        ("ml", "", "executor_url cannot be empty"),
        (
            "ml",
            "http://h:1",
            "executor_url must be host:port format, not a URL with scheme: http://h:1",
        ),
    ] {
        let mut request = request(namespace, vec![]);
        request.executor_url = url.to_owned();
        assert_eq!(reasons(&request), [said]);
    }
    let of_a_module = |change: fn(&mut ModuleDeclaration, String), bytes: usize| {
        reason(|it| change(&mut it.modules[0], "a".repeat(bytes)))
    };
    let field = |it: &mut ModuleDeclaration, name: String| {
        it.output_schema = Some(CType::product([(name, CType::Int)]).to_schema());
    };
    for (change, limit, said) in [
        (
            (|it, text| it.name = text) as fn(&mut ModuleDeclaration, String),
            256,
            "Module name is too long: 257 bytes, the limit is 256",
        ),
        (
            |it, text| it.version = text,
            256,
            "Version is too long: 257 bytes, the limit is 256",
        ),
        (
            |it, text| it.description = text,
            8192,
            "Description is too long: 8193 bytes, the limit is 8192",
        ),
        (
            field,
            256,
            "Invalid output schema: RecordType has a field whose name is too long: 257 bytes, the limit is 256",
        ),
    ] {
        assert_eq!(of_a_module(change, limit + 1), said);
        assert_eq!(of_a_module(change, limit), "", "{said}");
    }
}

/// The rules restated plainly, for one module: which check fails first.
fn restated(request: &RegisterRequest, index: usize) -> Option<&'static str> {
    let module = &request.modules[index];
    let identifier = |text: &str| {
        let mut letters = text.chars();
        letters.next().is_some_and(|it| it.is_ascii_alphabetic())
            && letters.all(|it| it.is_ascii_alphanumeric() || it == '_')
    };
    let (namespace, group) = (request.namespace.as_str(), request.group_id.as_str());
    let url = ["localhost:9091", "h", "[::1]"].contains(&request.executor_url.as_str());
    let twice = request.modules[..index].iter().any(|it| it.name == module.name);
    let checks = [
        ("url", !url),
        ("name", !namespace.split('.').all(identifier)),
        (
            "reserved",
            namespace == "stdlib" || namespace.starts_with("stdlib."),
        ),
        ("name", !identifier(&module.name)),
        ("conflict", twice),
        ("ownership", namespace == "solo"),
        ("ownership", namespace == "shared" && group != GROUP),
        ("conflict", namespace == "local" && module.name == "A"),
        ("schema", module.input_schema != Some(text_type().to_schema())),
        ("schema", module.output_schema != Some(CType::Int.to_schema())),
        (
            "group",
            namespace == "shared"
                && !(["A", "B"].contains(&module.name.as_str())
                    && ["A", "B"]
                        .iter()
                        .all(|name| request.modules.iter().any(|it| it.name == *name))),
        ),
    ];
    checks.iter().find(|(_, fails)| *fails).map(|(class, _)| *class)
}

fn any_module() -> impl Strategy<Value = ModuleDeclaration> {
    let schema = |right: TypeSchema| {
        prop_oneof![
            6 => Just(Some(right)),
            1 => Just(None),
            1 => Just(Some(list_of_nothing())),
        ]
    };
    let name = prop_oneof![4 => "[AB]", 1 => "[A-C1_. é]{0,3}"];
    let (input, output) = (schema(text_type().to_schema()), schema(CType::Int.to_schema()));
    (name, input, output).prop_map(|(name, input_schema, output_schema)| ModuleDeclaration {
        name,
        input_schema,
        output_schema,
        ..ModuleDeclaration::default()
    })
}

fn any_request() -> impl Strategy<Value = RegisterRequest> {
    let namespace = prop_oneof![
        3 => Just("shared".to_owned()),
        1 => prop::sample::select(vec!["solo", "local", "stdlib", "stdlib.x", "stdlibx", "ml"]).prop_map(str::to_owned),
        1 => "[a1_.é]{0,4}",
    ];
    let url = prop_oneof![
        6 => prop::sample::select(vec!["localhost:9091", "h", "[::1]"]),
        1 => prop::sample::select(vec!["", ":1", "http://h:1", "h:0", "h:x", "::1"]),
    ];
    let group = prop::sample::select(vec![GROUP, GROUP, "other", ""]);
    let modules = proptest::collection::vec(any_module(), 1..4);
    (namespace, modules, url, group).prop_map(|(namespace, modules, url, group)| RegisterRequest {
        executor_url: url.to_owned(),
        group_id: group.to_owned(),
        ..request(&namespace, modules)
    })
}

proptest! {
    #[test]
    fn the_checks_are_the_rules(request in any_request()) {
        let table = taken();
        let config = Config::default();
        let ground = Ground {
            config: &config,
            owner: Owner::of(table.namespace(&request.namespace)),
            connections: table.len(),
            registered: 0,
            bytes: 0,
            exists: &|qualified| qualified == "local.A",
        };
        let expected: Vec<_> = (0..request.modules.len()).map(|index| restated(&request, index)).collect();
        match checked(&request, &config, &ground) {
            Ok(declared) => {
                prop_assert_eq!(declared.len(), request.modules.len());
                prop_assert!(expected.iter().all(Option::is_none), "{:?}", expected);
            }
            Err(verdicts) => {
                let found: Vec<_> = verdicts.iter().map(|it| it.as_ref().map(|it| it.class().as_str())).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
