//! Calls of providers' modules, and of the modules beside them. Spec: provider 2.12.

use std::collections::BTreeSet;

use squall_engine::{Call, Code, Engine, ModuleSpec, Outcome, SetError, module_fn};
use squall_grpc::unary::ReplyBody;
use squall_grpc::{Answer, Incoming, Service, Serving, serve_until};
use squall_platform::{Listener, Platform};
use squall_proto::provider::ExecuteResponse;
use squall_value::{CType, CValue, Limits};
use tonic::Status;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_provider_registers_and_is_called() {
    let world = World::start().await;
    let provider = world.active("ml", "", &["Analyze"]).await;
    assert_eq!(world.call("ml.Analyze").await, Ok(text("hello")));
    let asked = &provider.executor.asked()[0];
    assert_eq!(asked.module_name, "Analyze");
    let input = CValue::from_json(&asked.input_data, &Limits::default()).unwrap();
    assert_eq!(input, text("hello"));
}

#[tokio::test(start_paused = true)]
async fn every_call_has_an_execution_id_of_its_own_and_its_metadata() {
    let world = World::start().await;
    let provider = world.active("ml", "", &["Analyze"]).await;
    let mut call = Call::new("ml.Analyze", text("hello"));
    call.metadata.insert("tenant".to_owned(), "acme".to_owned());
    world.manager.call(call).await.unwrap();
    world.call("ml.Analyze").await.unwrap();
    let asked = provider.executor.asked();
    let ids: BTreeSet<_> = asked.iter().map(|it| it.execution_id.clone()).collect();
    assert_eq!(ids.len(), 2);
    assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");
    assert_eq!(asked[0].metadata["tenant"], "acme");
    assert!(asked[1].metadata.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_no_record_travels_in_the_field_input() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::fixed(CValue::Int(5))).await;
    let mut request = provider.request("ml", "", &[]);
    request.modules = vec![typed("Length", &CType::String, &CType::Int)];
    assert!(provider.try_register(request).await.success);

    let input = CValue::product([("input", CValue::string("hello"))]);
    let output = world.manager.call(Call::new("ml.Length", input.clone())).await;
    assert_eq!(output, Ok(CValue::Int(5)));
    let sent = CValue::from_json(&provider.executor.asked()[0].input_data, &Limits::default());
    assert_eq!(sent.unwrap(), input);
    let spec = world.manager.module("ml.Length").unwrap();
    assert_eq!(spec.inputs.keys().map(|it| &**it).collect::<Vec<_>>(), ["input"]);
}

#[tokio::test(start_paused = true)]
async fn an_input_of_another_type_is_refused_before_anybody_is_asked() {
    let world = World::start().await;
    let provider = world.active("ml", "", &["Analyze"]).await;
    let call = Call::new("ml.Analyze", CValue::product([("text", CValue::Int(1))]));
    let error = world.manager.call(call).await.unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::TypeError, Outcome::Failed));
    assert_eq!(
        &*error.message,
        "the input of 'ml.Analyze' is not as declared: text: expected String, found Int"
    );
    assert_eq!(provider.executor.count(), 0);
}

