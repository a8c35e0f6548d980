//! A node and its references: lines 1 to 6.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use squall_cluster::*;

use crate::support::*;

/// Records calls, and answers them all alike.
struct Recorder {
    calls: Mutex<Vec<(ActorRef, Bytes, CallOptions)>>,
    answer: Result<Delivered, Error>,
}

impl Recorder {
    fn new(answer: Result<Delivered, Error>) -> Arc<Self> {
        let calls = Mutex::default();
        Arc::new(Recorder { calls, answer })
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn deliver(&self, to: &ActorRef, event: Bytes, options: &CallOptions) -> Result<Delivered, Error> {
        self.calls
            .lock()
            .unwrap()
            .push((to.clone(), event, options.clone()));
        self.answer.clone()
    }

    async fn spawn(
        &self,
        node: &str,
        _: &str,
        _: &str,
        _: Option<Bytes>,
        _: &CallOptions,
    ) -> Result<ActorRef, Error> {
        Err(Error::NodeUnreachable {
            node: node.to_owned(),
        })
    }
}

#[tokio::test(start_paused = true)]
async fn line_01_a_reference_without_a_node_is_local() {
    let (a, _) = node("a");
    assert_eq!((a.node(), a.running()), ("a", 0));
    a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(a.running(), 1);
    let to = ActorRef::local("w");
    assert!(a.owns(&to));
    assert_eq!(a.deliver(&to, Ask::Add(1)).await, Ok(handled()));
    assert_eq!(
        a.deliver(&ActorRef::local("x"), Ask::Add(1)).await,
        Ok(Delivered::NOBODY)
    );
}

#[tokio::test(start_paused = true)]
async fn line_02_a_reference_with_the_own_node_is_local() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "w", None).await.unwrap();
    let to = ActorRef::on("a", "w");
    assert!(a.owns(&to) && !a.owns(&ActorRef::on("b", "w")));
    assert_eq!(a.deliver(&to, Ask::Add(2)).await, Ok(handled()));
    assert_eq!(shared.take(), ["w starts with 0", "w +2 = 2"]);
}

#[tokio::test(start_paused = true)]
async fn line_03_a_remote_reference_without_a_transport_is_an_error() {
    let (a, shared) = node("a");
    // An actor of that id here is not meant.
    a.spawn_local("worker", "w", None).await.unwrap();
    let error = Error::NoTransport { node: "b".to_owned() };
    assert_eq!(a.deliver(&ActorRef::on("b", "w"), Ask::Add(1)).await, Err(error));
    settled().await;
    assert_eq!(shared.take(), ["w starts with 0"]);
}

#[tokio::test(start_paused = true)]
async fn line_04_a_remote_reference_is_one_call_of_the_transport_with_the_same_reference_and_event() {
    let shared = Shared::default();
    let recorder = Recorder::new(Ok(Delivered::to_actor(None)));
    let a = builder("a", &shared)
        .transport(Arc::clone(&recorder) as _)
        .build();
    let to = ActorRef {
        system_id: "well-known".to_owned(),
        src: "worker".to_owned(),
        ..ActorRef::on("b", "w")
    };
    let options = CallOptions {
        timeout: Some(ms(50)),
        message_id: Some("m-1".to_owned()),
    };
    let answer = a.deliver_with(&to, Ask::Add(3), &options).await;
    assert_eq!(answer, Ok(Delivered::to_actor(None)));
    let calls = std::mem::take(&mut *recorder.calls.lock().unwrap());
    assert_eq!(calls, [(to.clone(), Bytes::from(r#"{"Add":3}"#), options)]);

    // What cannot be encoded is not sent.
    let error = a.deliver(&to, Ask::Secret).await.unwrap_err();
    assert!(
        matches!(&error, Error::BadPayload { id, .. } if id == "w"),
        "{error}"
    );
    assert!(recorder.calls.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_05_an_error_of_the_transport_comes_back_as_it_is() {
    let shared = Shared::default();
    let error = Error::Remote {
        node: "b".to_owned(),
        code: 2,
        message: "did not".to_owned(),
    };
    let recorder = Recorder::new(Err(error.clone()));
    let a = builder("a", &shared).transport(recorder).build();
    assert_eq!(a.deliver(&ActorRef::on("b", "w"), Ask::Add(1)).await, Err(error));
}

#[tokio::test(start_paused = true)]
async fn line_06_local_actors_are_reached_by_id_and_only_local_ones_are_stopped() {
    let (a, _) = node("a");
    let reference = a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(a.actors().len(), 1);
    assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(handled()));
    assert_eq!(a.deliver_by_id("x", Ask::Add(1)).await, Ok(Delivered::NOBODY));
    assert!(!a.stop(&ActorRef::on("b", "w")));
    assert_eq!(a.running(), 1);
    assert!(a.stop(&reference));
    assert_eq!((a.running(), a.status("w")), (0, None));
    assert!(!a.stop(&reference));
}
