//! Registration over gRPC. Spec: provider 2.2 to 2.6; section 6, points 1, 2 and 6.

use squall_engine::Engine;
use squall_proto::provider::{DeregisterRequest, RegisterRequest};
use squall_provider::{Config, State};
use squall_value::CType;
use tonic::Code;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn the_answer_names_each_module_and_the_connection() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut request = provider.request("data.text", "", &["B", "A"]);
    request.protocol_version = 7;
    let response = provider.try_register(request).await;
    assert!(response.success);
    assert_eq!(response.protocol_version, 1);
    let names: Vec<_> = response.results.iter().map(|it| &*it.module_name).collect();
    assert_eq!(names, ["B", "A"], "in the order of the request");
    assert!(
        response
            .results
            .iter()
            .all(|it| it.accepted && it.rejection_reason.is_empty())
    );

    let info = world.provider(&response.connection_id).expect("it is tracked");
    assert_eq!(info.state, State::Registered);
    assert_eq!(&*info.namespace, "data.text");
    assert_eq!(*info.executor, provider.url.to_string());
    assert_eq!((info.group, info.last_heartbeat), (None, None));
    assert_eq!(info.modules, ["data.text.A".into(), "data.text.B".into()]);
    assert_eq!(world.modules(), ["data.text.A", "data.text.B"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_rejected_request_nothing_is_kept() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut request = provider.request("ml", "pool", &["Good", "Bad name"]);
    let response = provider.try_register(request.clone()).await;
    assert!(!response.success);
    assert!(!response.connection_id.is_empty(), "as upstream");
    let reasons: Vec<_> = response.results.iter().map(|it| &*it.rejection_reason).collect();
    assert_eq!(
        reasons,
        [
            "Not registered: another module of the request was rejected",
            "Module name must contain only alphanumeric characters and underscores"
        ]
    );
    assert!(response.results.iter().all(|it| !it.accepted));
    assert!(world.manager.providers().is_empty());
    assert!(world.modules().is_empty());

    // Neither by itself nor by its group has it any claim: whoever comes next may have the namespace.
    request.modules.pop();
    request.group_id = String::new();
    assert!(provider.try_register(request).await.success);
}

#[tokio::test(start_paused = true)]
async fn trying_again_does_not_open_anothers_namespace() {
    let world = World::start().await;
    let owner = world.active("ml", "", &["Analyze"]).await;
    let mut other = Provider::start(&world, Executor::echo()).await;
    for _ in 0..3 {
        let request = other.request("ml", "hijackers", &["Analyze"]);
        let response = other.try_register(request).await;
        assert_eq!(
            response.results[0].rejection_reason,
            "Namespace 'ml' is owned by another provider"
        );
    }
    for _ in 0..4 {
        world.call("ml.Analyze").await.unwrap();
    }
    assert_eq!((owner.executor.count(), other.executor.count()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn of_many_that_want_a_namespace_at_once_one_gets_it() {
    let world = World::start().await;
    let mut all = vec![];
    for _ in 0..8 {
        all.push(Provider::start(&world, Executor::echo()).await);
    }
    let mut answers = vec![];
    for provider in &all {
        let (mut rpc, request) = (provider.rpc.clone(), provider.request("ml", "", &["Analyze"]));
        let (done, answer) = tokio::sync::oneshot::channel();
        squall_platform::Platform::spawn(&provider.host, async move {
            let response = rpc.register(request).await.unwrap().into_inner();
            done.send(response.success).unwrap();
        });
        answers.push(answer);
    }
    let mut winners = 0;
    for answer in answers {
        winners += usize::from(answer.await.unwrap());
    }
    assert_eq!(winners, 1);
    assert_eq!(world.manager.providers().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_module_of_the_process_is_not_overruled() {
    let world = World::start().await;
    world.set_local("ml.Analyze");
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let request = provider.request("ml", "", &["Analyze"]);
    let response = provider.try_register(request).await;
    assert_eq!(
        response.results[0].rejection_reason,
        "Module 'ml.Analyze' already exists"
    );
    provider.register("ml", "", &["Other"]).await;
    assert_eq!(world.modules(), ["ml.Analyze", "ml.Other"]);
}

#[tokio::test(start_paused = true)]
async fn reserved_namespaces_are_the_configured_ones() {
    let config = Config {
        reserved_namespaces: ["core".to_owned()].into(),
        ..Config::default()
    };
    let world = World::with(config).await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let request = provider.request("core.text", "", &["A"]);
    let response = provider.try_register(request).await;
    assert_eq!(
        response.results[0].rejection_reason,
        "Namespace 'core.text' is reserved"
    );
    provider.register("stdlib", "", &["A"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_without_modules_is_answered_and_owns_nothing() {
    let world = World::start().await;
    let mut empty = Provider::start(&world, Executor::echo()).await;
    let request = empty.request("ml", "", &[]);
    let response = empty.try_register(request).await;
    assert!(response.success && response.results.is_empty());
    empty.open().await;
    let _other = world.active("ml", "", &["Analyze"]).await;
    assert_eq!(world.call("ml.Analyze").await, Ok(text("hello")));
}

#[tokio::test(start_paused = true)]
async fn a_request_without_modules_that_is_wrong_is_told_so_and_is_not_kept() {
    let world = World::start().await;
    let mut empty = Provider::start(&world, Executor::echo()).await;
    for (wrong, said) in [
        (
            RegisterRequest {
                namespace: "a".repeat(4_000_000),
                ..empty.request("ml", "", &[])
            },
            "Namespace is too long: 4000000 bytes, the limit is 256",
        ),
        (
            RegisterRequest {
                group_id: "a".repeat(4_000_000),
                ..empty.request("ml", "", &[])
            },
            "Group id is too long: 4000000 bytes, the limit is 256",
        ),
        (
            RegisterRequest {
                executor_url: "not a url".to_owned(),
                ..empty.request("ml", "", &[])
            },
            "Invalid host in executor_url: not a url",
        ),
    ] {
        let refused = empty.rpc.register(wrong).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, said));
    }
    assert!(world.manager.providers().is_empty());
    assert!(
        world
            .manager
            .metrics_text()
            .contains("rejections_total{reason=\"limit\"} 1\n")
    );
}

#[tokio::test(start_paused = true)]
async fn more_modules_than_there_may_be_are_refused_in_one_line() {
    let config = Config {
        max_modules: 2,
        ..Config::default()
    };
    let world = World::with(config).await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let request = provider.request("ml", "", &["A", "B", "C"]);
    let refused = provider.rpc.register(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(
        refused.message(),
        "Too many modules in the request: 3, the limit is 2"
    );
    provider.register("ml", "", &["A", "B"]).await;
    let names = ["A", "B", "C"].map(str::to_owned).to_vec();
    let request = DeregisterRequest {
        namespace: "ml".to_owned(),
        module_names: names,
        connection_id: provider.connection.clone(),
    };
    let refused = provider.rpc.deregister(request).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "Too many module_names in the request: 3, the limit is 2"
    );
    assert_eq!(world.modules(), ["ml.A", "ml.B"]);
}

#[tokio::test(start_paused = true)]
async fn all_that_is_registered_has_a_limit_and_who_leaves_makes_room() {
    let config = Config {
        max_registered_bytes: 500,
        ..Config::default()
    };
    let world = World::with(config).await;
    let mut first = Provider::start(&world, Executor::echo()).await;
    let mut second = Provider::start(&world, Executor::echo()).await;
    // A little more than half of what there may be.
    let mut request = first.request("one", "", &["A"]);
    request.modules[0].description = "x".repeat(250);
    assert!(first.try_register(request).await.success);
    let mut request = second.request("two", "", &["A"]);
    request.modules[0].description = "x".repeat(250);
    let refused = second.try_register(request.clone()).await;
    let reason = &refused.results[0].rejection_reason;
    assert!(
        reason.starts_with("Too much is registered") && reason.ends_with("is 500"),
        "{reason}"
    );
    assert!(first.deregister(&["A"]).await.success);
    assert!(second.try_register(request).await.success);
}

#[tokio::test(start_paused = true)]
async fn types_of_all_kinds_arrive_as_declared() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let input = CType::product([
        ("list", CType::list(CType::Int)),
        ("map", CType::map(CType::String, CType::Float)),
        ("maybe", CType::optional(CType::Boolean)),
        ("record", CType::product([("inner", CType::list(text_type()))])),
        (
            "either",
            CType::union([("variant0", CType::Int), ("variant1", CType::String)]),
        ),
    ]);
    let mut request = provider.request("ml", "", &[]);
    request.modules = vec![typed("All", &input, &CType::list(input.clone()))];
    assert!(provider.try_register(request).await.success);
    let spec = world.manager.module("ml.All").unwrap();
    assert_eq!(CType::Product(spec.inputs.clone()), input);
    assert_eq!(spec.output, CType::list(input));
}
