//! Migrations: lines 39 to 46, and 48.

use serde_json::{Value, json};
use squall_cluster::*;
use squall_machine::{Instance, State, Transition};

use crate::support::doors::{Door, behaving, door, doors};
use crate::support::*;

/// A door that was opened once.
fn opened(machine: &Door) -> Instance<u32, String> {
    let mut instance = machine.cast(0).unwrap().instance;
    instance.fire(&"open".to_owned()).unwrap();
    instance
}

/// A checkpoint of it, through JSON, without actors.
async fn checkpoint() -> Checkpoint {
    let checkpoint = capture::<_, _, Ask>(&opened(&door()), None).await.unwrap();
    let read = Checkpoint::from_json(&checkpoint.to_json().unwrap()).unwrap();
    assert_eq!(read, checkpoint);
    read
}

fn alone(checkpoint: &Checkpoint, target: &Door) -> Result<Restored<u32, String>, RestoreError> {
    restore::<_, _, Ask>(checkpoint, target, None)
}

/// The door with one more state, and a way there.
fn evolved() -> Door {
    let mut definition = door().definition().clone();
    let closed = definition
        .states
        .iter_mut()
        .find(|it| it.name == "closed")
        .unwrap();
    closed.transitions.push(Transition::on("lock").to("locked"));
    let locked = State::new("locked").with(Transition::on("unlock").to("closed"));
    definition.states.push(locked);
    behaving(Door::of(definition)).build().unwrap()
}

/// A machine that cannot be in the state `open`.
fn without_open() -> Door {
    let closed = State::new("closed").with(Transition::on("burn").to("ash"));
    let builder = Door::builder("door").initial("closed").state(closed);
    builder.state(State::new("ash").ends()).build().unwrap()
}

#[tokio::test(start_paused = true)]
async fn line_39_state_and_context_go_through_json_and_no_transition_runs_again() {
    let restored = alone(&checkpoint().await, &door()).unwrap();
    assert_eq!(
        (restored.instance.state(), *restored.instance.context()),
        ("open", 1)
    );
    assert!(restored.changes.is_empty() && restored.actors.is_empty());
    let (original, copy) = (opened(&door()), restored.instance);
    assert_eq!(copy.snapshot_json().unwrap(), original.snapshot_json().unwrap());
}

#[tokio::test(start_paused = true)]
async fn line_40_a_target_with_one_more_state_is_compatible() {
    let restored = alone(&checkpoint().await, &evolved()).unwrap();
    assert_eq!(restored.instance.state(), "open");
    assert!(!restored.changes.additive.is_empty());
}

