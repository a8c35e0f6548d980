//! Children: they end with their parents, and say how they ended where that was asked for.

use squall_cluster::*;

use crate::support::*;

fn child(id: &str) -> SpawnSpec {
    SpawnSpec::new("worker", id)
}

/// `top` with the child `mid`, which has the child `leaf`.
async fn family(a: &System<Ask>) {
    a.spawn_local("worker", "top", None).await.unwrap();
    a.deliver_by_id("top", Ask::Spawn(child("mid"))).await.unwrap();
    a.deliver_by_id("mid", Ask::Spawn(child("leaf"))).await.unwrap();
    assert_eq!(a.running(), 3);
}

#[tokio::test(start_paused = true)]
async fn children_are_stopped_with_their_parent_however_it_ends() {
    for (end, left) in [(Ask::Finish, 1), (fail(), 1), (Ask::StopSelf, 0)] {
        let (a, _) = node("a");
        family(&a).await;
        a.deliver_by_id("top", end).await.unwrap();
        settled().await;
        assert_eq!((a.running(), a.actors().len()), (0, left));
    }
    let (a, _) = node("a");
    family(&a).await;
    assert!(a.stop(&ActorRef::local("mid")));
    settled().await;
    let left = a.actors();
    assert_eq!((left.len(), &*left[0].reference.id), (1, "top"));
    assert_eq!(left[0].children, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_parent_hears_of_ends_by_the_routes_that_it_gave() {
    let (a, shared) = node("a");
    a.spawn_local("worker", "top", None).await.unwrap();
    for spec in [
        child("done").on_done("d"),
        child("failed").on_done("d").on_error("e"),
        child("silent"),
    ] {
        a.deliver_by_id("top", Ask::Spawn(spec)).await.unwrap();
    }
    settled().await;
    shared.take();
    for (id, event) in [("done", Ask::Finish), ("failed", fail()), ("silent", Ask::Finish)] {
        a.deliver_by_id(id, event).await.unwrap();
        settled().await;
    }
    let lines = [r#"top: d done Ok(Number(0))"#, r#"top: e failed Err("boom")"#];
    assert_eq!(shared.take(), lines);
    // A failure that a parent hears of is no supervisor's.
    assert!(a.last_escalation().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_failure_without_a_route_escalates_and_names_the_parent() {
    let (a, _) = node("a");
    family(&a).await;
    a.deliver_by_id("mid", fail()).await.unwrap();
    let escalation = a.last_escalation().unwrap();
    assert_eq!(
        (&*escalation.actor.id, escalation.parent.as_deref()),
        ("mid", Some("top"))
    );
    assert_eq!(a.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_child_speaks_to_its_parent() {
    let (a, shared) = node("a");
    family(&a).await;
    settled().await;
    shared.take();
    a.deliver_by_id("mid", Ask::Parent(Box::new(Ask::Add(1))))
        .await
        .unwrap();
    settled().await;
    assert_eq!(shared.take(), ["top +1 = 1"]);
}

#[tokio::test(start_paused = true)]
async fn an_actor_whose_child_cannot_start_fails_unless_it_takes_the_error() {
    let (a, _) = node("a");
    a.spawn_local("worker", "top", None).await.unwrap();
    let answer = a
        .deliver_by_id("top", Ask::Spawn(SpawnSpec::new("nobody", "x")))
        .await;
    let why = "actor 'x' cannot be spawned on node 'a': it has no behaviour 'nobody'";
    assert_eq!(answer, Ok(failed(why)));
}

#[tokio::test(start_paused = true)]
async fn an_ended_child_that_others_spawn_anew_is_no_longer_its_parents() {
    let (a, _) = node("a");
    a.spawn_local("worker", "top", None).await.unwrap();
    a.deliver_by_id("top", Ask::Spawn(child("x").system_id("named")))
        .await
        .unwrap();
    a.deliver_by_id("x", Ask::Finish).await.unwrap();
    a.spawn_local("worker", "x", None).await.unwrap();
    assert_eq!(
        (a.status("top").unwrap().children, a.named("named")),
        (vec![], None)
    );
    a.deliver_by_id("top", Ask::Finish).await.unwrap();
    assert_eq!(life(&a, "x"), Life::Running);
}

/// Waits for the gate, and then has a child.
struct Late(Shared);

#[async_trait]
impl Actor<Ask> for Late {
    async fn handle(&mut self, _: Ask, context: &mut Context<'_, Ask>) -> Result<Next, BoxError> {
        self.0.gate.notified().await;
        let spawned = context.spawn(child("x")).await;
        self.0.say(spawned.unwrap_err().to_string());
        Ok(Next::Handled)
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_was_stopped_has_no_more_children() {
    let shared = Shared::default();
    let late = shared.clone();
    let a = builder("a", &shared)
        .behaviour("late", move |_| Ok(Late(late.clone())))
        .build();
    let top = a.spawn_local("late", "top", None).await.unwrap();
    let mut held = Box::pin(a.deliver(&top, Ask::Nothing));
    assert!(is_waiting(&mut held).await);
    a.stop(&top);
    shared.gate.notify_one();
    held.await.unwrap();
    settled().await;
    let why = "actor 'x' did not start from 'worker' on node 'a': its parent does not run";
    assert_eq!((a.actors(), shared.take()), (vec![], vec![why.to_owned()]));
    let mut orphan = child("x");
    orphan.parent = Some("nobody".to_owned());
    assert!(a.spawn_spec(orphan).await.is_err());
}
