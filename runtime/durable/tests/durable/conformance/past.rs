//! Past states: D60 to D72.

use std::sync::Arc;

use squall_cluster::{HistoryError, TimeTravel};
use squall_durable::{MemStore, Past, Store};
use squall_machine::{Codec, CodecError};

use crate::support::*;

fn past(store: &Arc<dyn Store>) -> Past<Order, String> {
    Past::new(orders(), store.clone())
}

async fn run(store: &Arc<dyn Store>, every: u32, events: &[&str]) {
    let runner = runner(store, &Clock::at(100)).checkpoint_every(every);
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    for event in events {
        fire(&mut handle, event).await;
    }
}

async fn with_history() -> Vec<(&'static str, Arc<dyn Store>)> {
    let stores = stores().await.into_iter();
    stores.filter(|(_, store)| store.history().is_some()).collect()
}

const EVENTS: [&str; 4] = ["add", "add", "add", "pay"];

#[tokio::test]
async fn d60_and_d61_and_d66_and_d67_each_step_is_what_a_live_run_was_then() {
    for every in [0, 1, 2] {
        for (name, store) in with_history().await {
            run(&store, every, &EVENTS).await;
            // Forwards, backwards, and with states that are remembered.
            let (forwards, backwards) = (past(&store), past(&store));
            for _ in 0..2 {
                for step in -1..4_i64 {
                    let expected = live_after(&EVENTS[..(step + 1) as usize]);
                    let view = forwards.view("a", step).await.unwrap();
                    assert_eq!(
                        (json(view.instance()), view.step()),
                        (expected, step),
                        "{name}, every {every}"
                    );
                    let step = 2 - step;
                    let expected = live_after(&EVENTS[..(step + 1) as usize]);
                    let bytes = backwards.state_at("a", step).await.unwrap();
                    assert_eq!(bytes, expected, "{name}, every {every}");
                }
            }
            assert_eq!(forwards.steps("a").await, Ok(vec![0, 1, 2, 3]));
        }
    }
}

#[tokio::test]
async fn d62_steps_that_there_are_not_are_out_of_range() {
    for (name, store) in stores().await {
        run(&store, 0, &EVENTS).await;
        for step in [4, 9, -2, i64::MIN, i64::MAX] {
            let error = past(&store).state_at("a", step).await.unwrap_err();
            let expected = HistoryError::OutOfRange {
                id: "a".to_owned(),
                step,
                first: -1,
                last: 3,
            };
            assert_eq!(error, expected, "{name}");
        }
    }
}

#[tokio::test]
async fn d63_and_d70_an_instance_that_there_is_not_is_not_found() {
    for (_, store) in stores().await {
        let expected = HistoryError::NotFound {
            id: "nobody".to_owned(),
        };
        assert_eq!(past(&store).state_at("nobody", 0).await, Err(expected.clone()));
        assert_eq!(past(&store).steps("nobody").await, Err(expected));
        let endless = "x".repeat(1000);
        assert!(matches!(
            past(&store).state_at(&endless, 0).await,
            Err(HistoryError::NotFound { .. })
        ));
    }
}

#[tokio::test]
async fn d64_and_d65_looking_changes_nothing_and_dispatches_nothing() {
    for (name, store) in with_history().await {
        let (clock, notes) = (Clock::at(100), Arc::new(Notes::default()));
        let runner = runner(&store, &clock).effects(notes.clone());
        let mut handle = runner.start("a", Order::default()).await.unwrap();
        for event in EVENTS {
            fire(&mut handle, event).await;
        }
        let (effects, reads) = (notes.ids(), clock.reads());
        let view = past(&store).view("a", 1).await.unwrap();
        // It is the caller's own.
        let mut instance = view.into_instance();
        instance.fire(&"cancel".to_owned()).unwrap();
        assert_eq!((notes.ids(), clock.reads()), (effects, reads), "{name}");
        assert_eq!(past(&store).steps("a").await, Ok(vec![0, 1, 2, 3]));
        let recovered = runner.recover("a").await.unwrap();
        assert_eq!(json(recovered.instance()), live_after(&EVENTS));
    }
}

#[tokio::test]
async fn d69_without_a_checkpoint_all_steps_are_there_in_any_store() {
    for (name, store) in stores().await {
        run(&store, 0, &EVENTS).await;
        for step in -1..4_i64 {
            let expected = live_after(&EVENTS[..(step + 1) as usize]);
            assert_eq!(
                past(&store).state_at("a", step).await.unwrap(),
                expected,
                "{name}"
            );
        }
    }
}

#[tokio::test]
async fn a_step_before_the_checkpoint_is_compacted_and_that_of_the_checkpoint_is_there() {
    for (name, store) in stores().await {
        if store.history().is_some() {
            continue;
        }
        run(&store, 3, &EVENTS).await;
        for step in [-1, 0, 1] {
            let expected = HistoryError::Compacted {
                id: "a".to_owned(),
                step,
                oldest: 2,
            };
            assert_eq!(past(&store).state_at("a", step).await, Err(expected), "{name}");
        }
        for step in [2, 3_i64] {
            let expected = live_after(&EVENTS[..(step + 1) as usize]);
            assert_eq!(
                past(&store).state_at("a", step).await.unwrap(),
                expected,
                "{name}"
            );
        }
        assert_eq!(past(&store).steps("a").await, Ok(vec![3]));
    }
    // With no record behind the checkpoint, too.
    let store: Arc<dyn Store> = Arc::new(MemStore::new());
    run(&store, 4, &EVENTS).await;
    assert_eq!(past(&store).state_at("a", 3).await.unwrap(), live_after(&EVENTS));
    assert!(matches!(
        past(&store).state_at("a", 2).await,
        Err(HistoryError::Compacted { .. })
    ));
    assert!(matches!(
        past(&store).state_at("a", 4).await,
        Err(HistoryError::OutOfRange { .. })
    ));
}

