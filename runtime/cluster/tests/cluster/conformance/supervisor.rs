//! Decisions: lines 20 to 24.

use std::sync::{Arc, Mutex};

use squall_cluster::*;

use crate::support::*;

/// Escalations that were passed on.
#[derive(Clone, Default)]
pub(super) struct Sink(Arc<Mutex<Vec<Escalation>>>);

impl Sink {
    pub(super) fn hear(&self) -> impl Fn(&Escalation) + Send + Sync + 'static {
        let list = Arc::clone(&self.0);
        move |escalation| list.lock().unwrap().push(escalation.clone())
    }

    pub(super) fn causes(&self) -> Vec<String> {
        let list = self.0.lock().unwrap();
        list.iter()
            .map(|it| format!("{}: {}", it.actor.id, it.cause))
            .collect()
    }
}

/// What a supervisor has done, in short.
pub(super) fn log(supervisor: &Supervisor) -> Vec<String> {
    let handled = supervisor.handled();
    handled
        .iter()
        .map(|it| format!("{} {} {}: {}", it.actor_id, it.src, it.decision, it.cause))
        .collect()
}

/// A node with this supervisor, and one actor.
pub(super) async fn supervised(settings: SupervisorBuilder) -> (System<Ask>, Shared, Supervisor) {
    let (a, shared) = node("a");
    let supervisor = settings.build();
    supervisor.attach(&a);
    a.spawn_local("worker", "w", None).await.unwrap();
    (a, shared, supervisor)
}

pub(super) fn settings() -> SupervisorBuilder {
    Supervisor::builder(platform())
}

#[test]
fn line_20_decisions_have_names() {
    use Decision::*;
    let names = [Escalate, Stop, Restart, Backoff].map(|it| it.to_string());
    assert_eq!(names, ["escalate", "stop", "restart", "backoff"]);
    assert_eq!(Decision::default(), Escalate);
}

#[test]
fn line_21_a_decision_is_the_behaviours_else_the_default_else_escalate() {
    let own = settings().decision("worker", Decision::Stop);
    let none = own.build();
    assert_eq!(none.decision_for("worker"), Decision::Stop);
    assert_eq!(none.decision_for("other"), Decision::Escalate);
    let default = settings()
        .default_decision(Decision::Stop)
        .decision("worker", Decision::Stop)
        .restart("worker", 1)
        .build();
    assert_eq!(default.decision_for("worker"), Decision::Restart);
    assert_eq!(default.decision_for("other"), Decision::Stop);
}

#[tokio::test(start_paused = true)]
async fn line_22_escalate_passes_a_failure_on_once_with_its_cause() {
    let sink = Sink::default();
    let (a, _, supervisor) = supervised(settings().sink(sink.hear())).await;
    assert_eq!(a.deliver_by_id("w", fail()).await, Ok(failed("boom")));
    assert_eq!(sink.causes(), ["w: boom"]);
    assert_eq!(log(&supervisor), ["w worker escalate: boom"]);
    let last = a.last_escalation().unwrap();
    assert_eq!(last.to_string(), "actor 'w' (worker) has failed: boom");
    assert_eq!((a.running(), life(&a, "w")), (0, Life::Failed("boom".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn line_23_stop_passes_nothing_on() {
    let sink = Sink::default();
    let stop = settings().sink(sink.hear()).decision("worker", Decision::Stop);
    let (a, _, supervisor) = supervised(stop).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    assert_eq!(sink.causes(), [""; 0]);
    assert_eq!(
        (a.running(), log(&supervisor)),
        (0, vec!["w worker stop: boom".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn line_24_escalate_without_a_sink_is_safe_and_logged() {
    let (a, _, supervisor) = supervised(settings()).await;
    a.deliver_by_id("w", fail()).await.unwrap();
    assert_eq!(log(&supervisor), ["w worker escalate: boom"]);
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_panics_harms_nobody_else() {
    let (a, _, _) = supervised(settings().sink(|_| panic!("no"))).await;
    assert_eq!(a.deliver_by_id("w", fail()).await, Ok(failed("boom")));
    a.spawn_local("worker", "w", None).await.unwrap();
    assert_eq!(a.deliver_by_id("w", Ask::Add(1)).await, Ok(handled()));
}

#[tokio::test(start_paused = true)]
async fn the_log_of_failures_is_bounded() {
    let (a, _, supervisor) = supervised(settings().handled_limit(2).restart("worker", 9)).await;
    for why in ["one", "two", "three"] {
        a.deliver_by_id("w", Ask::Fail(why.to_owned())).await.unwrap();
    }
    assert_eq!(
        log(&supervisor),
        ["w worker restart: two", "w worker restart: three"]
    );
}
