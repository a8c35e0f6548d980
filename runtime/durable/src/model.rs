//! One instance as every store sees it: what may be added, and what is there. No I/O.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::record::{BASELINE_STEP, Checkpoint, Record};
use crate::store::{History, Loaded, StoreError};

/// How many keys of records that checkpoints replaced are remembered. A retry that comes later than so many records is
/// out of order.
pub(crate) const KEYS_MAX: usize = 4096;

/// A record with its number and its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Numbered {
    pub(crate) seq: u64,
    pub(crate) key: String,
    pub(crate) record: Arc<Record>,
}

/// A key with what it stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) key: String,
    pub(crate) seq: u64,
    /// Of the record.
    pub(crate) digest: u64,
}

/// What [`Model::admit`] says to a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Admitted {
    New(Numbered),
    /// It is there under this number.
    Known(u64),
}

#[derive(Debug, Default)]
pub(crate) struct Model {
    checkpoint: Option<Checkpoint>,
    tail: Vec<Numbered>,
    keys: BTreeMap<String, (u64, u64)>,
    /// Keys whose records checkpoints replaced, by the numbers of these.
    old_keys: BTreeMap<u64, String>,
    highest: Option<i64>,
    /// The highest step of all that checkpoints replaced.
    replaced: Option<i64>,
    next_step: i64,
    seq: u64,
    dispatched: BTreeSet<String>,
    /// In stores with history.
    past: Option<Past>,
}

#[derive(Debug, Default)]
struct Past {
    baseline: Option<Checkpoint>,
    records: Vec<Numbered>,
}

impl Model {
    pub(crate) fn new(has_history: bool) -> Self {
        Model {
            past: has_history.then(Past::default),
            ..Model::default()
        }
    }

    /// Whether anything was ever kept.
    pub(crate) fn exists(&self) -> bool {
        self.checkpoint.is_some() || self.seq > 0 || !self.dispatched.is_empty()
    }

    pub(crate) fn admit(&self, id: &str, record: Record, key: Option<&str>) -> Result<Admitted, StoreError> {
        let key = key.map_or_else(|| format!("step:{}", record.step), str::to_owned);
        if let Some((seq, digest)) = self.keys.get(&key) {
            return match *digest == digest_of(&record) {
                true => Ok(Admitted::Known(*seq)),
                false => Err(StoreError::Conflict {
                    id: id.to_owned(),
                    key,
                }),
            };
        }
        match self.highest {
            Some(highest) if record.step <= highest => Err(StoreError::OutOfOrder {
                id: id.to_owned(),
                step: record.step,
                highest,
            }),
            _ => Ok(Admitted::New(Numbered {
                seq: self.seq + 1,
                key,
                record: Arc::new(record),
            })),
        }
    }

    pub(crate) fn add(&mut self, it: Numbered) {
        self.seq = self.seq.max(it.seq);
        self.taken(it.record.last_step());
        self.next_step = self.next_step.max(it.record.last_step().saturating_add(1));
        self.keys.insert(it.key.clone(), (it.seq, digest_of(&it.record)));
        if let Some(past) = &mut self.past {
            past.records.push(it.clone());
        }
        match &self.checkpoint {
            // It was replaced by the checkpoint, and its file was not yet shortened.
            Some(checkpoint) if it.record.step <= checkpoint.step => self.forget(it.seq, it.key),
            _ => self.tail.push(it),
        }
    }

    fn taken(&mut self, step: i64) {
        self.highest = Some(self.highest.map_or(step, |highest| highest.max(step)));
    }

    /// Remembers the key of a record that is gone, and forgets the oldest ones.
    fn forget(&mut self, seq: u64, key: String) {
        self.old_keys.insert(seq, key);
        while self.old_keys.len() > KEYS_MAX {
            if let Some((_, oldest)) = self.old_keys.pop_first() {
                self.keys.remove(&oldest);
            }
        }
    }

    pub(crate) fn admit_checkpoint(&self, id: &str, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let step = checkpoint.step;
        let current = self.checkpoint.as_ref().map_or(BASELINE_STEP - 1, |it| it.step);
        match step > current {
            true => Ok(()),
            false => Err(StoreError::NotAdvancing {
                id: id.to_owned(),
                step,
                current,
            }),
        }
    }

