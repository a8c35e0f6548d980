//! Small components.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use squall_router::{Component, ComponentError, Input, Output, Payload, async_trait};
use tokio::sync::{Semaphore, oneshot};

type Answer = Result<Option<Payload>, ComponentError>;

/// Answers with what it is sent.
pub(crate) struct Echo;

#[async_trait]
impl Component for Echo {
    async fn handle(&self, input: Input<'_>, _: &Output) -> Answer {
        Ok(Some(input.data))
    }
}

/// Answers with the same value, always; `None` for no value.
pub(crate) struct Constant(pub(crate) Option<&'static str>);

#[async_trait]
impl Component for Constant {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        Ok(self.0.map(super::json))
    }
}

/// Fails.
pub(crate) struct Fail(pub(crate) fn() -> ComponentError);

#[async_trait]
impl Component for Fail {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        Err(self.0())
    }
}

/// Emits what it is sent on the port `out`, and answers with what comes back.
pub(crate) struct Pass;

#[async_trait]
impl Component for Pass {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        Ok(output.emit("out", input.data).await?)
    }
}

/// Emits a failure on its `error` port.
pub(crate) struct Report;

#[async_trait]
impl Component for Report {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        Ok(output.fail("out of cheese", &input.data).await?)
    }
}

pub(crate) struct Panic;

#[async_trait]
impl Component for Panic {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        panic!("out of {}", "cheese")
    }
}

/// Never answers.
pub(crate) struct Never;

#[async_trait]
impl Component for Never {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        std::future::pending().await
    }
}

/// Answers after a while.
pub(crate) struct Slow(pub(crate) std::time::Duration, pub(crate) &'static str);

#[async_trait]
impl Component for Slow {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        tokio::time::sleep(self.0).await;
        Ok(Some(super::json(self.1)))
    }
}

/// Counts its calls, and answers once it is let go.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) entered: Arc<AtomicUsize>,
    arrivals: Arc<Semaphore>,
    gate: Arc<Semaphore>,
}

impl Held {
    pub(crate) fn new() -> Self {
        Held {
            entered: Arc::default(),
            arrivals: Arc::new(Semaphore::new(0)),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    /// Waits until `calls` more calls are inside.
    pub(crate) async fn arrived(&self, calls: u32) {
        self.arrivals
            .acquire_many(calls)
            .await
            .expect("never closed")
            .forget();
    }

    pub(crate) fn let_go(&self, calls: usize) {
        self.gate.add_permits(calls);
    }
}

#[async_trait]
impl Component for Held {
    async fn handle(&self, input: Input<'_>, _: &Output) -> Answer {
        self.entered.fetch_add(1, Ordering::SeqCst);
        self.arrivals.add_permits(1);
        self.gate.acquire().await.expect("never closed").forget();
        Ok(Some(input.data))
    }
}

/// Never answers, and tells when it is cancelled.
pub(crate) struct Cancellable(
    pub(crate) std::sync::Mutex<Option<(oneshot::Sender<()>, oneshot::Sender<()>)>>,
);

impl Cancellable {
    /// The component, what resolves when it is called, and what resolves when that call is dropped.
    pub(crate) fn new() -> (Self, oneshot::Receiver<()>, oneshot::Receiver<()>) {
        let (entered, is_entered) = oneshot::channel();
        let (alive, dropped) = oneshot::channel();
        (
            Cancellable(Mutex::new(Some((entered, alive)))),
            is_entered,
            dropped,
        )
    }
}

#[async_trait]
impl Component for Cancellable {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        let (entered, _alive) = self.0.lock().unwrap().take().expect("called once");
        entered.send(()).expect("the test listens");
        std::future::pending().await
    }
}

/// Answers with the context that it sees: depth, what is left of the time in microseconds, metadata.
pub(crate) struct Reflect;

#[async_trait]
impl Component for Reflect {
    async fn handle(&self, input: Input<'_>, _: &Output) -> Answer {
        let left = input
            .context
            .deadline
            .map(|at| (at - tokio::time::Instant::now()).as_micros() as u64);
        Ok(Some(Payload::from_json(&serde_json::json!({
            "port": input.port,
            "from": input.from,
            "trace": format!("{:032x}", input.context.trace),
            "depth": input.context.depth,
            "left_us": left,
            "metadata": input.context.metadata.as_deref(),
        }))))
    }
}

/// Counts its calls, and answers each as it is told, by its number: 0, 1, 2, ...
pub(crate) struct Counted {
    calls: Arc<AtomicUsize>,
    answer: Box<dyn Fn(usize) -> Answer + Send + Sync>,
}

impl Counted {
    /// The component, and its number of calls so far.
    pub(crate) fn new(answer: impl Fn(usize) -> Answer + Send + Sync + 'static) -> (Self, Arc<AtomicUsize>) {
        let calls = Arc::default();
        let component = Counted {
            calls: Arc::clone(&calls),
            answer: Box::new(answer),
        };
        (component, calls)
    }

    /// Fails every time.
    pub(crate) fn failing(error: fn() -> ComponentError) -> (Self, Arc<AtomicUsize>) {
        Counted::new(move |_| Err(error()))
    }
}

#[async_trait]
impl Component for Counted {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        (self.answer)(self.calls.fetch_add(1, Ordering::SeqCst))
    }
}
