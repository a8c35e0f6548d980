//! Recording and recovery: D16, D24 to D34.

use std::sync::Arc;

use squall_durable::file::Options;
use squall_durable::{Checkpoint, MemStore, Record, RunError, Runner, Store, StoreError};
use squall_machine::{Codec, CodecError, Timestamp};

use crate::disk::{Dice, MemDisk};
use crate::support::*;

const LINEAR: [&str; 4] = ["add", "add", "add", "pay"];
const BRANCH: [&str; 2] = ["add", "cancel"];

#[tokio::test]
async fn d24_and_d25_what_is_recovered_is_what_was_never_durable() {
    for events in [&LINEAR[..], &BRANCH[..]] {
        for every in [0, 1, 2] {
            for (name, store) in stores().await {
                let runner = runner(&store, &Clock::at(7)).checkpoint_every(every);
                let mut handle = runner.start("a", Order::default()).await.unwrap();
                for event in events {
                    fire(&mut handle, event).await;
                }
                drop(handle);
                let recovered = runner.recover("a").await.unwrap();
                assert_eq!(
                    json(recovered.instance()),
                    live_after(events),
                    "{name}, every {every}"
                );
                assert_eq!(recovered.next_step(), events.len() as i64);
            }
        }
    }
}

#[tokio::test]
async fn d16_what_is_recovered_from_files_after_a_crash_is_what_was_never_durable() {
    for seed in 0..20 {
        let disk = MemDisk::default();
        let store: Arc<dyn Store> = Arc::new(open(&disk, Options::default()).await);
        let ran = runner(&store, &Clock::at(7)).checkpoint_every(2);
        let mut handle = ran.start("a", Order::default()).await.unwrap();
        for event in LINEAR {
            fire(&mut handle, event).await;
        }
        drop((handle, ran, store));
        disk.restart(&mut Dice(seed));
        let store: Arc<dyn Store> = Arc::new(open(&disk, Options::default()).await);
        let recovered = runner(&store, &Clock::at(1_000_000)).recover("a").await.unwrap();
        assert_eq!(json(recovered.instance()), live_after(&LINEAR));
    }
}

#[tokio::test]
async fn d26_and_d27_a_crash_between_events_and_checkpoints_changes_nothing() {
    for (name, store) in stores().await {
        let runner = runner(&store, &Clock::at(7)).checkpoint_every(2);
        let mut handle = runner.start("a", Order::default()).await.unwrap();
        for event in &LINEAR[..2] {
            fire(&mut handle, event).await;
        }
        drop(handle);
        let mut handle = runner.recover("a").await.unwrap();
        fire(&mut handle, "add").await;
        assert_eq!(tail(&*store, "a").await, [2], "{name}");
        fire(&mut handle, "pay").await;
        assert_eq!(json(handle.instance()), live_after(&LINEAR));
    }
}

