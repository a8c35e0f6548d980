//! A panic is an error of its actor or of its spawn, and of nothing else.

use squall_cluster::*;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_behaviour_is_an_error_of_the_spawn() {
    let (a, _) = node("a");
    let error = a.spawn_wire("panics", "w", None).await.unwrap_err();
    let text = "actor 'w' did not start from 'panics' on node 'a': panicked: not like this";
    assert_eq!(error.to_string(), text);
    assert_eq!(a.actors(), []);
    // The id is free.
    assert!(a.spawn_local("worker", "w", None).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_a_step_is_a_failure_of_the_actor() {
    let (a, _) = node("a");
    for id in ["v", "w"] {
        a.spawn_local("worker", id, None).await.unwrap();
    }
    let answer = a.deliver_by_id("w", Ask::Panic("no".to_owned())).await;
    assert_eq!(answer, Ok(failed("panicked: no")));
    assert_eq!(life(&a, "w"), Life::Failed("panicked: no".to_owned()));
    let cause = a.last_escalation().unwrap().cause;
    assert!(cause.downcast_ref::<Panicked>().is_some());
    assert_eq!(
        (a.running(), a.deliver_by_id("v", Ask::Add(1)).await),
        (1, Ok(handled()))
    );
}

/// Panics whenever it can.
#[derive(Default)]
struct Panicky;

#[async_trait]
impl Actor<Ask> for Panicky {
    async fn started(&mut self, context: &mut Context<'_, Ask>) -> Result<(), BoxError> {
        match context.id() {
            "at the start" => panic!("at the start"),
            "fails" => Err("at the start".into()),
            _ => Ok(()),
        }
    }

    async fn handle(&mut self, _: Ask, _: &mut Context<'_, Ask>) -> Result<Next, BoxError> {
        Ok(Next::Done(1.into()))
    }
}

impl Drop for Panicky {
    fn drop(&mut self) {
        panic!("at the end");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_the_first_event_or_after_the_last_is_no_others() {
    let shared = Shared::default();
    let a = builder("a", &shared)
        .behaviour("panicky", |_| Ok(Panicky))
        .build();
    for (id, cause) in [
        ("at the start", "panicked: at the start"),
        ("fails", "at the start"),
    ] {
        a.spawn_local("panicky", id, None).await.unwrap();
        settled().await;
        assert_eq!(life(&a, id), Life::Failed(cause.to_owned()));
    }
    a.spawn_local("panicky", "w", None).await.unwrap();
    assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(handled()));
    settled().await;
    // Its task has ended: another one can follow.
    a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(handled()));
}

/// An event whose decoding panics.
#[derive(Default, serde::Serialize)]
struct Trap;

impl<'de> serde::Deserialize<'de> for Trap {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("trap");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_decoding_is_a_bad_payload() {
    let system: System<Trap> = System::builder(platform(), "a").build();
    let error = system
        .deliver_wire(&ActorRef::local("w"), "{}".into(), None)
        .await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "bad payload for actor 'w': panicked: trap"
    );
}
