//! Registration, deregistration, and what the manager hands on to the engine that it wraps.

use std::collections::BTreeSet;

use squall_engine::{Engine, ModuleSpec, module_fn};
use squall_proto::provider::RegisterResponse;
use squall_provider::State;
use squall_value::{CType, CValue};

use crate::support::*;

/// A manager at which a provider has asked for these modules of `ml`.
async fn asked(modules: &[&str]) -> (World, Provider, RegisterResponse) {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let request = provider.request("ml", "", modules);
    let response = provider.try_register(request).await;
    (world, provider, response)
}

/// A manager with one module, `ml.Shaped`, of these types.
async fn shaped(input: &CType, output: &CType) -> (World, Provider) {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut request = provider.request("ml", "", &[]);
    request.modules = vec![typed("Shaped", input, output)];
    assert!(provider.try_register(request).await.success);
    (world, provider)
}

/// What the manager knows the inputs and the output of `ml.Shaped` to be.
fn shape(world: &World) -> (CType, CType) {
    let spec = world.manager.module("ml.Shaped").unwrap();
    (CType::Product(spec.inputs.clone()), spec.output.clone())
}

#[tokio::test(start_paused = true)]
async fn line_01_a_request_of_one_module_succeeds_and_its_short_name_comes_back() {
    let (_world, _provider, response) = asked(&["Analyze"]).await;
    assert!(response.success);
    assert_eq!(response.results.len(), 1);
    assert!(response.results[0].accepted);
    assert_eq!(response.results[0].module_name, "Analyze");
    assert_eq!(response.results[0].rejection_reason, "");
}

#[tokio::test(start_paused = true)]
async fn line_02_it_is_listed_under_its_qualified_name() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    assert!(world.modules().is_empty());
    provider.register("data.text", "", &["Analyze"]).await;
    assert_eq!(world.modules(), ["data.text.Analyze"]);
}

#[tokio::test(start_paused = true)]
async fn line_03_it_is_found_under_its_qualified_name_and_under_no_other() {
    let (world, _provider, _response) = asked(&["Analyze"]).await;
    assert_eq!(&*world.manager.module("ml.Analyze").unwrap().name, "ml.Analyze");
    assert_eq!(world.manager.module("Analyze"), None);
}

#[tokio::test(start_paused = true)]
async fn line_04_two_modules_of_one_request_are_both_accepted_and_both_there() {
    let (world, _provider, response) = asked(&["B", "A"]).await;
    let names: Vec<_> = response.results.iter().map(|it| &*it.module_name).collect();
    assert_eq!(names, ["B", "A"]);
    assert!(response.results.iter().all(|it| it.accepted));
    assert_eq!(world.modules(), ["ml.A", "ml.B"]);
}

#[tokio::test(start_paused = true)]
async fn line_05_three_modules_of_differing_types_are_all_accepted_and_found() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut request = provider.request("ml", "", &[]);
    request.modules = vec![
        typed("A", &text_type(), &CType::Int),
        typed("B", &CType::list(CType::Float), &text_type()),
        typed("C", &CType::Boolean, &CType::optional(CType::String)),
    ];
    let response = provider.try_register(request).await;
    assert!(response.success && response.results.iter().all(|it| it.accepted));
    let output = |name: &str| world.manager.module(name).unwrap().output.clone();
    assert_eq!(output("ml.A"), CType::Int);
    assert_eq!(output("ml.B"), text_type());
    assert_eq!(output("ml.C"), CType::optional(CType::String));
}

