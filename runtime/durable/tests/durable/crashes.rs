//! Whatever is added, wherever the machine or the process stops, and whatever of its cache is lost: what was
//! acknowledged is there.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use squall_durable::file::Options;
use squall_durable::{BASELINE_STEP, Checkpoint, DispatchStore, FileStore, Record, Store, StoreError};
use squall_platform::TokioPlatform;
use tokio::runtime::Runtime;

use crate::disk::{Dice, MemDisk};

#[derive(Debug, Clone)]
enum Action {
    /// So many records at once.
    Append {
        many: usize,
        bytes: usize,
    },
    /// All but the last records, so many.
    Checkpoint {
        but: i64,
    },
    Mark,
    Load,
    Reopen,
}

#[derive(Debug, Clone)]
struct Step {
    instance: usize,
    action: Action,
    /// The machine, or the process, stops after so many operations of its disk.
    crash: Option<u64>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let action = prop_oneof![
        5 => (1..4_usize, prop_oneof![3 => 0..60_usize, 1 => 400..1200_usize])
            .prop_map(|(many, bytes)| Action::Append { many, bytes }),
        2 => (0..3_i64).prop_map(|but| Action::Checkpoint { but }),
        1 => Just(Action::Mark),
        1 => Just(Action::Load),
        1 => Just(Action::Reopen),
    ];
    let crash = prop_oneof![2 => Just(None), 1 => (0..14_u64).prop_map(Some)];
    let step = (0..2_usize, action, crash).prop_map(|(instance, action, crash)| Step {
        instance,
        action,
        crash,
    });
    proptest::collection::vec(step, 1..12)
}

/// What must be there, and what may be.
#[derive(Debug, Default)]
struct Expected {
    /// The events that were added, by step.
    acknowledged: BTreeMap<i64, String>,
    tried: BTreeMap<i64, String>,
    checkpoint: Option<i64>,
    tried_checkpoint: Option<i64>,
    marks: BTreeSet<String>,
    tried_marks: BTreeSet<String>,
    next: i64,
}

impl Expected {
    /// Compares with what is there, and takes that as what must be there from now on.
    fn check(&mut self, loaded: Result<squall_durable::Loaded, StoreError>, marks: BTreeSet<String>) {
        assert!(
            marks.is_superset(&self.marks),
            "{marks:?} without some of {:?}",
            self.marks
        );
        let may_be: BTreeSet<String> = self.marks.union(&self.tried_marks).cloned().collect();
        assert!(marks.is_subset(&may_be), "{marks:?} with more than {may_be:?}");
        self.marks = marks;
        let loaded = match loaded {
            Err(StoreError::NotFound { .. }) => {
                let nothing =
                    self.acknowledged.is_empty() && self.checkpoint.is_none() && self.marks.is_empty();
                assert!(nothing, "not found, and there was {self:?}");
                (self.next, self.tried_checkpoint) = (0, None);
                return;
            }
            loaded => loaded.unwrap(),
        };
        let found = loaded.checkpoint.map(|it| it.step);
        assert!(
            found == self.checkpoint || found == self.tried_checkpoint,
            "{found:?} is none of {self:?}"
        );
        let covered = found.unwrap_or(BASELINE_STEP);
        // Steps follow each other: a record that is lost in the middle would show.
        for (index, record) in loaded.tail.iter().enumerate() {
            assert_eq!(record.step, covered + 1 + index as i64);
            let known = self.acknowledged.get(&record.step);
            let event = known.or_else(|| self.tried.get(&record.step));
            assert_eq!(Some(&record.event), event);
        }
        let last = loaded.tail.last().map_or(covered, |it| it.step);
        let acknowledged = self
            .acknowledged
            .last_key_value()
            .map_or(BASELINE_STEP, |(step, _)| *step);
        assert!(
            last >= acknowledged,
            "step {acknowledged} is gone, the last one is {last}"
        );
        assert_eq!(loaded.next_step, (last + 1).max(0));
        for record in &loaded.tail {
            self.acknowledged.insert(record.step, record.event.clone());
        }
        (self.checkpoint, self.tried_checkpoint, self.next) = (found, None, last + 1);
    }
}

struct World {
    disk: MemDisk,
    options: Options,
    runtime: Runtime,
    store: Option<FileStore<TokioPlatform, MemDisk>>,
    expected: Vec<Expected>,
    dice: Dice,
}

const IDS: [&str; 2] = ["one", "two/.."];

impl World {
    fn new(options: Options, seed: u64) -> Self {
        let mut world = World {
            disk: MemDisk::default(),
            options,
            runtime: runtime(),
            store: None,
            expected: vec![Expected::default(), Expected::default()],
            dice: Dice(seed),
        };
        world.open();
        world
    }

    fn open(&mut self) {
        // Ends what runs, as the end of the machine does.
        self.store = None;
        self.runtime = runtime();
        let open = FileStore::open(
            TokioPlatform::loopback(),
            self.disk.clone(),
            "data/root",
            self.options,
        );
        self.store = Some(self.runtime.block_on(open).unwrap());
        for instance in 0..IDS.len() {
            self.check(instance);
        }
    }

