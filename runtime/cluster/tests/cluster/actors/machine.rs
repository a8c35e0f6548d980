//! State machines as actors.

use squall_cluster::*;

use crate::support::doors::{door, doors};
use crate::support::*;

async fn tell(system: &System<String>, id: &str, event: &str) -> Delivered {
    system.deliver_by_id(id, event.to_owned()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_machine_steps_and_its_effects_are_performed() {
    let shared = Shared::default();
    let a = doors("a", &door(), &shared);
    a.spawn_local("door", "d", input(serde_json::json!({ "opened": 4 })))
        .await
        .unwrap();
    assert_eq!(tell(&a, "d", "open").await, handled());
    assert_eq!(shared.take(), ["d: say null", "d: ring 4"]);
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_transition_is_rejected_and_kills_nobody() {
    let shared = Shared::default();
    let a = doors("a", &door(), &shared);
    a.spawn_local("door", "d", None).await.unwrap();
    for event in ["close", "unknown", ""] {
        let why = format!("state \"closed\" has no transition for event {event:?}");
        assert_eq!(
            tell(&a, "d", event).await,
            Delivered::to_actor(Outcome::Rejected(why))
        );
    }
    assert_eq!((tell(&a, "d", "open").await, a.running()), (handled(), 1));
}

#[tokio::test(start_paused = true)]
async fn a_step_whose_action_fails_is_a_failure_of_the_actor() {
    let shared = Shared::default();
    let a = doors("a", &door(), &shared);
    a.spawn_local("door", "d", None).await.unwrap();
    tell(&a, "d", "open").await;
    assert_eq!(
        tell(&a, "d", "jam").await,
        failed("action \"jam\" failed: it is stuck")
    );
    assert_eq!(a.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_final_state_completes_the_actor_with_its_context_and_tells_its_parent() {
    let shared = Shared::default();
    let a = doors("a", &door(), &shared);
    a.spawn_local("door", "gate", None).await.unwrap();
    tell(&a, "gate", "open").await;
    tell(&a, "wicket", "open").await;
    tell(&a, "wicket", "burn").await;
    settled().await;
    assert_eq!(a.status("wicket").unwrap().life, Life::Done(1.into()));
    // The gate has closed with that, and can be opened again.
    shared.take();
    tell(&a, "gate", "open").await;
    assert_eq!(shared.take()[0], "gate: ring 1");
}

#[tokio::test(start_paused = true)]
async fn timers_of_a_machine_fire_by_the_clock_and_are_cancelled_with_their_state() {
    let shared = Shared::default();
    let a = doors("a", &door(), &shared);
    a.spawn_local("door", "d", None).await.unwrap();
    tell(&a, "d", "open").await;
    tokio::time::sleep(ms(990)).await;
    assert!(matches!(
        tell(&a, "d", "open").await.outcome,
        Some(Outcome::Rejected(_))
    ));
    tokio::time::sleep(ms(20)).await;
    // It has closed, which counted.
    tell(&a, "d", "open").await;
    tell(&a, "d", "close").await;
    tell(&a, "d", "open").await;
    assert_eq!(
        shared.take(),
        [
            "d: say null",
            "d: ring 0",
            "d: say null",
            "d: ring 2",
            "d: say null",
            "d: ring 3"
        ]
    );
    tokio::time::sleep(ms(990)).await;
    assert!(matches!(
        tell(&a, "d", "open").await.outcome,
        Some(Outcome::Rejected(_))
    ));
}

/// Always wants to be woken at once.
#[derive(Default)]
struct Restless {
    wakes: u64,
}

#[async_trait]
impl Actor<Ask> for Restless {
    async fn handle(&mut self, _: Ask, _: &mut Context<'_, Ask>) -> Result<Next, BoxError> {
        Ok(Next::Done(self.wakes.into()))
    }

    fn wake_at(&self) -> Option<tokio::time::Instant> {
        Some(tokio::time::Instant::now())
    }

    async fn woken(&mut self, _: &mut Context<'_, Ask>) -> Result<Next, BoxError> {
        self.wakes += 1;
        Ok(Next::Handled)
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_is_always_due_does_not_stop_time() {
    let shared = Shared::default();
    let a = builder("a", &shared)
        .behaviour("restless", |_| Ok(Restless::default()))
        .build();
    a.spawn_local("restless", "w", None).await.unwrap();
    tokio::time::sleep(ms(100)).await;
    assert_eq!(a.deliver_by_id("w", Ask::Nothing).await, Ok(handled()));
    let Life::Done(wakes) = life(&a, "w") else {
        panic!("it has completed");
    };
    assert!((50..=101).contains(&wakes.as_u64().unwrap()), "{wakes}");
    tokio::time::sleep(ms(100)).await;
    assert_eq!(a.running(), 0);
}
