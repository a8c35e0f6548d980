//! Actors that send to actors.

use squall_cluster::*;

use crate::support::*;

async fn both(a: &System<Ask>, b: &System<Ask>) {
    a.spawn_local("worker", "v", None).await.unwrap();
    b.spawn_local("worker", "w", None).await.unwrap();
    settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_circle_of_sends_does_not_wait_for_itself() {
    let (a, shared) = node("a");
    both(&a, &a).await;
    shared.take();
    let circle = send("w", send("v", send("w", Ask::Add(1))));
    assert_eq!(a.deliver_by_id("v", circle).await, Ok(handled()));
    settled().await;
    assert_eq!(shared.take(), ["w +1 = 1"]);
    // An actor that sends to itself has its message behind the others.
    a.deliver_by_id("v", send("v", Ask::Add(1))).await.unwrap();
    settled().await;
    assert_eq!(shared.take(), ["v +1 = 1"]);
}

#[tokio::test(start_paused = true)]
async fn nor_does_one_across_nodes() {
    let (a, b, shared, _) = pair();
    both(&a, &b).await;
    shared.take();
    let (v, w) = (ActorRef::on("a", "v"), ActorRef::on("b", "w"));
    let back = Ask::SendTo(v, Box::new(Ask::SendTo(w.clone(), Box::new(Ask::Add(1)))));
    a.deliver_by_id("v", Ask::SendTo(w, Box::new(back)))
        .await
        .unwrap();
    settled().await;
    assert_eq!(shared.take(), ["w +1 = 1"]);
}

#[tokio::test(start_paused = true)]
async fn sends_to_one_actor_of_another_node_arrive_in_order_and_without_waiting() {
    let (a, b, shared, _) = pair();
    both(&a, &b).await;
    shared.take();
    let to = |event| Ask::SendTo(ActorRef::on("b", "w"), Box::new(event));
    for event in [Ask::Hold, Ask::Add(1), Ask::Add(2), Ask::Add(4)] {
        assert_eq!(a.deliver_by_id("v", to(event)).await, Ok(handled()));
    }
    settled().await;
    assert_eq!(shared.take(), ["w holds"]);
    shared.gate.notify_one();
    settled().await;
    assert_eq!(shared.take(), ["w goes on", "w +1 = 1", "w +2 = 3", "w +4 = 7"]);
}

#[tokio::test(start_paused = true)]
async fn a_sender_is_told_of_a_full_mailbox_here_and_there() {
    let (shared, transport) = (Shared::default(), std::sync::Arc::new(InMemoryTransport::new()));
    let make = |name| {
        let it = builder(name, &shared).mailbox_limit(1);
        it.transport(std::sync::Arc::clone(&transport) as _).build()
    };
    let (a, b) = (make("a"), make("b"));
    transport.register("b", b.downgrade());
    both(&a, &b).await;
    a.spawn_local("worker", "u", None).await.unwrap();
    settled().await;
    shared.take();
    for event in [Ask::Hold, Ask::Add(1), Ask::Add(2)] {
        a.deliver_by_id("v", send("u", event)).await.unwrap();
        settled().await;
    }
    assert_eq!(
        shared.take(),
        [
            "u holds",
            "v: the mailbox of actor 'u' is full: it takes 1 messages"
        ]
    );
    let to = |event| Ask::SendTo(ActorRef::on("b", "w"), Box::new(event));
    for event in [Ask::Hold, Ask::Add(1), Ask::Add(2)] {
        a.deliver_by_id("v", to(event)).await.unwrap();
        settled().await;
    }
    assert_eq!(
        shared.take(),
        [
            "w holds",
            "v: the mailbox of actor 'w' is full: it takes 1 messages"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_goes_to_the_sender_and_a_forwarded_message_keeps_it() {
    let (a, shared) = node("a");
    both(&a, &a).await;
    a.spawn_local("worker", "x", None).await.unwrap();
    settled().await;
    shared.take();
    let respond = Ask::Respond(Box::new(Ask::Add(1)));
    a.deliver_by_id("v", send("w", respond.clone())).await.unwrap();
    settled().await;
    assert_eq!(shared.take(), ["v +1 = 1"]);
    let forward = Ask::Forward(ActorRef::local("x"), Box::new(respond.clone()));
    a.deliver_by_id("v", send("w", forward)).await.unwrap();
    settled().await;
    assert_eq!(shared.take(), ["v +1 = 2"]);
    // A caller of the system is no actor, and has no mailbox.
    a.deliver_by_id("w", respond).await.unwrap();
    assert_eq!(shared.take(), ["w reaches nobody"]);
}

#[tokio::test(start_paused = true)]
async fn a_send_says_whether_somebody_is_there() {
    let (a, shared) = node("a");
    both(&a, &a).await;
    shared.take();
    a.deliver_by_id("v", send("nobody", Ask::Add(1))).await.unwrap();
    a.deliver_by_id("v", Ask::Parent(Box::new(Ask::Add(1))))
        .await
        .unwrap();
    a.deliver_by_id("w", Ask::Finish).await.unwrap();
    a.deliver_by_id("v", send("w", Ask::Add(1))).await.unwrap();
    let far = Ask::SendTo(ActorRef::on("b", "w"), Box::new(Ask::Add(1)));
    a.deliver_by_id("v", far).await.unwrap();
    let lines = [
        "v reaches nobody",
        "v reaches nobody",
        "v reaches nobody",
        "v: no transport to node 'b': give the system one, or use a reference of its own node",
    ];
    assert_eq!(shared.take(), lines);
}

/// Sends to itself without end.
struct Busy;

#[async_trait]
impl Actor<Ask> for Busy {
    async fn handle(&mut self, _: Ask, context: &mut Context<'_, Ask>) -> Result<Next, BoxError> {
        let me = context.reference();
        context.send(&me, Ask::Nothing)?;
        Ok(Next::Handled)
    }
}

#[tokio::test]
async fn an_actor_that_is_never_idle_does_not_keep_others_from_running() {
    let shared = Shared::default();
    let a = builder("a", &shared).behaviour("busy", |_| Ok(Busy)).build();
    a.spawn_local("busy", "v", None).await.unwrap();
    a.deliver_by_id("v", Ask::Nothing).await.unwrap();
    a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(handled()));
    assert!(a.stop(&ActorRef::local("v")));
}
