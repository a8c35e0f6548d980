//! Stores, machines, and a clock that tests set.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use squall_durable::file::Options;
use squall_durable::{
    Checkpoint, DispatchStore, EffectHandler, EffectRecord, FileStore, Handle, MemStore, Record, Runner,
    Store, async_trait,
};
use squall_machine::{Effect, Instance, Machine, Retain, State, Timestamp, Transition};
use squall_platform::TokioPlatform;

use crate::disk::MemDisk;

pub(crate) async fn open(disk: &MemDisk, options: Options) -> FileStore<TokioPlatform, MemDisk> {
    FileStore::open(TokioPlatform::loopback(), disk.clone(), "data/root", options)
        .await
        .unwrap()
}

/// A store of each kind, with its name.
pub(crate) async fn stores() -> Vec<(&'static str, Arc<dyn Store>)> {
    let with_history = Options {
        history: true,
        ..Options::default()
    };
    vec![
        ("memory", Arc::new(MemStore::new())),
        ("memory with history", Arc::new(MemStore::with_history())),
        (
            "files",
            Arc::new(open(&MemDisk::default(), Options::default()).await),
        ),
        (
            "files with history",
            Arc::new(open(&MemDisk::default(), with_history).await),
        ),
    ]
}

pub(crate) fn event(step: i64) -> Record {
    Record::event(step, format!("\"{step}\""))
}

pub(crate) fn checkpoint(step: i64) -> Checkpoint {
    Checkpoint {
        step,
        next_step: step + 1,
        state: format!("{{\"at\":{step}}}"),
    }
}

pub(crate) async fn tail(store: &dyn Store, id: &str) -> Vec<i64> {
    let loaded = store.load(id).await.unwrap();
    loaded.tail.iter().map(|record| record.step).collect()
}

pub(crate) fn dispatches(store: &dyn Store) -> &dyn DispatchStore {
    store.dispatches().unwrap()
}

/// A clock that tests set, which counts how often it is read.
#[derive(Clone, Default)]
pub(crate) struct Clock {
    now: Arc<AtomicI64>,
    reads: Arc<AtomicI64>,
}

impl Clock {
    pub(crate) fn at(seconds: i64) -> Self {
        let clock = Clock::default();
        clock.set(seconds);
        clock
    }

    pub(crate) fn set(&self, seconds: i64) {
        self.now.store(seconds * 1_000_000_000, Ordering::Relaxed);
    }

    pub(crate) fn reads(&self) -> i64 {
        self.reads.load(Ordering::Relaxed)
    }

    pub(crate) fn read(&self) -> Timestamp {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Timestamp(self.now.load(Ordering::Relaxed))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) total: i64,
    pub(crate) log: Vec<String>,
}

pub(crate) type Orders = Machine<Order, String>;

fn after(seconds: u64, event: &str) -> Transition {
    Transition::after(Duration::from_secs(seconds), &event.to_owned())
}

/// An order: nested states, guards, chained timers, effects.
///
/// ```text
/// open { cart -add-> cart, cart -pay-> paid } -cancel-> cancelled
/// paid -10 s-> packed -5 s-> sent -20 s-> lost
/// ```
pub(crate) fn orders() -> Orders {
    let tell =
        |kind: &'static str| move |it: &Order, _: Option<&String>| Ok(Some(Effect::with(kind, &it.total)?));
    Machine::builder("order")
        .initial("open")
        .version("1.0.0")
        .state(
            State::new("open")
                .enter("greet")
                .with(Transition::on("cancel").to("cancelled").assign("note"))
                .child(
                    State::new("cart")
                        .with(
                            Transition::on("add")
                                .to("cart")
                                .guard("affordable")
                                .assign("add")
                                .action("mail"),
                        )
                        .with(
                            Transition::on("pay")
                                .to("paid")
                                .assign("note")
                                .action("mail")
                                .action("print"),
                        )
                        .with(Transition::on("break").to("paid").assign("note").action("fail")),
                ),
        )
        .state(State::new("paid").with(after(10, "pack").to("packed").assign("note").action("mail")))
        .state(
            State::new("packed")
                .with(after(5, "send").to("sent").assign("note"))
                .with(Transition::on("cancel").to("cancelled").assign("note")),
        )
        .state(State::new("sent").with(after(20, "lose").to("lost").assign("note")))
        .state(State::new("lost").ends())
        .state(State::new("cancelled").ends())
        .guard("affordable", |it: &Order, _| it.total < 3)
        .assign("add", |it: &mut Order, event: Option<&String>| {
            it.total += 1;
            it.log.extend(event.cloned());
        })
        .assign("note", |it: &mut Order, event: Option<&String>| {
            it.log.extend(event.cloned());
        })
        .action("greet", tell("greeting"))
        .action("mail", tell("mail"))
        .action("print", tell("print"))
        .action("fail", |_, _| Err("the printer is on fire".into()))
        .build()
        .unwrap()
}

pub(crate) fn runner(store: &Arc<dyn Store>, clock: &Clock) -> Runner<Order, String> {
    let clock = clock.clone();
    Runner::new(orders(), store.clone(), move || clock.read())
}

/// Never durable: what durable ones are compared with.
pub(crate) fn live() -> Instance<Order, String> {
    orders()
        .cast_with(Order::default(), Retain::All)
        .unwrap()
        .instance
}

pub(crate) fn live_after(events: &[&str]) -> String {
    let mut instance = live();
    for event in events {
        instance.fire(&(*event).to_owned()).unwrap();
    }
    json(&instance)
}

pub(crate) fn json(instance: &Instance<Order, String>) -> String {
    String::from_utf8(instance.snapshot_json().unwrap()).unwrap()
}

pub(crate) async fn fire(handle: &mut Handle<Order, String>, event: &str) {
    handle.fire(&event.to_owned()).await.unwrap();
}

/// Notes the effects that it is given, and fails as often as it is told to.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) ids: Mutex<Vec<String>>,
    pub(crate) failures: AtomicI64,
}

impl Notes {
    pub(crate) fn ids(&self) -> Vec<String> {
        self.ids.lock().unwrap().clone()
    }
}

#[async_trait]
impl EffectHandler for Notes {
    async fn apply(
        &self,
        _instance: &str,
        effect: &EffectRecord,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.failures.fetch_sub(1, Ordering::Relaxed) > 0 {
            return Err("no network".into());
        }
        self.ids.lock().unwrap().push(effect.id.clone());
        Ok(())
    }
}
