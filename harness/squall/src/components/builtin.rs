//! The built-in components.
//!
//! | name | what it does | settings |
//! |---|---|---|
//! | `echo` | answers with what it got | `delay` |
//! | `forward` | emits what it got, answers with what comes back | `port` ("out"), `answers` |
//! | `router` | emits to the port of the first route that matches | `field`, `routes = { value = "port" }`, `default`, `answers` |
//! | `fan_out` | emits to all edges of a port at once, answers with the list of answers | `port` ("out"), `policy` ("all" or "any") |
//! | `delay` | waits, then forwards | `for`, `port` ("out") |
//! | `fail` | answers every nth call with an error, forwards the others | `message`, `code`, `retryable`, `every` (1) |
//! | `panic` | panics at every nth call, forwards the others | `message`, `every` (1) |
//! | `counter` | answers with how many calls it had | |
//! | `sink` | answers with no value | |
//! | `impatient` | emits, and gives up after a while: what it emitted is cancelled, and it has no value | `for`, `port` ("out") |
//! | `garble` | emits something that says it is JSON and is not, answers with what comes back | `port` ("out") |
//! | `blob` | answers with so many bytes of JSON | `bytes` |
//!
//! `answers` are the ports at which a node only answers, with what it got: where a flow that went out through
//! it comes back to it, as the response to a request.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};
use squall_router::{Component, ComponentError, ContentType, Input, Output, Payload, async_trait};

use super::Components;
use super::settings::{Every, Span};

type Answer = Result<Option<Payload>, ComponentError>;

pub(super) fn register(components: &mut Components) {
    components.register("echo", |it: Echo| Ok(it));
    components.register("forward", |it: Forward| Ok(it));
    components.register("router", |it: Router| Ok(it));
    components.register("fan_out", |it: FanOut| Ok(it));
    components.register("delay", |it: Delay| Ok(it));
    components.register("fail", |it: Fail| Ok(it));
    components.register("panic", |it: Panic| Ok(it));
    components.register("counter", |it: Counter| Ok(it));
    components.register("sink", |it: Sink| Ok(it));
    components.register("impatient", |it: Impatient| Ok(it));
    components.register("garble", |it: Garble| Ok(it));
    components.register("blob", |it: Blob| Ok(it));
}

fn out() -> String {
    "out".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Echo {
    #[serde(default)]
    delay: Span,
}

#[async_trait]
impl Component for Echo {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        if !self.delay.0.is_zero() {
            output.sleep(self.delay.0).await;
        }
        Ok(Some(input.data))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Forward {
    #[serde(default = "out")]
    port: String,
    #[serde(default)]
    answers: Vec<String>,
}

#[async_trait]
impl Component for Forward {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        if is_among(&self.answers, input.port) {
            return Ok(Some(input.data));
        }
        Ok(output.emit(&self.port, input.data).await?)
    }
}

fn is_among(ports: &[String], port: &str) -> bool {
    ports.iter().any(|it| it == port)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Router {
    field: String,
    routes: BTreeMap<String, String>,
    default: Option<String>,
    #[serde(default)]
    answers: Vec<String>,
}

#[async_trait]
impl Component for Router {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        if is_among(&self.answers, input.port) {
            return Ok(Some(input.data));
        }
        let data = input.data.json()?;
        let value = match data.get(&self.field) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        match self.routes.get(&value).or(self.default.as_ref()) {
            Some(port) => Ok(output.emit(port, input.data).await?),
            None => Err(ComponentError::new(format!(
                "no route for {} = {value:?}",
                self.field
            ))),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "snake_case")]
enum Policy {
    /// One failed branch fails the call.
    #[default]
    All,
    /// The call fails only when every branch does.
    Any,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FanOut {
    #[serde(default = "out")]
    port: String,
    #[serde(default)]
    policy: Policy,
}

#[async_trait]
impl Component for FanOut {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        let (mut answers, mut first_error) = (Vec::new(), None);
        for result in output.emit_each(&self.port, input.data).await {
            match result {
                Ok(answer) => answers.push(answer.map_or(Ok(Value::Null), |answer| answer.json())?),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        match (first_error, &self.policy) {
            (Some(error), Policy::All) => Err(error.into()),
            (Some(error), Policy::Any) if answers.is_empty() => Err(error.into()),
            _ => Ok(Some(Payload::from_json(&Value::Array(answers)))),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delay {
    r#for: Span,
    #[serde(default = "out")]
    port: String,
}

#[async_trait]
impl Component for Delay {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        output.sleep(self.r#for.0).await;
        Ok(output.emit(&self.port, input.data).await?)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fail {
    #[serde(default = "failed")]
    message: String,
    code: Option<String>,
    retryable: Option<bool>,
    #[serde(default)]
    every: Every,
    #[serde(default = "out")]
    port: String,
    #[serde(skip)]
    calls: AtomicU64,
}

fn failed() -> String {
    "failed as asked".to_owned()
}

#[async_trait]
impl Component for Fail {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        if !is_nth(&self.calls, self.every) {
            return Ok(output.emit(&self.port, input.data).await?);
        }
        let mut error = ComponentError::new(self.message.clone());
        if let Some(code) = &self.code {
            error = error.code(code.clone());
        }
        if let Some(retryable) = self.retryable {
            error = error.retryable(retryable);
        }
        Err(error)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Panic {
    #[serde(default = "panicked")]
    message: String,
    #[serde(default)]
    every: Every,
    #[serde(default = "out")]
    port: String,
    #[serde(skip)]
    calls: AtomicU64,
}

fn panicked() -> String {
    "panicked as asked".to_owned()
}

#[async_trait]
impl Component for Panic {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        assert!(!is_nth(&self.calls, self.every), "{}", self.message);
        Ok(output.emit(&self.port, input.data).await?)
    }
}

fn is_nth(calls: &AtomicU64, every: Every) -> bool {
    (calls.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every.0)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Counter {
    #[serde(skip)]
    calls: AtomicU64,
}

#[async_trait]
impl Component for Counter {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        let count = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Some(Payload::from_json(&json!({ "count": count }))))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sink {}

#[async_trait]
impl Component for Sink {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        Ok(None)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Impatient {
    r#for: Span,
    #[serde(default = "out")]
    port: String,
}

#[async_trait]
impl Component for Impatient {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        tokio::select! {
            biased;
            answer = output.emit(&self.port, input.data) => Ok(answer?),
            () = output.sleep(self.r#for.0) => Ok(None),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Garble {
    #[serde(default = "out")]
    port: String,
}

#[async_trait]
impl Component for Garble {
    async fn handle(&self, _: Input<'_>, output: &Output) -> Answer {
        let garbage = Payload::new("{ \"order\": 7,".to_owned(), ContentType::Json);
        Ok(output.emit(&self.port, garbage).await?)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Blob {
    bytes: usize,
}

#[async_trait]
impl Component for Blob {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        let text = "x".repeat(self.bytes.saturating_sub(2));
        Ok(Some(Payload::new(format!("\"{text}\""), ContentType::Json)))
    }
}
