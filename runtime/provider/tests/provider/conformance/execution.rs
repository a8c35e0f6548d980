//! Calls: from a pipeline or a caller over real gRPC to an executor, and back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use squall_engine::pipeline::{Pipeline, RunError, RunOptions};
use squall_engine::{Call, Code, Engine, Outcome};
use squall_proto::provider::ExecuteResponse;
use squall_value::{CType, CValue, Limits};

use crate::support::*;

const PROGRAM: &str = "in text: String\nresult = ml.Analyze(text)\nout result";

/// A manager with `ml.Analyze`, of these types, at this executor.
async fn serving(input: &CType, output: &CType, executor: Executor) -> (World, Provider) {
    let world = World::start().await;
    let mut provider = Provider::start(&world, executor).await;
    let mut request = provider.request("ml", "", &[]);
    request.modules = vec![typed("Analyze", input, output)];
    assert!(provider.try_register(request).await.success);
    provider.open().await;
    (world, provider)
}

async fn run(world: &World) -> Result<BTreeMap<Arc<str>, CValue>, RunError> {
    let checked = Pipeline::parse(PROGRAM).unwrap().check(&world.manager).unwrap();
    let inputs = [("text".into(), CValue::string("hello"))].into();
    checked.run(&world.manager, inputs, &RunOptions::default()).await
}

#[tokio::test(start_paused = true)]
async fn line_86_a_record_in_and_a_record_out_through_a_pipeline_and_real_grpc() {
    let result = CValue::product([("score", CValue::Float(0.5))]);
    let executor = Executor::fixed(result.clone());
    let (world, provider) = serving(&text_type(), &result.ctype(), executor).await;
    assert_eq!(run(&world).await, Ok([("result".into(), result)].into()));
    let asked = &provider.executor.asked()[0];
    assert_eq!(asked.module_name, "Analyze", "the short name");
    let sent = CValue::from_json(&asked.input_data, &Limits::default());
    assert_eq!(sent.unwrap(), text("hello"));
}

#[tokio::test(start_paused = true)]
async fn line_87_an_output_of_several_fields_has_all_of_them() {
    let result = CValue::product([
        ("score", CValue::Float(0.5)),
        ("label", CValue::string("good")),
        ("tags", CValue::list(CType::Int, [CValue::Int(1)])),
    ]);
    let executor = Executor::fixed(result.clone());
    let (world, _provider) = serving(&text_type(), &result.ctype(), executor).await;
    assert_eq!(run(&world).await, Ok([("result".into(), result)].into()));
}

#[tokio::test(start_paused = true)]
async fn line_88_a_bare_text_where_a_record_was_declared_is_a_type_error() {
    let executor = Executor::fixed(CValue::string("bare"));
    let (world, _provider) = serving(&text_type(), &text_type(), executor).await;
    let error = world.call("ml.Analyze").await.unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::TypeError, Outcome::Unknown));
    assert_eq!(
        &*error.message,
        "the output of 'ml.Analyze' is not as declared: expected a record, found String"
    );
}

#[tokio::test(start_paused = true)]
async fn line_88_a_bare_text_where_a_text_was_declared_is_that() {
    let executor = Executor::fixed(CValue::string("bare"));
    let (world, _provider) = serving(&text_type(), &CType::String, executor).await;
    assert_eq!(world.call("ml.Analyze").await, Ok(CValue::string("bare")));
}

#[tokio::test(start_paused = true)]
async fn line_89_an_error_and_an_empty_answer_fail_the_run_with_their_texts_and_nothing_else() {
    let failing = [
        (
            Executor::error("RUNTIME_ERROR", "no model"),
            "External module 'Analyze' failed: [RUNTIME_ERROR] no model",
        ),
        (
            Executor::new(|_| async { Ok(ExecuteResponse::default()) }),
            "External module 'Analyze' returned empty response",
        ),
    ];
    for (executor, text) in failing {
        let (world, provider) = serving(&text_type(), &text_type(), executor).await;
        for round in 1..=2 {
            let error = run(&world).await.unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
            assert_eq!(provider.executor.count(), round, "the next run is made as well");
        }
        assert_eq!(world.modules(), ["ml.Analyze"]);
    }
}

#[tokio::test(start_paused = true)]
async fn line_90_one_url_has_one_channel_and_another_url_another() {
    let world = World::start().await;
    let one = world.active("one", "", &["A", "B"]).await;
    let two = world.active("two", "", &["A"]).await;
    for module in ["one.A", "one.B", "one.A", "two.A", "two.A"] {
        world.call(module).await.unwrap();
    }
    let dials = |provider: &Provider| world.network.dials(&provider.url);
    assert_eq!((dials(&one), dials(&two)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn line_91_a_channel_closes_with_its_last_user_and_is_made_again_when_it_is_needed() {
    let world = World::start().await;
    let mut provider = world.active("ml", "", &["A"]).await;
    let mut uncalled = world.active("uncalled", "", &["A"]).await;
    let open = world.network.open_streams();
    world.call("ml.A").await.unwrap();
    assert_eq!(world.network.open_streams(), open + 2, "both ends of one channel");
    assert!(provider.deregister(&["A"]).await.success);
    settle().await;
    assert_eq!(world.network.open_streams(), open);
    assert!(
        uncalled.deregister(&["A"]).await.success,
        "which has no channel to close"
    );
    provider.register("ml", "", &["A"]).await;
    assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    assert_eq!(world.network.dials(&provider.url), 2);
}

#[tokio::test(start_paused = true)]
async fn line_92_a_module_is_specified_as_it_was_declared() {
    let (world, _provider) = serving(&CType::String, &text_type(), Executor::echo()).await;
    let spec = world.manager.module("ml.Analyze").unwrap();
    assert_eq!(&*spec.name, "ml.Analyze");
    assert_eq!(*spec.inputs, [("input".into(), CType::String)].into());
    assert_eq!(*spec.outputs(), [("text".into(), CType::String)].into());
    assert_eq!(&*spec.description, "What Analyze does");
    assert_eq!(&*spec.version, "2.0.0");
    let tags: BTreeSet<_> = spec.tags.iter().map(|it| &**it).collect();
    assert_eq!(tags, ["external", "provider"].into());
}

#[tokio::test(start_paused = true)]
async fn line_93_texts_and_records_survive_the_round_trip() {
    let record = CType::product([("text", CType::String), ("count", CType::Int)]);
    let (world, _provider) = serving(&record, &record, Executor::echo()).await;
    for words in ["", "hello", "\u{1F32A} \"quoted\"\n\0"] {
        let input = CValue::product([
            ("text", CValue::string(words)),
            ("count", CValue::Int(9_007_199_254_740_993)),
        ]);
        let output = world.manager.call(Call::new("ml.Analyze", input.clone())).await;
        assert_eq!(output, Ok(input));
    }
}