#[tokio::test(start_paused = true)]
async fn line_41_a_target_without_a_state_is_incompatible() {
    let error = alone(&checkpoint().await, &without_open()).unwrap_err();
    let RestoreError::Incompatible { report } = &error else {
        panic!("{error}");
    };
    assert!(report.to_string().contains("open"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn line_42_a_corrupt_definition_is_an_error_of_its_own() {
    for corrupt in [
        json!("no"),
        json!({ "name": 3 }),
        json!({ "schemaVersion": "2.0", "name": "door" }),
    ] {
        let mut checkpoint = checkpoint().await;
        checkpoint.machine_ir = corrupt;
        assert!(matches!(
            alone(&checkpoint, &door()),
            Err(RestoreError::Definition(_))
        ));
    }
}

#[tokio::test(start_paused = true)]
async fn line_43_a_corrupt_snapshot_is_an_error() {
    let mut checkpoint = checkpoint().await;
    checkpoint.snapshot = json!([1]);
    assert!(matches!(
        alone(&checkpoint, &door()),
        Err(RestoreError::Snapshot(_))
    ));
    checkpoint.snapshot = json!({ "machine": "door", "current": "nowhere" });
    assert!(matches!(
        alone(&checkpoint, &door()),
        Err(RestoreError::Instance(_))
    ));
    assert!(Checkpoint::from_json(b"{").is_err());
}

#[tokio::test(start_paused = true)]
async fn line_44_a_corrupt_actor_is_an_error_and_nobody_is_started() {
    let shared = Shared::default();
    let target = doors("b", &door(), &shared);
    let good = json!({ "id": "a", "src": "door" });
    for corrupt in [
        json!("no"),
        json!({}),
        json!({ "id": "z", "src": "door" }),
        json!({ "id": "d", "src": "door", "child": { "machine": "other", "current": "x" } }),
        json!({ "id": "d", "src": "nobody" }),
        json!({ "id": "d", "src": "door", "mailbox": ["open"] }),
        json!({ "id": "d", "src": "door", "children": [3] }),
    ] {
        let mut checkpoint = checkpoint().await;
        checkpoint.actors = [("a".to_owned(), good.clone()), ("d".to_owned(), corrupt)].into();
        let error = restore(&checkpoint, &door(), Some(&target)).unwrap_err();
        let named = match &error {
            RestoreError::Actor { id, .. } | RestoreError::Spawn { id, .. } => id,
            _ => panic!("{error}"),
        };
        assert_eq!(named, "d", "{error}");
        settled().await;
        assert_eq!(target.running(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn line_45_the_parts_of_a_checkpoint_are_json_in_the_known_form() {
    let shared = Shared::default();
    let source = doors("a", &door(), &shared);
    let start = input(json!({ "opened": 6 })).unwrap();
    let spec = SpawnSpec::new("door", "d").input(start).system_id("front");
    source.spawn_spec(spec).await.unwrap();
    settled().await;
    let checkpoint = capture(&opened(&door()), Some(&source)).await.unwrap();
    let json: Value = serde_json::from_slice(&checkpoint.to_json().unwrap()).unwrap();
    assert_eq!(json["snapshot"]["current"], "open");
    assert_eq!(json["machineIR"]["name"], "door");
    let snapshot = json!({
        "machine": "door", "current": "closed", "configuration": ["closed"], "context": 6,
        "status": 0, "pending": {}, "snapshotVersion": 1000,
    });
    let actor = json!({
        "id": "d", "src": "door", "systemId": "front", "input": { "opened": 6 },
        "child": snapshot, "resumed": false, "done": false,
    });
    assert_eq!(json["actors"], json!({ "d": actor }));
    // None, where there are none.
    let alone = capture::<_, _, Ask>(&opened(&door()), None).await.unwrap();
    let json: Value = serde_json::from_slice(&alone.to_json().unwrap()).unwrap();
    assert!(json.get("actors").is_none());
}

#[tokio::test(start_paused = true)]
async fn line_46_running_actors_go_on_at_the_target_with_their_families() {
    let shared = Shared::default();
    let source = doors("a", &door(), &shared);
    for id in ["burnt", "gate", "other"] {
        source.spawn_local("door", id, None).await.unwrap();
    }
    for id in ["burnt", "gate", "wicket"] {
        source.deliver_by_id(id, "open".to_owned()).await.unwrap();
    }
    source.deliver_by_id("burnt", "burn".to_owned()).await.unwrap();
    settled().await;
    let checkpoint = capture(&opened(&door()), Some(&source)).await.unwrap();
    source.shut_down();
    shared.take();

    let target = doors("b", &door(), &shared);
    let restored = restore(&checkpoint, &door(), Some(&target)).unwrap();
    let names: Vec<_> = restored.actors.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["gate@b", "wicket@b", "other@b"]);
    settled().await;
    // Nothing is performed again.
    assert_eq!((target.running(), shared.take()), (3, vec![]));
    let wicket = target.status("wicket").unwrap();
    assert_eq!(
        (wicket.parent.as_deref(), target.status("gate").unwrap().children),
        (Some("gate"), vec!["wicket".to_owned()])
    );
    // The wicket is open, as it was, and its parent still hears of it.
    target.deliver_by_id("wicket", "burn".to_owned()).await.unwrap();
    settled().await;
    target.deliver_by_id("gate", "open".to_owned()).await.unwrap();
    assert_eq!(shared.take()[..2], ["gate: say null", "gate: ring 1"]);
}

#[tokio::test(start_paused = true)]
async fn line_48_an_instance_with_an_actor_moves_to_an_evolved_machine() {
    let shared = Shared::default();
    let source = doors("a", &door(), &shared);
    source.spawn_local("door", "d", None).await.unwrap();
    source.deliver_by_id("d", "open".to_owned()).await.unwrap();
    let checkpoint = capture(&opened(&door()), Some(&source)).await.unwrap();
    let evolved = evolved();
    let target = doors("b", &evolved, &shared);
    let restored = restore(&checkpoint, &evolved, Some(&target)).unwrap();
    assert_eq!(
        (restored.instance.state(), *restored.instance.context()),
        ("open", 1)
    );
    assert_eq!(
        target.deliver(&restored.actors[0], "close".to_owned()).await,
        Ok(handled())
    );
}

#[tokio::test(start_paused = true)]
async fn a_capture_refuses_what_is_not_at_rest_and_names_it() {
    let (a, shared) = node("a");
    for id in ["v", "w"] {
        a.spawn_local("worker", id, None).await.unwrap();
    }
    let mut held = Box::pin(a.deliver_by_id("w", Ask::Hold));
    assert!(is_waiting(&mut held).await);
    let mut behind = Box::pin(a.deliver_by_id("w", Ask::Add(1)));
    assert!(is_waiting(&mut behind).await);
    let error = capture(&opened(&door()), Some(&a)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "actor 'w' has 2 unhandled messages: wait until there are none"
    );
    shared.gate.notify_one();
    behind.await.unwrap();
    // A capture harms nobody, and can be repeated.
    for _ in 0..2 {
        let checkpoint = capture(&opened(&door()), Some(&a)).await.unwrap();
        assert_eq!(checkpoint.actors["w"]["child"], json!(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_capture_during_which_something_happens_is_refused() {
    let (a, _) = node("a");
    for id in ["v", "w"] {
        a.spawn_local("worker", id, None).await.unwrap();
    }
    settled().await;
    let instance = opened(&door());
    let spawn = Ask::Spawn(SpawnSpec::new("worker", "x"));
    for ask in [Ask::Add(1), spawn, Ask::Finish] {
        let (captured, answer) = tokio::join!(capture(&instance, Some(&a)), a.deliver_by_id("v", ask));
        assert_eq!(answer, Ok(handled()));
        assert!(
            matches!(captured, Err(CaptureError::Changed { .. })),
            "{captured:?}"
        );
    }
    assert!(capture(&instance, Some(&a)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_carried_and_not_begun_anew() {
    let shared = Shared::default();
    let source = doors("a", &door(), &shared);
    source.spawn_local("door", "d", None).await.unwrap();
    source.deliver_by_id("d", "open".to_owned()).await.unwrap();
    tokio::time::sleep(ms(700)).await;
    let checkpoint = capture(&opened(&door()), Some(&source)).await.unwrap();
    let timers = &checkpoint.actors["d"]["child"]["timers"];
    // The wall clock of these tests stands still.
    assert_eq!(
        timers,
        &json!([{ "id": "door:open:after:3", "dueUnixNano": 300_000_000, "event": "swing" }])
    );
    let target = doors("b", &door(), &shared);
    restore(&checkpoint, &door(), Some(&target)).unwrap();
    let is_closed = || async { target.deliver_by_id("d", "open".to_owned()).await == Ok(handled()) };
    tokio::time::sleep(ms(290)).await;
    assert!(!is_closed().await);
    tokio::time::sleep(ms(20)).await;
    assert!(is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn actors_need_a_system_and_free_ids() {
    let shared = Shared::default();
    let source = doors("a", &door(), &shared);
    source.spawn_local("door", "d", None).await.unwrap();
    settled().await;
    let checkpoint = capture(&opened(&door()), Some(&source)).await.unwrap();
    let error = alone(&checkpoint, &door()).unwrap_err();
    assert!(matches!(error, RestoreError::NoSystem { id } if id == "d"));
    // The source itself still has it.
    let error = restore(&checkpoint, &door(), Some(&source)).unwrap_err();
    assert!(matches!(
        error,
        RestoreError::Spawn {
            error: Error::Conflict { .. },
            ..
        }
    ));
    assert_eq!(source.running(), 1);
}
