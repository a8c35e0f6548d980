//! Lines 60 and 117 to 129: one connection.

use squall_provider_sdk::{CType, Config, ConnectError, Limits, Module, Provider, StartError, State};
use tonic::{Code, Status};

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_60_the_group_is_sent_and_is_empty_when_there_is_none() {
    assert_eq!(Config::default().group, None);
    let network = Network::default();
    for (group, sent) in [(Some("ml-pool"), "ml-pool"), (None, "")] {
        let (manager, host) = (Manager::start(&network).await, Host::new(&network));
        let config = Config {
            group: group.map(str::to_owned),
            ..config()
        };
        let provider = provider(&host, &[&manager]).config(config).build().unwrap();
        let _running = provider.start().await.unwrap();
        assert_eq!(manager.registrations()[0].group_id, sent);
    }
}

#[tokio::test(start_paused = true)]
async fn line_117_it_starts_disconnected_not_healthy_and_without_an_identifier() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    manager.refuse_control(Some(Status::unavailable("not now")));
    let provider = provider(&host, &[&manager]).build().unwrap();
    let handle = provider.handle();
    assert!(handle.status().is_empty(), "there is not even an instance");
    provider
        .start()
        .await
        .err()
        .expect("the control plane is refused");
    let status = &handle.status()[0];
    assert_eq!((status.state, &status.connection), (State::Disconnected, &None));
    assert!(!status.state.is_healthy());
}

#[tokio::test(start_paused = true)]
async fn line_118_119_success_is_active_by_one_register_and_the_identifier_is_kept() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    let status = &running.status()[0];
    assert!(status.state.is_healthy());
    assert_eq!(status.connection.as_deref(), Some("connection-1"));
    let registrations = manager.registrations();
    assert_eq!(registrations.len(), 1);
    assert_eq!(registrations[0].namespace, "ml");
    assert!(!registrations[0].executor_url.is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_120_a_rejection_fails_and_says_what_was_rejected_and_why() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    manager.reject("Namespace 'ml' is reserved");
    let provider = provider(&host, &[&manager])
        .module(echo("Other"))
        .build()
        .unwrap();
    let handle = provider.handle();
    let error = provider.start().await.err().expect("it is rejected");
    let told = "Registration failed: Echo: Namespace 'ml' is reserved, Other: Namespace 'ml' is reserved";
    assert_eq!(error.to_string(), format!("{}: {told}", manager.address()));
    let status = &handle.status()[0];
    assert_eq!((status.state, &status.connection), (State::Disconnected, &None));
}

#[tokio::test(start_paused = true)]
async fn line_121_a_transport_error_on_register_is_passed_on() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    manager.fail(Status::unavailable("out for lunch"));
    let provider = provider(&host, &[&manager]).build().unwrap();
    let handle = provider.handle();
    let Err(StartError::Connect { error, .. }) = provider.start().await else {
        panic!("it fails to connect");
    };
    let ConnectError::Status { status, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unavailable, "out for lunch")
    );
    assert_eq!(handle.status()[0].state, State::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn line_122_connecting_while_active_registers_no_second_time() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    assert!(running.connect(&manager.address()));
    soon().await;
    assert_eq!(manager.registrations().len(), 1);
    assert_eq!(running.status()[0].state, State::Active);
}

#[tokio::test(start_paused = true)]
async fn line_123_124_disconnecting_deregisters_once_with_the_identifier_and_again_does_nothing() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    running.stop().await;
    let deregistrations = manager.deregistrations();
    assert_eq!(deregistrations.len(), 1);
    assert_eq!(deregistrations[0].connection_id, "connection-1");
    assert_eq!(deregistrations[0].namespace, "ml");
    assert_eq!(deregistrations[0].module_names, ["Echo"]);
    let status = &running.status()[0];
    assert_eq!((status.state, &status.connection), (State::Disconnected, &None));
    let before = manager.seen();
    running.stop().await;
    soon().await;
    assert_eq!(manager.seen(), before);
}

#[tokio::test(start_paused = true)]
async fn line_125_an_error_of_deregister_is_swallowed() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    manager.fail_deregister(Status::internal("never heard of it"));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    running.stop().await;
    assert_eq!(manager.deregistrations().len(), 1);
    assert_eq!(running.status()[0].state, State::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn line_126_all_modules_are_declared_with_version_1_of_the_protocol() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let provider = provider(&host, &[&manager]).modules([echo("B"), echo("A")]);
    let _running = provider.build().unwrap().start().await.unwrap();
    let registration = &manager.registrations()[0];
    let names: Vec<_> = registration.modules.iter().map(|it| &*it.name).collect();
    assert_eq!(names, ["Echo", "B", "A"]);
    assert_eq!(registration.protocol_version, 1);
}

#[tokio::test(start_paused = true)]
async fn line_127_the_executor_url_is_the_executors_host_and_port_whoever_the_manager_is() {
    assert_eq!(Config::default().executor_host, "localhost");
    let network = Network::default();
    let (a, b) = (Manager::start(&network).await, Manager::start(&network).await);
    let host = Host::new(&network);
    let config = Config {
        executor_port: 9091,
        executor_host: "ml.example".to_owned(),
        ..config()
    };
    let running = provider(&host, &[&a, &b])
        .config(config)
        .build()
        .unwrap()
        .start()
        .await;
    let _running = running.unwrap();
    assert_eq!([a.executor(), b.executor()], ["ml.example:9091"; 2]);
}

#[tokio::test(start_paused = true)]
async fn line_128_replacing_modules_changes_the_list_and_leaves_the_state_active() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    running.replace_modules(vec![says("Echo", "new")]).await.unwrap();
    soon().await;
    assert_eq!(running.status()[0].state, State::Active);
    assert_eq!(manager.registrations().len(), 1, "names and types are the same");
    assert_eq!(say(&host, &manager.executor(), "Echo", "x").await.unwrap(), "new");
}

#[tokio::test]
async fn line_129_a_module_keeps_its_fields_and_its_schemas_are_of_the_same_types() {
    let input = CType::product([("items", CType::list(CType::optional(CType::Int)))]);
    let output = CType::map(CType::String, CType::Float);
    let module = Module::new("Analyze", input.clone(), output.clone(), |it, _| async { Ok(it) })
        .version("1.0.0")
        .description("of sentiments");
    assert_eq!(
        (&**module.name(), module.input(), module.output()),
        ("Analyze", &input, &output)
    );
    assert_eq!(module.qualified("data.ml"), "data.ml.Analyze");
    let declared = module.declaration();
    let texts = [&declared.name, &declared.version, &declared.description];
    assert_eq!(texts, ["Analyze", "1.0.0", "of sentiments"]);
    let limits = Limits::default();
    let back = |schema: Option<_>| CType::from_schema(&schema.unwrap(), &limits).unwrap();
    assert_eq!(back(declared.input_schema), input);
    assert_eq!(back(declared.output_schema), output);
    let provider = Provider::builder(squall_platform::TokioPlatform::loopback(), "ml").module(module);
    let kept = provider.build().unwrap().handle().modules();
    assert_eq!((&**kept[0].name(), kept[0].input()), ("Analyze", &input));
}