    pub(crate) fn replace(&mut self, checkpoint: Checkpoint) {
        // What an effect of the time before the last checkpoint was is nobody's question any more.
        if let Some(before) = &self.checkpoint {
            let is_after = |effect: &String| step_of(effect).is_none_or(|step| step > before.step);
            self.dispatched.retain(is_after);
        }
        self.taken(checkpoint.step);
        self.replaced = self.replaced_by(checkpoint.step);
        self.next_step = self.next_step.max(checkpoint.next_step);
        let (gone, tail) = std::mem::take(&mut self.tail)
            .into_iter()
            .partition(|it: &Numbered| it.record.step <= checkpoint.step);
        self.tail = tail;
        let gone: Vec<Numbered> = gone;
        for it in gone {
            self.forget(it.seq, it.key);
        }
        if let Some(past) = &mut self.past {
            past.baseline.get_or_insert_with(|| checkpoint.clone());
        }
        self.checkpoint = Some(checkpoint);
    }

    pub(crate) fn mark(&mut self, effects: impl IntoIterator<Item = String>) {
        self.dispatched.extend(effects);
    }

    pub(crate) fn loaded(&self) -> Loaded {
        Loaded {
            checkpoint: self.checkpoint.clone(),
            tail: self.tail.iter().map(|it| it.record.clone()).collect(),
            next_step: self.next_step,
        }
    }

    pub(crate) fn history(&self) -> Option<History> {
        self.past.as_ref().map(|past| History {
            baseline: past.baseline.clone(),
            records: past.records.iter().map(|it| it.record.clone()).collect(),
        })
    }

    pub(crate) fn baseline(&self) -> Option<&Checkpoint> {
        self.past.as_ref()?.baseline.as_ref()
    }

    pub(crate) fn checkpoint(&self) -> Option<&Checkpoint> {
        self.checkpoint.as_ref()
    }

    /// The records that a store keeps: those since the checkpoint, or all.
    pub(crate) fn kept(&self) -> &[Numbered] {
        self.past.as_ref().map_or(&self.tail, |past| &past.records)
    }

    pub(crate) fn dispatched(&self) -> &BTreeSet<String> {
        &self.dispatched
    }

    /// The highest step of all that is gone with a checkpoint of `step`.
    pub(crate) fn replaced_by(&self, step: i64) -> Option<i64> {
        let gone = self.tail.iter().filter(|it| it.record.step <= step);
        gone.map(|it| it.record.last_step()).chain(self.replaced).max()
    }

    /// The keys of records that are gone, or would be with a checkpoint of `step`, oldest first.
    pub(crate) fn keys_before(&self, step: i64) -> Vec<Key> {
        let gone = self.tail.iter().filter(|it| it.record.step <= step);
        let all = self.old_keys.values().chain(gone.map(|it| &it.key));
        let keys = all.filter_map(|key| {
            let (seq, digest) = self.keys.get(key)?;
            Some(Key {
                key: key.clone(),
                seq: *seq,
                digest: *digest,
            })
        });
        let keys: Vec<Key> = keys.collect();
        let surplus = keys.len().saturating_sub(KEYS_MAX);
        keys.into_iter().skip(surplus).collect()
    }

    /// Begins with what a checkpoint's file says besides the checkpoint.
    pub(crate) fn resume(&mut self, keys: Vec<Key>, replaced: Option<i64>) {
        self.replaced = self.replaced.max(replaced);
        if let Some(replaced) = replaced {
            self.taken(replaced);
        }
        for it in keys {
            self.seq = self.seq.max(it.seq);
            self.keys.insert(it.key.clone(), (it.seq, it.digest));
            self.forget(it.seq, it.key);
        }
    }
}

/// The step that an effect's id begins with.
fn step_of(effect: &str) -> Option<i64> {
    effect.split_once('#')?.0.parse().ok()
}

fn digest_of(record: &Record) -> u64 {
    // A record is JSON always.
    xxh3_64(&serde_json::to_vec(record).unwrap_or_default())
}
