//! Whatever happens to files that are at rest is found, with its place; or nothing is missing.

use std::path::{Path, PathBuf};

use squall_durable::file::Options;
use squall_durable::{DispatchStore, Loaded, Store, StoreError};

use crate::disk::MemDisk;
use crate::support::*;

/// Four records, a checkpoint after the second one, and an effect.
async fn written() -> MemDisk {
    let disk = MemDisk::default();
    let store = open(&disk, Options::default()).await;
    store.checkpoint("a", checkpoint(-1)).await.unwrap();
    for step in 0..4 {
        store.append("a", event(step), None).await.unwrap();
        if step == 1 {
            store.checkpoint("a", checkpoint(1)).await.unwrap();
        }
    }
    store
        .mark_dispatched("a", &["3#0#mail".to_owned()])
        .await
        .unwrap();
    disk
}

async fn loaded(disk: &MemDisk) -> Result<(Loaded, usize), StoreError> {
    let store = open(disk, Options::default()).await;
    Ok((store.load("a").await?, store.dispatched("a").await?.len()))
}

fn files(disk: &MemDisk) -> Vec<PathBuf> {
    let files: Vec<_> = disk
        .paths()
        .into_iter()
        .filter(|path| path.parent() == Some(Path::new("data/root/a")))
        .collect();
    assert_eq!(
        files,
        [Path::new("data/root/a/checkpoint"), Path::new("data/root/a/log")]
    );
    files
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_found_or_harmless() {
    let disk = written().await;
    let whole = loaded(&disk).await.unwrap();
    let (mut found, mut harmless) = (0, 0);
    for path in files(&disk) {
        let content = disk.content(&path);
        for offset in 0..content.len() {
            // The last one makes it a zero, as a sector that was never written has.
            for change in [0x01, 0x20, 0x80, content[offset]] {
                let disk = disk.copy();
                let mut changed = content.clone();
                changed[offset] ^= change;
                disk.set_content(&path, changed);
                match loaded(&disk).await {
                    Err(StoreError::Damaged {
                        path: said,
                        offset: at,
                        ..
                    }) => {
                        assert!(said == path && at <= offset as u64, "{offset}: {said:?}, {at}");
                        found += 1;
                    }
                    Err(error) => panic!("{offset} of {path:?}: {error}"),
                    Ok(it) => {
                        assert_eq!(it, whole, "{offset} of {path:?}");
                        harmless += 1;
                    }
                }
            }
        }
    }
    // Of two slots one is enough.
    assert!(
        found > 10 * harmless && harmless > 0,
        "{found} were found, and {harmless} harmless"
    );
}

#[tokio::test]
async fn a_file_that_is_cut_anywhere_is_found() {
    let disk = written().await;
    let whole = loaded(&disk).await.unwrap();
    for path in files(&disk) {
        let content = disk.content(&path);
        for length in 0..content.len() {
            let disk = disk.copy();
            disk.set_content(&path, content[..length].to_vec());
            let error = loaded(&disk).await.unwrap_err();
            assert!(
                matches!(error, StoreError::Damaged { .. }),
                "{length} of {path:?}: {error}"
            );
        }
    }
    assert_eq!(loaded(&disk).await.unwrap(), whole);
}

#[tokio::test]
async fn d19_a_file_that_is_gone_is_found() {
    for path in files(&written().await) {
        let disk = written().await;
        disk.delete(&path);
        let error = loaded(&disk).await.unwrap_err();
        assert!(
            matches!(&error, StoreError::Damaged { path: said, .. } if *said == path),
            "{error}"
        );
    }
}

#[tokio::test]
async fn an_older_checkpoint_is_found() {
    let disk = MemDisk::default();
    let store = open(&disk, Options::default()).await;
    store.checkpoint("a", checkpoint(-1)).await.unwrap();
    let old = disk.content(Path::new("data/root/a/checkpoint"));
    store.append("a", event(0), None).await.unwrap();
    store.checkpoint("a", checkpoint(0)).await.unwrap();
    store.append("a", event(1), None).await.unwrap();
    drop(store);
    disk.set_content(Path::new("data/root/a/checkpoint"), old);
    let error = loaded(&disk).await.unwrap_err();
    assert!(
        error.to_string().contains("needs a checkpoint of step 0"),
        "{error}"
    );
}

#[tokio::test]
async fn damage_of_one_instance_is_no_damage_of_another() {
    let disk = written().await;
    let store = open(&disk, Options::default()).await;
    store.append("b", event(0), None).await.unwrap();
    drop(store);
    disk.set_content(Path::new("data/root/a/log"), vec![b'x'; 500]);
    let store = open(&disk, Options::default()).await;
    assert!(store.load("a").await.is_err());
    assert!(store.append("a", event(9), None).await.is_err());
    assert_eq!(tail(&store, "b").await, [0]);
}
