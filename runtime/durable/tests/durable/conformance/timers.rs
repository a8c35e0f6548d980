//! Timers: D35 to D50.

use std::sync::Arc;

use squall_durable::{EntryKind, Envelope, MemStore, Record, Runner, Store};
use squall_machine::{Machine, Retain, State, Timers, Timestamp, Transition};

use crate::support::*;

/// What an instance that was never durable is after the timers of a paid order, one by one.
fn reference(timers_fired: usize) -> String {
    let mut instance = live();
    let mut timers = Timers::new();
    for event in ["add", "pay"] {
        let fired = instance.fire(&event.to_owned()).unwrap();
        timers.apply(&fired.timers, Timestamp(0));
    }
    for _ in 0..timers_fired {
        let due = timers.next().unwrap();
        timers.tick(&mut instance, due);
    }
    json(&instance)
}

#[tokio::test]
async fn d35_and_d37_and_d38_timers_fire_by_their_deadlines_whatever_clock_recovers_them() {
    for every in [0, 1, 2] {
        for (name, store) in stores().await {
            let clock = Clock::at(100);
            let run = runner(&store, &clock).checkpoint_every(every);
            let mut handle = run.start("a", Order::default()).await.unwrap();
            fire(&mut handle, "add").await;
            fire(&mut handle, "pay").await;
            assert_eq!(handle.next_deadline(), Some(Timestamp(110_000_000_000)));
            drop(handle);

            // Due while nobody was there.
            clock.set(112);
            let mut handle = run.recover("a").await.unwrap();
            assert_eq!(handle.tick().await.unwrap().steps.len(), 1);
            assert_eq!(json(handle.instance()), reference(1), "{name}, every {every}");
            assert_eq!(handle.next_deadline(), Some(Timestamp(117_000_000_000)));
            drop(handle);

            let far = Clock::at(1_000_000);
            let recovered = runner(&store, &far).recover("a").await.unwrap();
            assert_eq!(json(recovered.instance()), reference(1), "{name}, every {every}");
            drop(recovered);
            let mut handle = run.recover("a").await.unwrap();
            clock.set(117);
            handle.tick().await.unwrap();
            assert_eq!(json(handle.instance()), reference(2), "{name}, every {every}");
        }
    }
}

#[tokio::test]
async fn d36_and_d39_and_d40_the_clock_is_read_only_when_timers_need_it_and_every_reading_is_recorded() {
    let (_, store) = stores().await.remove(0);
    let clock = Clock::at(100);
    let runner = runner(&store, &clock);
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    fire(&mut handle, "add").await;
    assert_eq!(clock.reads(), 0);
    fire(&mut handle, "pay").await;
    clock.set(111);
    handle.tick().await.unwrap();
    assert_eq!(clock.reads(), 2);
    let recorded: Vec<Vec<i64>> = store
        .load("a")
        .await
        .unwrap()
        .tail
        .iter()
        .map(|it| clocks(it))
        .collect();
    assert_eq!(recorded, [vec![], vec![100], vec![111]]);
}

fn clocks(record: &Record) -> Vec<i64> {
    let readings = record
        .entries
        .iter()
        .filter(|entry| entry.kind == EntryKind::ClockRead);
    readings
        .map(|entry| entry.clock_unix_nano / 1_000_000_000)
        .collect()
}

#[tokio::test]
async fn a_tick_takes_a_step_and_one_for_each_timer() {
    let (_, store) = stores().await.remove(1);
    let clock = Clock::at(100);
    let runner = runner(&store, &clock);
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    fire(&mut handle, "pay").await;
    handle.tick().await.unwrap();
    clock.set(200);
    handle.tick().await.unwrap();
    fire(&mut handle, "cancel").await;
    let tail = store.load("a").await.unwrap().tail;
    let steps: Vec<_> = tail.iter().map(|it| (it.step, it.tick, it.tick_steps)).collect();
    assert_eq!(steps, [(0, false, 0), (1, true, 0), (2, true, 1), (4, false, 0)]);
}