#[tokio::test]
async fn d68_and_d71_a_tick_is_one_state_whatever_the_clock_says_now() {
    for every in [0, 1, 2] {
        for (name, store) in with_history().await {
            let clock = Clock::at(100);
            let runner = runner(&store, &clock).checkpoint_every(every);
            let mut handle = runner.start("a", Order::default()).await.unwrap();
            fire(&mut handle, "pay").await;
            let mut states = vec![json(handle.instance())];
            // Steps 1 and 2, and steps 3 and 4.
            for now in [110, 115] {
                clock.set(now);
                handle.tick().await.unwrap();
                states.push(json(handle.instance()));
            }
            clock.set(1_000_000);
            let past = past(&store);
            for (step, state) in [(0, 0), (1, 1), (2, 1), (3, 2), (4, 2)] {
                let found = past.state_at("a", step).await.unwrap();
                assert_eq!(found, states[state], "{name}, every {every}, step {step}");
            }
            assert_eq!(past.steps("a").await, Ok(vec![0, 1, 3]));
            assert!(past.state_at("a", 5).await.is_err());
        }
    }
}

#[tokio::test]
async fn d72_an_instance_that_took_no_step_has_its_start_and_no_steps() {
    for (name, store) in stores().await {
        run(&store, 0, &[]).await;
        assert_eq!(past(&store).steps("a").await, Ok(vec![]), "{name}");
        assert_eq!(past(&store).state_at("a", -1).await.unwrap(), live_after(&[]));
        assert!(matches!(
            past(&store).state_at("a", 0).await,
            Err(HistoryError::OutOfRange { last: -1, .. })
        ));
    }
}

#[tokio::test]
async fn records_without_a_start_have_no_baseline() {
    for (_, store) in stores().await {
        store.append("a", event(0), None).await.unwrap();
        let error = past(&store).state_at("a", 0).await.unwrap_err();
        assert_eq!(error, HistoryError::NoBaseline { id: "a".to_owned() });
    }
}

/// Writes an event with a mark before it.
struct Marked;

impl Codec<String> for Marked {
    fn encode(&self, value: &String) -> Result<Vec<u8>, CodecError> {
        Ok(serde_json::to_vec(&format!("!{value}"))?)
    }

    fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
        let text: String = serde_json::from_slice(bytes)?;
        text.strip_prefix('!')
            .map(str::to_owned)
            .ok_or_else(|| CodecError::new("no mark"))
    }
}

#[tokio::test]
async fn the_past_is_read_with_the_codec_that_wrote_it() {
    let store: Arc<dyn Store> = Arc::new(MemStore::with_history());
    let runner = runner(&store, &Clock::at(0)).event_codec(Marked);
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    fire(&mut handle, "add").await;
    let error = past(&store).state_at("a", 0).await.unwrap_err();
    let expected = HistoryError::Replay {
        id: "a".to_owned(),
        step: 0,
        reason: "its event cannot be read: no mark".to_owned(),
    };
    // Without the codec the event is another one, for which there is no transition.
    assert!(
        matches!(error, HistoryError::Replay { step: 0, .. }) && error != expected,
        "{error}"
    );
    let found = past(&store).event_codec(Marked).state_at("a", 0).await.unwrap();
    assert_eq!(found, live_after(&["add"]));
}

#[tokio::test]
async fn whoever_gives_up_while_a_state_is_rebuilt_stops_it() {
    let store: Arc<dyn Store> = Arc::new(MemStore::with_history());
    let events: Vec<&str> = std::iter::repeat_n("add", 3).collect();
    run(&store, 0, &events).await;
    // Steps that change nothing, so that there are many.
    for step in 3..500 {
        let tick = squall_durable::Record::tick(step, squall_machine::Timestamp(0), 0);
        store.append("a", tick, None).await.unwrap();
    }
    let past = past(&store);
    {
        let mut view = Box::pin(past.view("a", 499));
        for _ in 0..3 {
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(view.as_mut().poll(context).is_pending())
            });
            assert!(polled.await, "it is done at once");
        }
    }
    assert_eq!(past.view("a", 499).await.unwrap().instance().context().total, 3);
}

#[tokio::test]
async fn a_damaged_log_is_told_as_damage() {
    let disk = crate::disk::MemDisk::default();
    let options = squall_durable::file::Options::default();
    let store: Arc<dyn Store> = Arc::new(open(&disk, options).await);
    run(&store, 0, &EVENTS).await;
    drop(store);
    let log = std::path::Path::new("data/root/a/log");
    let mut content = disk.content(log);
    content[250] ^= 1;
    disk.set_content(log, content);
    let store: Arc<dyn Store> = Arc::new(open(&disk, options).await);
    let error = past(&store).state_at("a", 0).await.unwrap_err();
    assert!(
        matches!(&error, HistoryError::Damaged { reason, .. } if reason.contains("at byte")),
        "{error}"
    );
}
