//! What every store promises: D1 to D23.

use std::collections::BTreeSet;
use std::sync::Arc;

use squall_durable::file::Options;
use squall_durable::{DispatchStore, Entry, FileStore, MemStore, Record, Store, StoreError};
use squall_machine::Timestamp;
use squall_platform::{DiskStorage, TokioPlatform};

use crate::disk::MemDisk;
use crate::support::*;

#[tokio::test]
async fn d01_what_is_added_is_loaded_and_no_checkpoint_is_made_up() {
    for (name, store) in stores().await {
        let record = Record {
            entries: vec![Entry::clock(Timestamp(5))],
            ..event(1)
        };
        assert_eq!(store.append("a", event(0), None).await, Ok(1), "{name}");
        assert_eq!(store.append("a", record.clone(), None).await, Ok(2));
        let loaded = store.load("a").await.unwrap();
        assert_eq!((loaded.checkpoint, loaded.next_step), (None, 2));
        assert_eq!(*loaded.tail[1], record);
    }
}

#[tokio::test]
async fn d02_and_d03_and_d04_a_record_that_comes_again_is_there_once_under_its_first_number() {
    for (name, store) in stores().await {
        for _ in 0..3 {
            assert_eq!(store.append("a", event(0), None).await, Ok(1), "{name}");
            assert_eq!(store.append("a", event(1), Some("pay")).await, Ok(2));
        }
        assert_eq!(tail(&*store, "a").await, [0, 1]);
        // The first writer wins, and the second one is told.
        let other = Record::event(0, "\"other\"");
        let conflict = store.append("a", other, None).await.unwrap_err();
        assert!(matches!(conflict, StoreError::Conflict { .. }), "{conflict}");
        assert_eq!(store.load("a").await.unwrap().tail[0].event, "\"0\"");
    }
}

#[tokio::test]
async fn d05_a_step_that_is_not_after_all_others_is_out_of_order() {
    for (name, store) in stores().await {
        store.append("a", event(5), None).await.unwrap();
        for step in [5, 4, -1] {
            let error = store.append("a", event(step), Some("new")).await.unwrap_err();
            let expected = StoreError::OutOfOrder {
                id: "a".to_owned(),
                step,
                highest: 5,
            };
            assert_eq!(error, expected, "{name}");
        }
        store.append("a", event(9), None).await.unwrap();
        // The steps within a tick are taken, too.
        store
            .append("a", Record::tick(10, Timestamp(1), 2), None)
            .await
            .unwrap();
        assert!(store.append("a", event(12), None).await.is_err());
        store.append("a", event(13), None).await.unwrap();
        assert_eq!(tail(&*store, "a").await, [5, 9, 10, 13]);
    }
}

#[tokio::test]
async fn d06_an_instance_that_there_is_not_is_not_found() {
    for (name, store) in stores().await {
        let error = store.load("nobody").await.unwrap_err();
        assert_eq!(
            error,
            StoreError::NotFound {
                id: "nobody".to_owned()
            },
            "{name}"
        );
        assert_eq!(
            dispatches(&*store).dispatched("nobody").await,
            Ok(BTreeSet::new())
        );
        if let Some(history) = store.history() {
            assert!(history.history("nobody").await.is_err());
        }
    }
}

#[tokio::test]
async fn d07_and_d08_a_checkpoint_replaces_what_is_before_it_and_only_advances() {
    for (name, store) in stores().await {
        store.checkpoint("a", checkpoint(-1)).await.unwrap();
        for step in 0..4 {
            store.append("a", event(step), None).await.unwrap();
        }
        store.checkpoint("a", checkpoint(1)).await.unwrap();
        let loaded = store.load("a").await.unwrap();
        assert_eq!(loaded.checkpoint, Some(checkpoint(1)), "{name}");
        assert_eq!(tail(&*store, "a").await, [2, 3]);
        for step in [-1, 0, 1] {
            let error = store.checkpoint("a", checkpoint(step)).await.unwrap_err();
            assert!(
                matches!(error, StoreError::NotAdvancing { current: 1, .. }),
                "{error}"
            );
        }
    }
}

#[tokio::test]
async fn d09_after_a_checkpoint_old_records_are_known_and_new_ones_are_added() {
    for (name, store) in stores().await {
        for step in 0..4 {
            store.append("a", event(step), None).await.unwrap();
        }
        store.checkpoint("a", checkpoint(3)).await.unwrap();
        assert_eq!(store.append("a", event(1), None).await, Ok(2), "{name}");
        assert_eq!(store.append("a", event(4), None).await, Ok(5));
        assert_eq!(tail(&*store, "a").await, [4]);
        assert_eq!(store.load("a").await.unwrap().next_step, 5);
    }
}

