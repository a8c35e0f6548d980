//! An event type, an actor that does as it is told, and nodes of these.

pub(crate) mod doors;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use squall_cluster::*;
use squall_memory::{Memory, Network};
use tokio::sync::Notify;

/// What the actors of these tests are told.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) enum Ask {
    /// Nothing to do.
    #[default]
    Nothing,
    /// Adds to the sum.
    Add(i64),
    /// Completes with the sum.
    Finish,
    /// Refuses.
    Reject(String),
    /// Fails.
    Fail(String),
    /// Panics.
    Panic(String),
    /// Gives way to others this often, between two lines of the log.
    Yield(usize),
    /// Waits until the gate is opened.
    Hold,
    Send(String, Box<Ask>),
    SendTo(ActorRef, Box<Ask>),
    Parent(Box<Ask>),
    Respond(Box<Ask>),
    Forward(ActorRef, Box<Ask>),
    Spawn(SpawnSpec),
    Stop(String),
    StopSelf,
    /// Cannot be encoded.
    #[serde(skip_serializing)]
    Secret,
}

/// What all actors of a test share.
#[derive(Clone, Default)]
pub(crate) struct Shared {
    lines: Arc<Mutex<Vec<String>>>,
    pub(crate) gate: Arc<Notify>,
    /// The number of times that a behaviour ran.
    pub(crate) begun: Arc<AtomicUsize>,
}

impl Shared {
    pub(crate) fn say(&self, line: impl Into<String>) {
        self.lines.lock().unwrap().push(line.into());
    }

    /// What was said since the last time.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.lines.lock().unwrap())
    }
}

/// Does as it is told.
pub(crate) struct Worker {
    sum: i64,
    shared: Shared,
}

impl Worker {
    fn begin(shared: &Shared, input: Option<Input>) -> Result<Self, BoxError> {
        shared.begun.fetch_add(1, Ordering::SeqCst);
        let input = Value::Object(input.unwrap_or_default());
        if let Some(refusal) = input["refuse"].as_str() {
            return Err(refusal.into());
        }
        Ok(Worker {
            sum: input["start"].as_i64().unwrap_or(0),
            shared: shared.clone(),
        })
    }
}

#[async_trait]
impl Actor<Ask> for Worker {
    async fn started(&mut self, context: &mut Context<'_, Ask>) -> Result<(), BoxError> {
        self.shared
            .say(format!("{} starts with {}", context.id(), self.sum));
        Ok(())
    }

    async fn handle(&mut self, event: Ask, context: &mut Context<'_, Ask>) -> Result<Next, BoxError> {
        let id = context.id().to_owned();
        match event {
            Ask::Nothing => return Ok(Next::Ignored),
            Ask::Add(number) => {
                self.sum += number;
                self.shared.say(format!("{id} +{number} = {}", self.sum));
            }
            Ask::Finish => return Ok(Next::Done(json!(self.sum))),
            Ask::Reject(why) => return Ok(Next::Rejected(why)),
            Ask::Fail(why) => return Err(why.into()),
            Ask::Panic(why) => panic!("{why}"),
            Ask::Yield(times) => {
                self.shared.say(format!("{id} begins"));
                for _ in 0..times {
                    tokio::task::yield_now().await;
                }
                self.shared.say(format!("{id} ends"));
            }
            Ask::Hold => {
                self.shared.say(format!("{id} holds"));
                self.shared.gate.notified().await;
                self.shared.say(format!("{id} goes on"));
            }
            Ask::Send(to, event) => self.told(&id, context.send_to_id(&to, *event)),
            Ask::SendTo(to, event) => self.told(&id, context.send(&to, *event)),
            Ask::Parent(event) => self.told(&id, context.send_to_parent(*event)),
            Ask::Respond(event) => self.told(&id, context.respond(*event)),
            Ask::Forward(to, event) => self.told(&id, context.forward(&to, *event)),
            Ask::Spawn(child) => drop(context.spawn(child).await?),
            Ask::Stop(id) => drop(context.stop(&id)),
            Ask::StopSelf => context.stop_self(),
            Ask::Secret => {}
        }
        Ok(Next::Handled)
    }

    async fn child_ended(
        &mut self,
        child: ChildEnd,
        context: &mut Context<'_, Ask>,
    ) -> Result<Next, BoxError> {
        let result = child.result.map_err(|cause| cause.to_string());
        self.shared.say(format!(
            "{}: {} {} {result:?}",
            context.id(),
            child.route,
            child.child.id
        ));
        Ok(Next::Handled)
    }

    fn snapshot(&self, _: SystemTime) -> Result<Option<Value>, BoxError> {
        Ok(Some(json!(self.sum)))
    }

    fn restore(&mut self, snapshot: Value, _: SystemTime) -> Result<(), BoxError> {
        self.sum = serde_json::from_value(snapshot)?;
        Ok(())
    }
}

impl Worker {
    fn told(&self, id: &str, sent: Result<bool, Error>) {
        match sent {
            Ok(true) => {}
            Ok(false) => self.shared.say(format!("{id} reaches nobody")),
            Err(error) => self.shared.say(format!("{id}: {error}")),
        }
    }
}

pub(crate) fn platform() -> Memory {
    Network::default().host()
}

/// A node with the behaviours `worker`, `other` (the same), and `panics`.
pub(crate) fn builder(node: &str, shared: &Shared) -> Builder<Ask> {
    let (worker, other) = (shared.clone(), shared.clone());
    System::builder(platform(), node)
        .behaviour("worker", move |input| Worker::begin(&worker, input))
        .behaviour("other", move |input| Worker::begin(&other, input))
        .behaviour("panics", |_| -> Result<Worker, BoxError> {
            panic!("not like this")
        })
}

pub(crate) fn node(name: &str) -> (System<Ask>, Shared) {
    let shared = Shared::default();
    (builder(name, &shared).build(), shared)
}

/// Two nodes, `a` and `b`, on a transport in memory.
pub(crate) fn pair() -> (System<Ask>, System<Ask>, Shared, Arc<InMemoryTransport>) {
    let (shared, transport) = (Shared::default(), Arc::new(InMemoryTransport::new()));
    let make = |name: &str| {
        builder(name, &shared)
            .transport(Arc::clone(&transport) as _)
            .build()
    };
    let (a, b) = (make("a"), make("b"));
    transport.register("a", a.downgrade());
    transport.register("b", b.downgrade());
    (a, b, shared, transport)
}

pub(crate) fn input(value: Value) -> Option<Input> {
    Some(serde_json::from_value(value).unwrap())
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn handled() -> Delivered {
    Delivered::to_actor(Outcome::Handled)
}

pub(crate) fn failed(why: &str) -> Delivered {
    Delivered::to_actor(Outcome::Failed(why.to_owned()))
}

pub(crate) fn send(to: &str, event: Ask) -> Ask {
    Ask::Send(to.to_owned(), Box::new(event))
}

pub(crate) fn fail() -> Ask {
    Ask::Fail("boom".to_owned())
}

/// Lets all other tasks run until they wait.
pub(crate) async fn settled() {
    // On the paused clock time passes once nothing else can run.
    tokio::time::sleep(ms(1)).await;
}

/// Begins a call, and says whether it waits.
pub(crate) async fn is_waiting<T>(call: &mut (impl Future<Output = T> + Unpin)) -> bool {
    let has_begun = (&mut *call).now_or_never().is_none();
    settled().await;
    has_begun && call.now_or_never().is_none()
}

/// The life of an actor that is there.
pub(crate) fn life(system: &System<Ask>, id: &str) -> Life {
    system.status(id).unwrap().life
}