/// Registers a module that answers so, calls it, and gives the code, the outcome and the text.
async fn failing(executor: Executor) -> (Code, Outcome, String) {
    let world = World::start().await;
    let mut provider = Provider::start(&world, executor).await;
    provider.register("ml", "", &["Analyze"]).await;
    let error = world.call("ml.Analyze").await.unwrap_err();
    (error.code, error.outcome, error.message.to_string())
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_says_went_wrong_has_its_code_and_its_text() {
    let cases = [
        ("TYPE_ERROR", Code::TypeError, Outcome::Failed),
        ("RUNTIME_ERROR", Code::RuntimeError, Outcome::Failed),
        // Its handler was at work.
        ("TIMEOUT", Code::Timeout, Outcome::Unknown),
        ("MODULE_NOT_FOUND", Code::ModuleNotFound, Outcome::Failed),
        ("OUT_OF_CHEESE", Code::RuntimeError, Outcome::Failed),
    ];
    for (said, code, outcome) in cases {
        let text = format!("External module 'Analyze' failed: [{said}] no luck");
        let failed = failing(Executor::error(said, "no luck")).await;
        assert_eq!(failed, (code, outcome, text));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_none_may_have_happened() {
    let empty = || async { Ok(ExecuteResponse::default()) };
    assert_eq!(
        failing(Executor::new(move |_| empty())).await,
        (
            Code::Protocol,
            Outcome::Unknown,
            "External module 'Analyze' returned empty response".to_owned()
        )
    );
    let bytes = squall_proto::provider::execute_response::Result::OutputData("no JSON".into());
    let (code, outcome, text) = failing(Executor::raw(bytes)).await;
    assert_eq!((code, outcome), (Code::TypeError, Outcome::Unknown));
    assert!(text.starts_with("Deserialization error: "), "{text}");
    let (code, outcome, text) = failing(Executor::fixed(CValue::string("bare"))).await;
    assert_eq!((code, outcome), (Code::TypeError, Outcome::Unknown));
    assert_eq!(
        text,
        "the output of 'ml.Analyze' is not as declared: expected a record, found String"
    );
}

#[tokio::test(start_paused = true)]
async fn a_status_becomes_a_code() {
    let cases = [
        // They do not say whether the handler has begun.
        (Status::unavailable("busy"), Code::Unavailable, Outcome::Unknown),
        (
            Status::resource_exhausted("busy"),
            Code::Unavailable,
            Outcome::Unknown,
        ),
        (Status::aborted("oh"), Code::RuntimeError, Outcome::Unknown),
        (Status::deadline_exceeded("late"), Code::Timeout, Outcome::Unknown),
        (Status::cancelled("gone"), Code::Cancelled, Outcome::Unknown),
        (Status::not_found("who?"), Code::ModuleNotFound, Outcome::Failed),
        (
            Status::invalid_argument("what?"),
            Code::TypeError,
            Outcome::Failed,
        ),
        (Status::unimplemented("no"), Code::Protocol, Outcome::Failed),
        (Status::internal("oh"), Code::RuntimeError, Outcome::Failed),
        (Status::unknown("oh"), Code::RuntimeError, Outcome::Failed),
    ];
    for (status, code, outcome) in cases {
        let failed = failing(Executor::status(status.clone())).await;
        assert_eq!((failed.0, failed.1), (code, outcome), "{status:?}");
        assert!(
            failed.2.ends_with(&format!(": {}", status.message())),
            "{failed:?}"
        );
    }
    let (_, _, text) = failing(Executor::status(Status::unavailable("busy"))).await;
    assert_eq!(text, "UNAVAILABLE: busy");
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_at_its_deadline_and_not_before() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::slow(secs(60))).await;
    provider.register("ml", "", &["Analyze"]).await;
    for (timeout, expected) in [(None, secs(30)), (Some(ms(250)), ms(250))] {
        let mut call = Call::new("ml.Analyze", text("hello"));
        call.timeout = timeout;
        let begun = tokio::time::Instant::now();
        let error = world.manager.call(call).await.unwrap_err();
        assert_eq!((error.code, error.outcome), (Code::Timeout, Outcome::Unknown));
        let late = begun.elapsed() - expected;
        assert!(late <= ms(1), "{late:?}");
    }
    let info = &world.manager.providers()[0];
    assert_eq!(info.in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_member_is_told_how_long_it_is_waited_for_and_not_asked_when_that_is_over() {
    let world = World::start().await;
    let provider = world.active("ml", "", &["Analyze"]).await;
    for (timeout, told) in [(None, "30000000u"), (Some(ms(250)), "250000u")] {
        let mut call = Call::new("ml.Analyze", text("hello"));
        call.timeout = timeout;
        world.manager.call(call).await.unwrap();
        assert_eq!(provider.executor.timeouts().pop().as_deref(), Some(told));
    }
    let call = Call::new("ml.Analyze", text("hello")).timeout(ms(0));
    let error = world.manager.call(call).await.unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Timeout, Outcome::Failed));
    assert_eq!(provider.executor.count(), 2, "nobody waits for a third");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_gives_up_at_the_deadline_says_what_the_manager_says() {
    let world = World::start().await;
    let stopped = Executor::new(|_| async {
        tokio::time::sleep(secs(1)).await;
        Err(Status::deadline_exceeded("stopped"))
    });
    let mut provider = Provider::start(&world, stopped).await;
    provider.register("ml", "", &["Analyze"]).await;
    for (timeout, text_of_it) in [
        (secs(1), "module 'ml.Analyze' took longer than 1s"),
        (secs(2), "DEADLINE_EXCEEDED: stopped"),
    ] {
        let call = Call::new("ml.Analyze", text("hello")).timeout(timeout);
        let error = world.manager.call(call).await.unwrap_err();
        assert_eq!((error.code, error.outcome), (Code::Timeout, Outcome::Unknown));
        assert_eq!(&*error.message, text_of_it);
    }
}

#[tokio::test(start_paused = true)]
async fn modules_of_the_process_are_called_beside_those_of_providers() {
    let world = World::start().await;
    world.set_local("text.Echo");
    let _provider = world.active("ml", "", &["Analyze"]).await;
    assert_eq!(world.modules(), ["ml.Analyze", "text.Echo"]);
    assert_eq!(world.call("text.Echo").await, Ok(text("hello")));
    assert_eq!(world.call("ml.Analyze").await, Ok(text("hello")));
    let error = world.call("ml.Nobody").await.unwrap_err();
    assert_eq!(error.code, Code::ModuleNotFound);
    assert!(world.manager.remove_module("text.Echo"));
    assert_eq!(world.modules(), ["ml.Analyze"]);
    assert!(world.manager.pipelines().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_name_is_never_that_of_both() {
    let world = World::start().await;
    let _provider = world.active("ml", "", &["Analyze"]).await;
    let spec = ModuleSpec::new("ml.Analyze", &text_type(), text_type());
    let module = module_fn(spec, |input: CValue| async move { Ok(input) });
    let taken = world.manager.set_module(module);
    assert!(matches!(taken, Err(SetError::Taken { .. })), "{taken:?}");
    assert!(!world.manager.remove_module("ml.Analyze"), "it is the provider's");
}

#[tokio::test(start_paused = true)]
async fn a_module_is_known_as_it_was_declared() {
    let world = World::start().await;
    let _provider = world.active("ml", "", &["Analyze"]).await;
    let spec = world.manager.module("ml.Analyze").unwrap();
    assert_eq!(&*spec.description, "What Analyze does");
    assert!(spec.tags.iter().map(|it| &**it).eq(["external", "provider"]));
    assert_eq!(spec.output, text_type());
    assert_eq!(world.manager.module("ml.Other"), None);
}

/// A web server that has nothing.
#[derive(Clone)]
struct NotFound;

impl Service for NotFound {
    fn call(&self, _: http::Request<Incoming>) -> Answer {
        let mut response = http::Response::new(ReplyBody::default());
        *response.status_mut() = http::StatusCode::NOT_FOUND;
        Box::pin(std::future::ready(response))
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_speaks_no_grpc_is_no_executor() {
    let world = World::start().await;
    let host = world.network.host();
    let listener = host.bind(0).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let platform = host.clone();
    host.spawn(async move {
        let never = std::future::pending();
        serve_until(&platform, listener, Serving::default(), NotFound, never, ms(0)).await;
    });
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut request = provider.request("ml", "", &["A"]);
    request.executor_url = format!("localhost:{port}");
    assert!(provider.try_register(request).await.success);
    let error = world.call("ml.A").await.unwrap_err();
    assert_eq!((error.code, error.outcome), (Code::Protocol, Outcome::Unknown));
    assert!(error.message.contains("404"), "{error}");
}