#[tokio::test]
async fn d10_and_d11_a_record_is_kept_as_it_was_given() {
    for (name, store) in stores().await {
        let entries: Vec<Entry> = (0..5).map(|it| Entry::clock(Timestamp(it))).collect();
        let record = Record { entries, ..event(0) };
        store.append("a", record.clone(), None).await.unwrap();
        let mut loaded = store.load("a").await.unwrap();
        // A caller's copy is its own.
        Arc::make_mut(&mut loaded.tail[0]).entries.clear();
        assert_eq!(*store.load("a").await.unwrap().tail[0], record, "{name}");
    }
}

#[tokio::test]
async fn d13_appends_and_loads_at_once_lose_nothing() {
    for (name, store) in stores().await {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..8 {
            let store = store.clone();
            tasks.spawn(async move {
                let id = format!("instance {}", task % 4);
                for step in 0..20 {
                    // Of two writers one adds the record, and both are told its number.
                    assert_eq!(store.append(&id, event(step), None).await, Ok(step as u64 + 1));
                    assert_eq!(store.append(&id, event(0), None).await, Ok(1));
                    store.load(&id).await.unwrap();
                }
            });
        }
        while let Some(task) = tasks.join_next().await {
            task.unwrap();
        }
        for instance in 0..4 {
            let steps = tail(&*store, &format!("instance {instance}")).await;
            assert_eq!(steps, (0..20).collect::<Vec<_>>(), "{name}");
        }
    }
}

#[tokio::test]
async fn d14_dispatched_effects_are_remembered_once() {
    for (name, store) in stores().await {
        store.append("a", event(0), None).await.unwrap();
        let marks = dispatches(&*store);
        assert!(marks.dispatched("a").await.unwrap().is_empty(), "{name}");
        marks.mark_dispatched("a", &[]).await.unwrap();
        for _ in 0..2 {
            marks
                .mark_dispatched("a", &["x".to_owned(), "y".to_owned()])
                .await
                .unwrap();
        }
        let expected: BTreeSet<String> = ["x".to_owned(), "y".to_owned()].into();
        assert_eq!(marks.dispatched("a").await.unwrap(), expected);
        // Marking creates an instance, and marking nothing does not.
        marks.mark_dispatched("b", &[]).await.unwrap();
        assert!(store.load("b").await.is_err());
        marks.mark_dispatched("c", &["x".to_owned()]).await.unwrap();
        assert!(store.load("c").await.unwrap().tail.is_empty());
    }
}

#[tokio::test]
async fn d14_marks_survive_a_restart_and_go_once_nobody_asks_for_them() {
    let disk = MemDisk::default();
    let marks = ["0#0#mail", "5#0#mail", "other"].map(str::to_owned);
    let store = open(&disk, Options::default()).await;
    for step in 0..8 {
        store.append("a", event(step), None).await.unwrap();
    }
    store.mark_dispatched("a", &marks).await.unwrap();
    drop(store);
    let store = open(&disk, Options::default()).await;
    assert_eq!(store.dispatched("a").await.unwrap(), marks.clone().into());
    store.checkpoint("a", checkpoint(3)).await.unwrap();
    // An effect of before the checkpoint may still be in flight: only the next one forgets it.
    assert_eq!(store.dispatched("a").await.unwrap(), marks.clone().into());
    store.checkpoint("a", checkpoint(7)).await.unwrap();
    assert_eq!(
        store.dispatched("a").await.unwrap(),
        marks[1..].iter().cloned().collect()
    );
}

fn real(
    folder: &std::path::Path,
) -> impl Future<Output = Result<FileStore<TokioPlatform, DiskStorage>, StoreError>> {
    FileStore::open(TokioPlatform::loopback(), DiskStorage, folder, Options::default())
}

#[tokio::test]
async fn d15_ids_of_any_kind_are_found_again_and_stay_in_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("within/root");
    let ids = ["a/b", "a b", "_a", "\0", "😀", "..", ".", "", "A", "a"];
    let store = real(&root).await.unwrap();
    for (index, id) in ids.iter().enumerate() {
        store.append(id, event(index as i64), None).await.unwrap();
    }
    drop(store);
    let store = real(&root).await.unwrap();
    for (index, id) in ids.iter().enumerate() {
        assert_eq!(tail(&store, id).await, [index as i64], "{id:?}");
    }
    let outside: Vec<_> = std::fs::read_dir(folder.path().join("within")).unwrap().collect();
    assert_eq!(outside.len(), 1);
    assert_eq!(std::fs::read_dir(&root).unwrap().count(), ids.len() + 1);
    assert!(real(std::path::Path::new("")).await.is_err());
}

