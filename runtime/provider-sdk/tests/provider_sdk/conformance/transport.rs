//! Lines 142 to 145: what is on the wire.

use squall_proto::provider::primitive_type::Kind;
use squall_proto::provider::type_schema::Type;
use squall_proto::provider::{
    DeregisterRequest, ModuleDeclaration, PrimitiveType, RecordType, RegisterRequest, TypeSchema,
};
use squall_provider_sdk::{ConnectError, StartError, State};
use tonic::Status;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn line_142_requests_arrive_whole_and_answers_come_back() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    let port = running.executor_addr().unwrap().port();
    let text = TypeSchema {
        r#type: Some(Type::Primitive(PrimitiveType {
            kind: Kind::String.into(),
        })),
    };
    let record = TypeSchema {
        r#type: Some(Type::Record(RecordType {
            fields: [("text".to_owned(), text)].into(),
        })),
    };
    let sent = RegisterRequest {
        namespace: "ml".to_owned(),
        modules: vec![ModuleDeclaration {
            name: "Echo".to_owned(),
            input_schema: Some(record.clone()),
            output_schema: Some(record),
            version: String::new(),
            description: String::new(),
        }],
        protocol_version: 1,
        executor_url: format!("provider:{port}"),
        group_id: String::new(),
    };
    assert_eq!(manager.registrations(), [sent]);
    running.stop().await;
    let sent = DeregisterRequest {
        namespace: "ml".to_owned(),
        module_names: vec!["Echo".to_owned()],
        connection_id: "connection-1".to_owned(),
    };
    assert_eq!(manager.deregistrations(), [sent]);
}

#[tokio::test(start_paused = true)]
async fn line_143_an_error_of_register_is_passed_on_and_one_of_deregister_is_not_in_the_way() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    manager.fail(Status::unavailable("starting up"));
    let error = provider(&host, &[&manager]).build().unwrap().start().await.err();
    let Some(StartError::Connect { error, .. }) = error else {
        panic!("{error:?}");
    };
    assert!(matches!(error, ConnectError::Status { .. }));
    assert_eq!(error.to_string(), "Register: UNAVAILABLE: starting up");
    assert!(error.may_be_retried());

    manager.fail_deregister(Status::unavailable("shutting down"));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    running.stop().await;
    assert_eq!(running.status()[0].state, State::Disconnected);
}

#[tokio::test(start_paused = true)]
async fn line_144_heartbeats_have_the_wall_clock_and_their_acks_keep_the_connection() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    tokio::time::sleep(ms(60_500)).await;
    let beats = manager.seen().into_iter().filter_map(|it| match it {
        Seen::Heartbeat {
            connection,
            timestamp,
        } => Some((connection, timestamp)),
        _ => None,
    });
    let beats: Vec<_> = beats.collect();
    assert_eq!(beats.len(), 13, "one at once, and one every five seconds");
    assert!(beats.iter().all(|(connection, _)| connection == "connection-1"));
    let epoch = i64::try_from(EPOCH_MS).unwrap();
    let sent: Vec<_> = beats.iter().map(|(_, at)| (at - epoch) / 1000).collect();
    assert_eq!(sent, (0..=60).step_by(5).collect::<Vec<_>>());
    assert_eq!(
        running.status()[0].state,
        State::Active,
        "four times the ack timeout"
    );
}

#[tokio::test(start_paused = true)]
async fn line_145_closing_what_is_closed_is_safe() {
    let network = Network::default();
    let (manager, host) = (Manager::start(&network).await, Host::new(&network));
    let running = provider(&host, &[&manager])
        .build()
        .unwrap()
        .start()
        .await
        .unwrap();
    soon().await;
    manager.end(None);
    running.stop().await;
    drop(running);
    soon().await;
    assert_eq!(host.tasks(), 0);
}
