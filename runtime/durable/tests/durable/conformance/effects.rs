//! Effects: D55 to D59.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use squall_durable::{MemStore, RunError, Runner, Store};

use crate::support::*;

fn with(store: &Arc<dyn Store>, clock: &Clock, notes: &Arc<Notes>) -> Runner<Order, String> {
    runner(store, clock).effects(notes.clone())
}

#[tokio::test]
async fn d55_each_effect_is_applied_once_and_in_order_with_an_identity_of_its_own() {
    for every in [0, 1, 2] {
        for (name, store) in stores().await {
            let (clock, notes) = (Clock::at(0), Arc::new(Notes::default()));
            let runner = with(&store, &clock, &notes).checkpoint_every(every);
            let mut handle = runner.start("a", Order::default()).await.unwrap();
            fire(&mut handle, "add").await;
            fire(&mut handle, "pay").await;
            clock.set(10);
            handle.tick().await.unwrap();
            // Those of entering the first state, and of a timer's step, are effects as well.
            let all = ["-1#0#greeting", "0#0#mail", "1#0#mail", "1#1#print", "2#0#mail"];
            assert_eq!(notes.ids(), all, "{name}, every {every}");
            for _ in 0..2 {
                drop(runner.recover("a").await.unwrap());
            }
            assert_eq!(notes.ids(), all, "{name}, every {every}");
        }
    }
}

#[tokio::test]
async fn d55_effects_that_a_crash_kept_back_are_applied_by_recovery() {
    for (name, store) in stores().await {
        // Recorded by one without a handler: as if it had ended before it came to that.
        let clock = Clock::at(0);
        let mut handle = runner(&store, &clock).start("a", Order::default()).await.unwrap();
        fire(&mut handle, "add").await;
        fire(&mut handle, "pay").await;
        drop(handle);
        let notes = Arc::new(Notes::default());
        drop(with(&store, &clock, &notes).recover("a").await.unwrap());
        drop(with(&store, &clock, &notes).recover("a").await.unwrap());
        // What happened at the start is in the first checkpoint.
        assert_eq!(
            notes.ids(),
            ["-1#0#greeting", "0#0#mail", "1#0#mail", "1#1#print"],
            "{name}"
        );
    }
}

#[tokio::test]
async fn d56_an_effect_that_fails_is_told_and_tried_again_before_later_ones() {
    for every in [0, 1] {
        for (name, store) in stores().await {
            let (clock, notes) = (Clock::at(0), Arc::new(Notes::default()));
            let runner = with(&store, &clock, &notes).checkpoint_every(every);
            let mut handle = runner.start("a", Order::default()).await.unwrap();
            notes.failures.store(1, Ordering::Relaxed);
            let error = handle.fire(&"add".to_owned()).await.unwrap_err();
            assert!(
                matches!(&error, RunError::Dispatch { effect, .. } if effect == "0#0#mail"),
                "{error}"
            );
            // The step is there nevertheless.
            assert_eq!((handle.next_step(), handle.instance().context().total), (1, 1));
            notes.failures.store(1, Ordering::Relaxed);
            assert!(handle.fire(&"add".to_owned()).await.is_err());
            assert_eq!(notes.ids(), ["-1#0#greeting"]);
            drop(handle);
            // A checkpoint since then has not lost them.
            let handle = runner.recover("a").await.unwrap();
            assert_eq!(handle.instance().context().total, 2);
            assert_eq!(
                notes.ids(),
                ["-1#0#greeting", "0#0#mail", "1#0#mail"],
                "{name}, every {every}"
            );
        }
    }
}

/// A store that does not remember what was dispatched.
struct Forgetful(MemStore);

#[squall_durable::async_trait]
impl Store for Forgetful {
    async fn append(
        &self,
        id: &str,
        record: squall_durable::Record,
        key: Option<&str>,
    ) -> Result<u64, squall_durable::StoreError> {
        self.0.append(id, record, key).await
    }

    async fn load(&self, id: &str) -> Result<squall_durable::Loaded, squall_durable::StoreError> {
        self.0.load(id).await
    }

    async fn checkpoint(
        &self,
        id: &str,
        checkpoint: squall_durable::Checkpoint,
    ) -> Result<(), squall_durable::StoreError> {
        self.0.checkpoint(id, checkpoint).await
    }
}

#[tokio::test]
async fn d57_without_a_handler_or_a_memory_effects_are_only_recorded() {
    let notes = Arc::new(Notes::default());
    let store: Arc<dyn Store> = Arc::new(Forgetful(MemStore::new()));
    let runner = with(&store, &Clock::at(0), &notes);
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    fire(&mut handle, "add").await;
    drop(runner.recover("a").await.unwrap());
    assert!(notes.ids().is_empty());
    assert_eq!(store.load("a").await.unwrap().tail[0].effects[0].id, "0#0#mail");
}

#[tokio::test]
async fn d58_timers_are_no_effects() {
    let (_, store) = stores().await.remove(0);
    let notes = Arc::new(Notes::default());
    let runner = with(&store, &Clock::at(0), &notes);
    let mut handle = runner.start("a", Order::default()).await.unwrap();
    fire(&mut handle, "pay").await;
    // This step arms a timer; the handler is given what actions returned.
    assert_eq!(notes.ids(), ["-1#0#greeting", "0#0#mail", "0#1#print"]);
    assert!(handle.next_deadline().is_some());
}

#[tokio::test]
async fn d59_a_crash_after_any_step_leads_to_the_same_end_with_each_effect_once() {
    let times = [("add", 0), ("pay", 0), ("", 10), ("", 15), ("", 35)];
    for every in [0, 1, 2] {
        let mut ends = std::collections::BTreeSet::new();
        for crash_after in 0..=times.len() {
            for (_, store) in stores().await {
                let (clock, notes) = (Clock::at(0), Arc::new(Notes::default()));
                let runner = with(&store, &clock, &notes).checkpoint_every(every);
                let mut handle = runner.start("a", Order::default()).await.unwrap();
                for (index, (event, at)) in times.into_iter().enumerate() {
                    if index == crash_after {
                        handle = runner.recover("a").await.unwrap();
                    }
                    clock.set(at);
                    match event {
                        "" => drop(handle.tick().await.unwrap()),
                        event => fire(&mut handle, event).await,
                    }
                }
                ends.insert((json(handle.instance()), notes.ids()));
            }
        }
        assert_eq!(ends.len(), 1);
        assert_eq!(ends.first().unwrap().1.len(), 5);
    }
}