#[tokio::test]
async fn only_one_store_has_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = real(folder.path()).await.unwrap();
    let error = real(folder.path()).await.err().unwrap();
    assert!(matches!(error, StoreError::InUse { .. }), "{error}");
    drop(store);
    real(folder.path()).await.unwrap();
}

#[tokio::test]
async fn d17_and_d21_a_torn_end_is_cut_off_and_the_log_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = real(folder.path()).await.unwrap();
    store.append("a", event(0), None).await.unwrap();
    drop(store);
    let log = folder.path().join("a/log");
    let mut bytes = std::fs::read(&log).unwrap();
    bytes.extend(b"0000004a 81d2c4e5f6a7b8c9 3f2e1d0c {\"append\":{"[..9].iter());
    std::fs::write(&log, &bytes).unwrap();
    // What is added behind a torn end is there when the log is read again.
    for step in 1..4 {
        let store = real(folder.path()).await.unwrap();
        assert_eq!(store.append("a", event(step), None).await, Ok(step as u64 + 1));
        assert_eq!(store.append("a", event(0), None).await, Ok(1));
    }
    let store = real(folder.path()).await.unwrap();
    assert_eq!(tail(&store, "a").await, [0, 1, 2, 3]);
}

#[tokio::test]
async fn d18_a_checkpoint_shortens_the_log() {
    let disk = MemDisk::default();
    let options = Options {
        compact_bytes: 1000,
        ..Options::default()
    };
    let store = open(&disk, options).await;
    let log = std::path::Path::new("data/root/a/log");
    for step in 0..50 {
        store.append("a", event(step), None).await.unwrap();
    }
    let before = disk.content(log).len();
    store.checkpoint("a", checkpoint(47)).await.unwrap();
    assert!(disk.content(log).len() * 10 < before, "{before}");
    drop(store);
    let store = open(&disk, options).await;
    assert_eq!(tail(&store, "a").await, [48, 49]);
    assert_eq!(store.append("a", event(3), None).await, Ok(4));
}

#[tokio::test]
async fn d20_a_file_in_the_place_of_a_folder_is_an_error_of_every_operation() {
    let folder = tempfile::tempdir().unwrap();
    let store = real(folder.path()).await.unwrap();
    std::fs::write(folder.path().join("a"), b"not a folder").unwrap();
    let io = |error: StoreError| assert!(matches!(error, StoreError::Io { .. }), "{error}");
    io(store.append("a", event(0), None).await.unwrap_err());
    io(store.load("a").await.unwrap_err());
    io(store.checkpoint("a", checkpoint(0)).await.unwrap_err());
    io(store.mark_dispatched("a", &["x".to_owned()]).await.unwrap_err());
    io(real(&folder.path().join("a")).await.err().unwrap());
}

#[tokio::test]
async fn appends_that_come_together_share_one_sync() {
    let disk = MemDisk::default();
    let store = Arc::new(open(&disk, Options::default()).await);
    store.append("a", event(0), None).await.unwrap();
    let before = disk.syncs();
    let mut tasks = tokio::task::JoinSet::new();
    for step in 1..=100 {
        let store = store.clone();
        tasks.spawn(async move { store.append("a", event(step), None).await.unwrap() });
    }
    while tasks.join_next().await.is_some() {}
    let syncs = disk.syncs() - before;
    assert!((1..=3).contains(&syncs), "{syncs} syncs of 100 records");
    assert_eq!(tail(&*store, "a").await.len(), 101);
}

#[tokio::test]
async fn asking_for_instances_that_there_are_not_writes_nothing() {
    let disk = MemDisk::default();
    let store = open(&disk, Options::default()).await;
    for id in 0..100 {
        assert!(store.load(&format!("nobody {id}")).await.is_err());
    }
    assert_eq!(disk.paths().len(), 0);
}

#[tokio::test]
async fn keys_are_remembered_for_thousands_of_records_and_then_forgotten() {
    let store = MemStore::new();
    for step in 0..5000 {
        store.append("a", event(step), None).await.unwrap();
    }
    store.checkpoint("a", checkpoint(4999)).await.unwrap();
    assert_eq!(store.append("a", event(1000), None).await, Ok(1001));
    // Too late: an error, and never a second record.
    let error = store.append("a", event(0), None).await.unwrap_err();
    assert!(matches!(error, StoreError::OutOfOrder { .. }), "{error}");
}