#[tokio::test]
async fn d28_and_d29_and_d30_a_record_has_the_json_of_its_event_and_recovery_repeats() {
    let (_, store) = stores().await.remove(0);
    let runner = runner(&store, &Clock::at(7));
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    fire(&mut handle, "add").await;
    let record = store.load("a").await.unwrap().tail[0].clone();
    assert_eq!(
        (record.step, &*record.event, record.entries.len()),
        (0, "\"add\"", 0)
    );
    let first = runner.recover("a").await.unwrap();
    let second = runner.recover("a").await.unwrap();
    assert_eq!(json(first.instance()), json(second.instance()));
    let error = runner.recover("nobody").await.err().unwrap();
    assert!(
        matches!(error, RunError::Store(StoreError::NotFound { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn d31_steps_without_a_handle_are_the_same() {
    let (_, store) = stores().await.remove(2);
    let runner = runner(&store, &Clock::at(7)).checkpoint_every(3);
    assert_eq!(runner.start("a", Order::default()).await.unwrap().id(), "a");
    for event in LINEAR {
        runner.fire("a", &event.to_owned()).await.unwrap();
    }
    let recovered = runner.recover("a").await.unwrap();
    assert_eq!(json(recovered.instance()), live_after(&LINEAR));
}

/// Writes an event backwards.
struct Backwards;

impl Codec<String> for Backwards {
    fn encode(&self, value: &String) -> Result<Vec<u8>, CodecError> {
        Ok(serde_json::to_vec(&value.chars().rev().collect::<String>())?)
    }

    fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
        let text: String = serde_json::from_slice(bytes)?;
        Ok(text.chars().rev().collect())
    }
}

#[tokio::test]
async fn d32_events_have_the_codec_that_was_given() {
    let (_, store) = stores().await.remove(0);
    let runner = runner(&store, &Clock::at(7)).event_codec(Backwards);
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    fire(&mut handle, "add").await;
    assert_eq!(store.load("a").await.unwrap().tail[0].event, "\"dda\"");
    let recovered = runner.recover("a").await.unwrap();
    assert_eq!(json(recovered.instance()), live_after(&["add"]));
    assert!(
        crate::support::runner(&store, &Clock::at(7))
            .recover("a")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn d33_a_step_that_fails_records_nothing_and_takes_no_step() {
    for (name, store) in stores().await {
        let runner = runner(&store, &Clock::at(7));
        let mut handle = runner.start("a", Order::default()).await.unwrap();
        for event in ["unknown", "break"] {
            let error = handle.fire(&event.to_owned()).await.unwrap_err();
            assert!(matches!(error, RunError::Fire(_)), "{name}: {error}");
        }
        assert_eq!((handle.next_step(), tail(&*store, "a").await), (0, vec![]));
        fire(&mut handle, "add").await;
        // No trace of the failures, as there is none after recovery.
        assert_eq!(json(handle.instance()), live_after(&["add"]));
    }
}

#[tokio::test]
async fn d34_an_instance_starts_once() {
    for (name, store) in stores().await {
        let runner = runner(&store, &Clock::at(7));
        drop(runner.start("a", Order::default()).await.unwrap());
        let error = runner.start("a", Order::default()).await.err().unwrap();
        assert!(matches!(error, RunError::Exists { .. }), "{name}: {error}");
    }
}

#[tokio::test]
async fn the_next_step_is_known_when_a_checkpoint_left_no_records() {
    let disk = MemDisk::default();
    let store: Arc<dyn Store> = Arc::new(open(&disk, Options::default()).await);
    let ran = runner(&store, &Clock::at(7)).checkpoint_every(1);
    let mut handle = ran.start("a", Order::default()).await.unwrap();
    fire(&mut handle, "add").await;
    // These take steps and leave no trace.
    handle.tick().await.unwrap();
    handle.tick().await.unwrap();
    drop((handle, ran, store));

    let store: Arc<dyn Store> = Arc::new(open(&disk, Options::default()).await);
    assert!(tail(&*store, "a").await.is_empty());
    let runner = runner(&store, &Clock::at(7));
    let mut handle = runner.recover("a").await.unwrap();
    assert_eq!(handle.next_step(), 3);
    fire(&mut handle, "add").await;
    let recovered = runner.recover("a").await.unwrap();
    assert_eq!(recovered.instance().context().total, 2);
}

#[tokio::test]
async fn of_two_handles_the_second_one_is_told_and_loses_nothing_of_the_first() {
    for (name, store) in stores().await {
        let runner = runner(&store, &Clock::at(7));
        let mut first = runner.start("a", Order::default()).await.unwrap();
        let mut second = runner.recover("a").await.unwrap();
        fire(&mut first, "add").await;
        let error = second.fire(&"pay".to_owned()).await.unwrap_err();
        assert!(
            matches!(error, RunError::Store(StoreError::Conflict { .. })),
            "{name}: {error}"
        );
        let error = second.fire(&"pay".to_owned()).await.unwrap_err();
        assert!(matches!(error, RunError::Unsettled { .. }), "{error}");
        fire(&mut first, "pay").await;
        let recovered = runner.recover("a").await.unwrap();
        assert_eq!(json(recovered.instance()), live_after(&["add", "pay"]));
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_in_the_middle_must_recover() {
    let (_, store) = stores().await.remove(2);
    let runner = runner(&store, &Clock::at(7));
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    {
        let event = "add".to_owned();
        let mut step = Box::pin(handle.fire(&event));
        let polled =
            std::future::poll_fn(|context| std::task::Poll::Ready(step.as_mut().poll(context).is_pending()));
        assert!(polled.await);
    }
    let error = handle.fire(&"add".to_owned()).await.unwrap_err();
    assert!(matches!(error, RunError::Unsettled { .. }), "{error}");
    let recovered = runner.recover("a").await.unwrap();
    assert_eq!(recovered.instance().context().total, 1);
}

#[tokio::test]
async fn records_that_do_not_fit_the_machine_say_where() {
    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    let runner: Runner<Order, String> = runner(&store, &Clock::at(7));
    drop(runner.start("a", Order::default()).await.unwrap());
    store
        .append("a", Record::event(0, "\"unknown\""), None)
        .await
        .unwrap();
    let error = runner.recover("a").await.err().unwrap().to_string();
    assert!(
        error.starts_with("instance \"a\" cannot be recovered: step 0: its event fails now"),
        "{error}"
    );

    store.append("b", event(0), None).await.unwrap();
    assert!(matches!(
        runner.recover("b").await,
        Err(RunError::NoBaseline { .. })
    ));
    store
        .checkpoint("c", Checkpoint::baseline("nonsense"))
        .await
        .unwrap();
    assert!(matches!(
        runner.recover("c").await,
        Err(RunError::Replay { step: -1, .. })
    ));

    drop(runner.start("d", Order::default()).await.unwrap());
    store
        .append("d", Record::tick(0, Timestamp(0), 2), None)
        .await
        .unwrap();
    let error = runner.recover("d").await.err().unwrap().to_string();
    assert!(error.contains("fires 0 timers now, and fired 2"), "{error}");
}
