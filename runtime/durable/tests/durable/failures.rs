//! The disk fails at any one operation: the caller is told, and what was acknowledged stays.

use std::sync::Arc;

use squall_durable::file::Options;
use squall_durable::{Store, StoreError};

use crate::disk::{Dice, MemDisk};
use crate::support::*;

const OPTIONS: Options = Options {
    history: false,
    compact_bytes: 0,
};

/// Adds records and checkpoints, each until it is done. Says how often it was told of a failure.
async fn work(disk: &MemDisk) -> usize {
    let mut failures = 0;
    let store = loop {
        let open = squall_durable::FileStore::open(
            squall_platform::TokioPlatform::loopback(),
            disk.clone(),
            "data/root",
            OPTIONS,
        );
        match open.await {
            Ok(store) => break store,
            Err(error) => failed(&mut failures, &error),
        }
    };
    for step in 0..5 {
        while let Err(error) = store.append("a", event(step), None).await {
            failed(&mut failures, &error);
        }
        if step == 2 {
            loop {
                match store.checkpoint("a", checkpoint(2)).await {
                    // It was made, and what came after it failed.
                    Ok(()) | Err(StoreError::NotAdvancing { .. }) => break,
                    Err(error) => failed(&mut failures, &error),
                }
            }
        }
    }
    failures
}

fn failed(failures: &mut usize, error: &StoreError) {
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    *failures += 1;
    assert!(*failures < 10, "it does not work again: {error}");
}

#[tokio::test]
async fn d22_and_d23_each_failure_is_told_and_what_is_tried_again_lasts() {
    let disk = MemDisk::default();
    assert_eq!(work(&disk).await, 0);
    let operations = disk.operations();
    assert!(operations > 20, "{operations}");
    let mut told = 0;
    for operation in 0..operations {
        for seed in 0..8 {
            let disk = MemDisk::default();
            disk.fail_after(operation);
            told += work(&disk).await;
            // Now a loss of power: what a failed sync did not write must not be relied upon.
            disk.restart(&mut Dice(seed));
            let store = open(&disk, OPTIONS).await;
            let loaded = store.load("a").await.unwrap();
            assert_eq!(loaded.checkpoint, Some(checkpoint(2)), "operation {operation}");
            assert_eq!(tail(&store, "a").await, [3, 4], "operation {operation}");
            assert_eq!(store.append("a", event(0), None).await, Ok(1));
        }
    }
    assert!(
        told as u64 >= 6 * operations,
        "{told} failures of {} were told",
        8 * operations
    );
}

/// Begins an append, and gives up before it is synced.
async fn give_up(store: &impl Store, step: i64) {
    let mut append = Box::pin(store.append("a", event(step), None));
    let polled =
        std::future::poll_fn(|context| std::task::Poll::Ready(append.as_mut().poll(context).is_pending()));
    assert!(polled.await);
}

#[tokio::test]
async fn a_record_that_comes_again_is_synced_before_its_number_is_told() {
    let mut told = 0;
    // The first attempt fails at any one of its operations, or at none.
    for operation in 0..6 {
        for seed in 0..20 {
            let disk = MemDisk::default();
            let store = open(&disk, OPTIONS).await;
            store.append("a", event(0), None).await.unwrap();
            disk.fail_after(operation);
            give_up(&store, 1).await;
            let again = store.append("a", event(1), None).await;
            disk.restart(&mut Dice(seed));
            drop(store);
            let store = open(&disk, OPTIONS).await;
            if again.is_ok() {
                assert_eq!(
                    tail(&store, "a").await,
                    [0, 1],
                    "operation {operation}, seed {seed}"
                );
                told += 1;
            }
        }
    }
    assert!(told >= 40, "{told}");
}

#[tokio::test]
async fn what_is_read_is_synced() {
    for seed in 0..20 {
        let disk = MemDisk::default();
        let store = Arc::new(open(&disk, OPTIONS).await);
        store.append("a", event(0), None).await.unwrap();
        give_up(&*store, 1).await;
        let mut tasks = tokio::task::JoinSet::new();
        let (reader, its_disk) = (store.clone(), disk.clone());
        tasks.spawn(async move {
            let shown = reader.load("a").await.unwrap().tail;
            Some((shown, its_disk.copy()))
        });
        // It comes while the one before it is being synced, and the reader waits for that.
        let writer = store.clone();
        tasks.spawn(async move {
            writer.append("a", event(2), None).await.unwrap();
            None
        });
        let ends = tasks.join_all().await;
        let (shown, disk) = ends.into_iter().flatten().next().unwrap();
        disk.restart(&mut Dice(seed));
        let store = open(&disk, OPTIONS).await;
        let left = store.load("a").await.unwrap().tail;
        assert!(left.starts_with(&shown), "seed {seed}: {shown:?} was shown");
    }
}

#[tokio::test]
async fn a_checkpoint_leaves_no_gap_in_the_history_before_it() {
    for seed in 0..20 {
        let disk = MemDisk::default();
        let options = Options {
            history: true,
            ..OPTIONS
        };
        let store = open(&disk, options).await;
        store.checkpoint("a", checkpoint(-1)).await.unwrap();
        store.append("a", event(0), None).await.unwrap();
        give_up(&store, 1).await;
        store.checkpoint("a", checkpoint(1)).await.unwrap();
        disk.restart(&mut Dice(seed));
        drop(store);
        let store = open(&disk, options).await;
        let history = Store::history(&store).unwrap().history("a").await.unwrap();
        let steps: Vec<_> = history.records.iter().map(|record| record.step).collect();
        assert_eq!(steps, [0, 1], "seed {seed}");
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_no_half_write() {
    let disk = MemDisk::default();
    let store = open(&disk, OPTIONS).await;
    store.append("a", event(0), None).await.unwrap();
    for step in 1..20 {
        give_up(&store, step).await;
    }
    assert_eq!(tail(&store, "a").await, (0..20).collect::<Vec<_>>());
    disk.restart(&mut Dice(1));
    drop(store);
    let store = open(&disk, OPTIONS).await;
    assert_eq!(tail(&store, "a").await, (0..20).collect::<Vec<_>>());
}