#[tokio::test(start_paused = true)]
async fn line_06_a_request_in_a_reserved_namespace_does_not_succeed() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let request = provider.request("stdlib", "", &["Analyze"]);
    let response = provider.try_register(request).await;
    assert!(!response.success);
    assert!(!response.results[0].accepted);
    assert!(world.modules().is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_07_the_answer_is_of_protocol_version_1_whatever_was_asked_for() {
    for version in [0, 1, 9] {
        let world = World::start().await;
        let mut provider = Provider::start(&world, Executor::echo()).await;
        let mut request = provider.request("ml", "", &["Analyze"]);
        request.protocol_version = version;
        let response = provider.try_register(request).await;
        assert!(response.success);
        assert_eq!(response.protocol_version, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn line_08_the_answer_has_a_connection_id_of_the_servers_own_each_time() {
    let world = World::start().await;
    let a = world.active("a", "", &["A"]).await;
    let b = world.active("b", "", &["A"]).await;
    assert_eq!(a.connection.len(), 36, "a UUID");
    assert_ne!(a.connection, b.connection);
}

#[tokio::test(start_paused = true)]
async fn line_09_the_connection_is_tracked_with_exactly_its_modules() {
    let (world, _provider, response) = asked(&["B", "A"]).await;
    let info = world.provider(&response.connection_id).expect("it is tracked");
    assert_eq!(&*info.namespace, "ml");
    assert_eq!(info.state, State::Registered);
    assert_eq!(info.modules, ["ml.A".into(), "ml.B".into()]);
}

/// Asks for one module, with one thing wrong, and gives the reason; nothing is kept of the request.
async fn reason(url: &str, name: &str) -> String {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let mut request = provider.request("ml", "", &[name]);
    request.executor_url = url.to_owned();
    let response = provider.try_register(request).await;
    assert!(!response.success && !response.results[0].accepted);
    assert!(world.manager.providers().is_empty());
    response.results[0].rejection_reason.clone()
}

#[tokio::test(start_paused = true)]
async fn line_10_an_empty_executor_url_is_rejected_by_its_name() {
    assert_eq!(reason("", "Analyze").await, "executor_url cannot be empty");
}

#[tokio::test(start_paused = true)]
async fn line_11_an_executor_url_with_a_scheme_is_rejected() {
    assert_eq!(
        reason("http://localhost:9091", "Analyze").await,
        "executor_url must be host:port format, not a URL with scheme: http://localhost:9091"
    );
}

#[tokio::test(start_paused = true)]
async fn line_12_a_module_name_with_a_space_is_rejected() {
    assert_eq!(
        reason("localhost:9091", "Bad name").await,
        "Module name must contain only alphanumeric characters and underscores"
    );
}

#[tokio::test(start_paused = true)]
async fn line_13_and_14_the_fields_of_declared_records_are_the_inputs_and_the_outputs() {
    let input = CType::product([("text", CType::String), ("count", CType::Int)]);
    let output = CType::product([("score", CType::Float), ("ok", CType::Boolean)]);
    let (world, _provider) = shaped(&input, &output).await;
    assert_eq!(shape(&world), (input, output.clone()));
    let spec = world.manager.module("ml.Shaped").unwrap();
    assert_eq!(CType::Product(spec.outputs()), output);
}

#[tokio::test(start_paused = true)]
async fn line_15_lists_maps_optional_values_and_records_in_fields_are_the_matching_types() {
    let fields = [
        ("list", CType::list(CType::Int)),
        ("map", CType::map(CType::String, CType::Float)),
        ("maybe", CType::optional(CType::Boolean)),
        ("record", CType::product([("inner", CType::String)])),
    ];
    let record = CType::product(fields);
    let (world, _provider) = shaped(&record, &record).await;
    assert_eq!(shape(&world), (record.clone(), record));
}

#[tokio::test(start_paused = true)]
async fn line_16_what_is_declared_as_no_record_is_a_field_called_input_or_output() {
    let (world, _provider) = shaped(&CType::String, &CType::Int).await;
    let spec = world.manager.module("ml.Shaped").unwrap();
    assert_eq!(*spec.inputs, [("input".into(), CType::String)].into());
    assert_eq!(*spec.outputs(), [("output".into(), CType::Int)].into());
}

#[tokio::test(start_paused = true)]
async fn line_17_a_record_with_a_list_of_nothing_is_an_invalid_input_schema() {
    use squall_proto::provider::type_schema::Type;
    use squall_proto::provider::{ListType, RecordType, TypeSchema};

    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let list = Type::List(Box::new(ListType { element_type: None }));
    let list = TypeSchema { r#type: Some(list) };
    let record = RecordType {
        fields: [("items".to_owned(), list)].into(),
    };
    let mut request = provider.request("ml", "", &["Analyze"]);
    request.modules[0].input_schema = Some(TypeSchema {
        r#type: Some(Type::Record(record)),
    });
    let response = provider.try_register(request).await;
    assert!(!response.success);
    assert_eq!(
        response.results[0].rejection_reason,
        "Invalid input schema: ListType missing element_type"
    );
}

#[tokio::test(start_paused = true)]
async fn line_18_deeply_nested_types_are_kept_exactly() {
    // Thirty levels, of the 32 that there may be.
    let deep = (0..7).fold(text_type(), |inner, _| {
        CType::product([("a", CType::map(CType::Int, CType::optional(CType::list(inner))))])
    });
    let (world, _provider) = shaped(&deep, &deep).await;
    assert_eq!(shape(&world), (deep.clone(), deep));
}

#[tokio::test(start_paused = true)]
async fn line_19_the_owner_deregisters_its_module_which_is_gone_then() {
    let (world, mut provider, _response) = asked(&["Analyze"]).await;
    let response = provider.deregister(&["Analyze"]).await;
    assert!(response.success);
    assert_eq!(response.results.len(), 1);
    assert!(response.results[0].removed);
    assert_eq!(response.results[0].error, "");
    assert_eq!(world.manager.module("ml.Analyze"), None);
    assert!(world.modules().is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_20_another_connection_deregisters_nothing() {
    let (world, mut provider, _response) = asked(&["Analyze"]).await;
    let own = std::mem::replace(&mut provider.connection, "another".to_owned());
    let response = provider.deregister(&["Analyze"]).await;
    assert!(!response.success && !response.results[0].removed);
    assert_eq!(response.results[0].error, "wrong namespace owner");
    assert_eq!(world.modules(), ["ml.Analyze"]);
    provider.connection = own;
    assert!(provider.deregister(&["Analyze"]).await.success);
}

#[tokio::test(start_paused = true)]
async fn line_21_what_nobody_has_is_not_found() {
    let (world, mut provider, _response) = asked(&["Analyze"]).await;
    provider.namespace = "nobodys".to_owned();
    let response = provider.deregister(&["Unknown"]).await;
    assert!(!response.success && !response.results[0].removed);
    assert_eq!(response.results[0].error, "not found");
    assert_eq!(world.modules(), ["ml.Analyze"]);
}

#[tokio::test(start_paused = true)]
async fn line_22_the_last_module_takes_the_connection_with_it_and_no_module_before() {
    let (world, mut provider, _response) = asked(&["A", "B"]).await;
    assert!(provider.deregister(&["A"]).await.success);
    assert_eq!(world.manager.providers()[0].modules, ["ml.B".into()]);
    assert!(provider.deregister(&["B"]).await.success);
    assert!(world.manager.providers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_23_and_24_a_connection_that_ends_takes_its_own_modules_and_no_others() {
    let world = World::start().await;
    let mut leaver = world.active("ml", "", &["A", "B"]).await;
    let stayer = world.active("other", "", &["A"]).await;
    leaver.control.take().unwrap().close().await;
    assert_eq!(world.modules(), ["other.A"]);
    assert!(world.provider(&leaver.connection).is_none());
    assert!(world.provider(&stayer.connection).is_some());
    assert_eq!(world.call("other.A").await, Ok(text("hello")));
}

#[tokio::test(start_paused = true)]
async fn line_25_what_is_not_about_providers_is_the_wrapped_engines() {
    let world = World::start().await;
    assert!(world.modules().is_empty());
    let spec = ModuleSpec::new("core.Echo", &text_type(), text_type());
    let module = module_fn(spec.clone(), |input: CValue| async move { Ok(input) });
    world.manager.set_module(module).unwrap();
    assert_eq!(world.manager.module("core.Echo").as_deref(), Some(&spec));
    assert_eq!(world.manager.module("core.Other"), None);
    assert_eq!(world.call("core.Echo").await, Ok(text("hello")));
    assert!(world.manager.pipelines().is_some());
    assert!(world.manager.remove_module("core.Echo"));
    assert!(world.modules().is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_26_to_28_a_declared_module_has_namespace_names_and_parameters() {
    let input = CType::product([("a", CType::Int), ("b", CType::Int), ("c", CType::Int)]);
    let (world, _provider) = shaped(&input, &text_type()).await;
    let spec = world.manager.module("ml.Shaped").unwrap();
    assert_eq!((spec.namespace(), spec.short_name()), (Some("ml"), "Shaped"));
    assert_eq!(&*spec.name, "ml.Shaped");
    assert_eq!(spec.output, text_type());
    let names: BTreeSet<_> = spec.inputs.keys().map(|it| &**it).collect();
    assert_eq!(names, ["a", "b", "c"].into());
    let (world, _provider) = shaped(&CType::Float, &CType::Float).await;
    let spec = world.manager.module("ml.Shaped").unwrap();
    assert!(spec.inputs.keys().map(|it| &**it).eq(["input"]));
}