    fn check(&mut self, instance: usize) {
        let store = self.store.as_ref().unwrap();
        let (loaded, marks) = self.runtime.block_on(async {
            let loaded = store.load(IDS[instance]).await;
            (loaded, store.dispatched(IDS[instance]).await.unwrap())
        });
        self.expected[instance].check(loaded, marks);
    }

    fn take(&mut self, step: &Step) {
        if let Some(operations) = step.crash {
            self.disk.crash_after(operations);
        }
        if matches!(step.action, Action::Reopen) {
            self.store = None;
            self.runtime = runtime();
            let open = FileStore::open(
                TokioPlatform::loopback(),
                self.disk.clone(),
                "data/root",
                self.options,
            );
            let disk = self.disk.clone();
            let opened = self.runtime.block_on(async {
                tokio::select! { biased; () = disk.crashed() => None, store = open => Some(store.unwrap()) }
            });
            match opened {
                None => self.crash(),
                Some(store) => {
                    self.store = Some(store);
                    self.act(step.instance, &Action::Load);
                }
            }
            return;
        }
        self.act(step.instance, &step.action);
    }

    fn crash(&mut self) {
        self.store = None;
        self.runtime = runtime();
        match self.dice.below(4) {
            0 => self.disk.restart_process(),
            _ => self.disk.restart(&mut self.dice),
        }
        self.open();
    }

    fn act(&mut self, instance: usize, action: &Action) {
        let (id, disk) = (IDS[instance], self.disk.clone());
        let store = self.store.as_ref().unwrap();
        let expected = &mut self.expected[instance];
        let action = async {
            match *action {
                Action::Append { many, bytes } => {
                    let records = (0..many).map(|index| {
                        // Another one would be a conflict: what was tried is tried again.
                        let step = expected.next + index as i64;
                        let event = format!("\"{step}{}\"", "x".repeat(bytes));
                        let event = expected.tried.entry(step).or_insert(event);
                        Record::event(step, event.clone())
                    });
                    let records: Vec<Record> = records.collect();
                    let appends = records.into_iter().map(|record| async move {
                        let (step, event) = (record.step, record.event.clone());
                        store.append(id, record, None).await.unwrap();
                        (step, event)
                    });
                    // In their order, and all before the first one is synced.
                    let mut appends: Vec<_> = appends.map(Box::pin).collect();
                    for append in &mut appends {
                        tokio::select! { biased;
                            (step, event) = append => drop(expected.acknowledged.insert(step, event)),
                            () = std::future::ready(()) => {}
                        }
                    }
                    let acknowledged = expected.acknowledged.clone();
                    for (index, append) in appends.into_iter().enumerate() {
                        let step = expected.next + index as i64;
                        if !acknowledged.contains_key(&step) {
                            let (step, event) = append.await;
                            expected.acknowledged.insert(step, event);
                        }
                    }
                    expected.next += many as i64;
                }
                Action::Checkpoint { but } => {
                    let step = expected.next - 1 - but;
                    if step < BASELINE_STEP || expected.checkpoint.is_some_and(|it| it >= step) {
                        return;
                    }
                    expected.tried_checkpoint = Some(step);
                    let checkpoint = Checkpoint {
                        step,
                        next_step: step + 1,
                        state: format!("{{\"at\":{step}}}"),
                    };
                    store.checkpoint(id, checkpoint).await.unwrap();
                    (expected.checkpoint, expected.tried_checkpoint) = (Some(step), None);
                }
                Action::Mark => {
                    let mark = format!("mark {}", expected.marks.len());
                    expected.tried_marks.insert(mark.clone());
                    store
                        .mark_dispatched(id, std::slice::from_ref(&mark))
                        .await
                        .unwrap();
                    expected.marks.insert(mark);
                }
                Action::Load | Action::Reopen => drop(store.load(id).await),
            }
        };
        let survives = self.runtime.block_on(async {
            tokio::select! { biased; () = disk.crashed() => false, () = action => true }
        });
        match survives {
            true => self.check_quietly(instance),
            false => self.crash(),
        }
    }

    /// Checks, unless the machine stops while it does.
    fn check_quietly(&mut self, instance: usize) {
        let disk = self.disk.clone();
        let store = self.store.as_ref().unwrap();
        let read = async {
            let loaded = store.load(IDS[instance]).await;
            (loaded, store.dispatched(IDS[instance]).await.unwrap())
        };
        let found = self.runtime.block_on(async {
            tokio::select! { biased; () = disk.crashed() => None, found = read => Some(found) }
        });
        match found {
            Some((loaded, marks)) => self.expected[instance].check(loaded, marks),
            None => self.crash(),
        }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_is_there(
        steps in steps(),
        seed: u64,
        compact_bytes in prop_oneof![Just(0), Just(1500)],
        history: bool,
    ) {
        let mut world = World::new(Options { history, compact_bytes }, seed);
        for step in &steps {
            world.take(step);
        }
        world.crash();
        // And it goes on.
        for instance in 0..IDS.len() {
            world.act(instance, &Action::Append { many: 2, bytes: 3 });
        }
    }
}