#[tokio::test]
async fn d41_and_d45_to_d49_a_timer_of_before_a_checkpoint_fires_once_after_recovery() {
    for every in [1, 2, 3] {
        for (name, store) in stores().await {
            let clock = Clock::at(0);
            let run = runner(&store, &clock).checkpoint_every(every);
            let mut handle = run.start("a", Order::default()).await.unwrap();
            fire(&mut handle, "add").await;
            fire(&mut handle, "pay").await;
            // Armed before a checkpoint, fired by a record after it: replaying must have it.
            for (now, fired) in [(10, 1), (15, 2), (35, 3)] {
                clock.set(now);
                handle.tick().await.unwrap();
                handle.tick().await.unwrap();
                for _ in 0..2 {
                    let recovered = run.recover("a").await.unwrap();
                    assert_eq!(
                        json(recovered.instance()),
                        reference(fired),
                        "{name}, every {every}"
                    );
                    assert_eq!(recovered.next_deadline(), handle.next_deadline());
                }
                handle = run.recover("a").await.unwrap();
            }
            assert!(handle.instance().is_done());
        }
    }
}

#[tokio::test]
async fn timers_of_the_initial_state_are_armed_and_kept() {
    let machine = Machine::<u32, String>::builder("m")
        .initial("waiting")
        .state(
            State::new("waiting")
                .with(Transition::after(std::time::Duration::from_secs(5), &"late".to_owned()).to("over")),
        )
        .state(State::new("over").ends())
        .build()
        .unwrap();
    for (name, store) in stores().await {
        let clock = Clock::at(100);
        let read = clock.clone();
        let runner = Runner::new(machine.clone(), store, move || read.read());
        drop(runner.start("a", 0).await.unwrap());
        clock.set(104);
        let mut handle = runner.recover("a").await.unwrap();
        assert_eq!(handle.next_deadline(), Some(Timestamp(105_000_000_000)), "{name}");
        assert!(handle.tick().await.unwrap().steps.is_empty());
        clock.set(105);
        handle.tick().await.unwrap();
        assert_eq!(handle.instance().state(), "over");
        assert!(runner.recover("a").await.unwrap().instance().is_done());
    }
}

#[tokio::test]
async fn d50_an_envelope_has_the_timers_and_a_bare_snapshot_is_one_without() {
    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    let clock = Clock::at(100);
    let runner = runner(&store, &clock).checkpoint_every(1);
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    let baseline = store.load("a").await.unwrap().checkpoint.unwrap();
    let bare = String::from_utf8(live().snapshot_json().unwrap()).unwrap();
    assert!(
        baseline
            .state
            .starts_with(&format!("{{\"snapshot\":{bare},\"effects\""))
    );

    fire(&mut handle, "pay").await;
    let state = store.load("a").await.unwrap().checkpoint.unwrap().state;
    let timers = r#","timers":[{"id":"order:paid:after:0","dueUnixNano":110000000000,"event":"pack"}]}"#;
    assert!(state.ends_with(timers), "{state}");
    let envelope = Envelope::from_json(&state).unwrap();
    assert_eq!(envelope.to_json().unwrap(), state);

    let read = Envelope::from_json(&bare).unwrap();
    assert_eq!((read.timers.len(), &*read.snapshot.current), (0, "cart"));
    assert!(Envelope::from_json("5").is_err());
    // A timer's event that is none of the machine's is found when it is recovered.
    let broken = state.replace("\"event\":\"pack\"", "\"event\":{}");
    let checkpoint = squall_durable::Checkpoint::baseline(broken);
    store.checkpoint("b", checkpoint).await.unwrap();
    let error = runner.recover("b").await.err().unwrap().to_string();
    assert!(error.contains("its timers cannot be read"), "{error}");
}

#[tokio::test]
async fn timers_of_one_deadline_fire_in_the_same_order_after_recovery() {
    let timer =
        |name: &str| Transition::after(std::time::Duration::from_secs(1), &name.to_owned()).assign("note");
    let machine = Machine::<Vec<String>, String>::builder("m")
        .initial("a")
        .state(
            State::new("a")
                .with(timer("x"))
                .with(timer("y"))
                .child(State::new("b").with(timer("z"))),
        )
        .assign("note", |it: &mut Vec<String>, event: Option<&String>| {
            it.extend(event.cloned());
        })
        .build()
        .unwrap();
    let cast = machine.cast_with(vec![], Retain::All).unwrap();
    let (mut instance, mut timers) = (cast.instance, Timers::new());
    timers.apply(&cast.timers, Timestamp(0));
    timers.tick(&mut instance, Timestamp(1_000_000_000));

    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    let clock = Clock::at(0);
    let read = clock.clone();
    let runner = Runner::new(machine, store, move || read.read());
    drop(runner.start("a", vec![]).await.unwrap());
    clock.set(1);
    let mut handle = runner.recover("a").await.unwrap();
    handle.tick().await.unwrap();
    assert_eq!(handle.instance().context(), instance.context());
    assert_eq!(
        runner.recover("a").await.unwrap().instance().context(),
        instance.context()
    );
}
