//! The built-in components. `squall components` lists them, with their ports and settings: the docs below are what it prints. Messages come
//! in at the port `in` unless a node names others with `inputs`.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use squall_core::registry::Declaration;
use squall_router::{Component, ComponentError, ContentType, Input, Output, Payload, async_trait};

use super::Components;
use super::settings::{Every, Span};

type Answer = Result<Option<Payload>, ComponentError>;

pub(super) fn register(components: &mut Components) {
    components.register("echo", |it: Echo| Ok(it));
    components.declare("echo", silent::<Echo>());
    components.register("forward", |it: Forward| Ok(it));
    components.declare("forward", Forward::declaration());
    components.register("router", |it: Router| Ok(it));
    components.declare("router", Router::declaration());
    components.register("fan_out", |it: FanOut| Ok(it));
    components.declare("fan_out", emitting(|it: FanOut| it.port));
    components.register("delay", |it: Delay| Ok(it));
    components.declare("delay", emitting(|it: Delay| it.port));
    components.register("fail", |it: Fail| Ok(it));
    components.declare("fail", sometimes_emitting(|it: Fail| (it.port, it.every)));
    components.register("panic", |it: Panic| Ok(it));
    components.declare("panic", sometimes_emitting(|it: Panic| (it.port, it.every)));
    components.register("counter", |it: Counter| Ok(it));
    components.declare("counter", silent::<Counter>());
    components.register("sink", |it: Sink| Ok(it));
    components.declare("sink", silent::<Sink>());
    components.register("impatient", |it: Impatient| Ok(it));
    components.declare("impatient", emitting(|it: Impatient| it.port));
    components.register("garble", |it: Garble| Ok(it));
    components.declare("garble", emitting(|it: Garble| it.port));
    components.register("blob", |it: Blob| Ok(it));
    components.declare("blob", silent::<Blob>());
}

/// A component that only answers.
fn silent<S: JsonSchema>() -> Declaration {
    Declaration::of::<S>().inputs_of_node().outputs([] as [&str; 0])
}

/// A component that emits at one port, named in its settings.
fn emitting<S: JsonSchema + DeserializeOwned + 'static>(port: fn(S) -> String) -> Declaration {
    let ports = move |it| vec![port(it)];
    Declaration::of::<S>().inputs_of_node().outputs_by(ports)
}

/// A component that emits at one port, unless every call does something else instead.
fn sometimes_emitting<S: JsonSchema + DeserializeOwned + 'static>(
    of: fn(S) -> (String, Every),
) -> Declaration {
    let ports = move |it| {
        let (port, every) = of(it);
        if every == Every::default() {
            Vec::new()
        } else {
            vec![port]
        }
    };
    Declaration::of::<S>()
        .inputs_of_node()
        .outputs_by(ports)
        .outputs_when("if `every` is more than 1")
}

fn out() -> String {
    "out".to_owned()
}

fn once() -> NonZeroU32 {
    NonZeroU32::MIN
}

/// Answers with what it got
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Echo {
    /// How long it takes to answer
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

/// Emits what it got, and answers with what comes back
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Forward {
    /// The port that it emits at
    #[serde(default = "out")]
    port: String,
    /// How often it emits that, each time when the time before was answered. The last answer is its own
    #[serde(default = "once")]
    times: NonZeroU32,
    /// Input ports at which it only answers, with what it got: where a flow that went out through it comes back to it
    #[serde(default)]
    answers: Vec<String>,
}

impl Forward {
    fn declaration() -> Declaration {
        let answers = |it: Forward| it.answers;
        Declaration::of::<Forward>()
            .answers_by(answers)
            .outputs_by(|it: Forward| vec![it.port])
    }
}

#[async_trait]
impl Component for Forward {
    async fn handle(&self, input: Input<'_>, output: &Output) -> Answer {
        if is_among(&self.answers, input.port) {
            return Ok(Some(input.data));
        }
        for _ in 1..self.times.get() {
            output.emit(&self.port, input.data.clone()).await?;
        }
        Ok(output.emit(&self.port, input.data).await?)
    }
}

fn is_among(ports: &[String], port: &str) -> bool {
    ports.iter().any(|it| it == port)
}

/// Emits to the port of the route that matches a field of the message, and answers with what comes back
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Router {
    /// The field of the message that decides
    field: String,
    /// The port for each value of the field
    routes: BTreeMap<String, String>,
    /// The port for all other values; without it they are errors
    default: Option<String>,
    /// Input ports at which it only answers, with what it got: where a flow that went out through it comes back to it
    #[serde(default)]
    answers: Vec<String>,
}

impl Router {
    fn declaration() -> Declaration {
        let answers = |it: Router| it.answers;
        Declaration::of::<Router>()
            .answers_by(answers)
            .outputs_by(|it: Router| it.routes.into_values().chain(it.default).collect())
            .outputs_when("the ports of `routes`, and `default`")
    }
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

#[derive(Deserialize, Serialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
enum Policy {
    /// One failed branch fails the call.
    #[default]
    All,
    /// The call fails only when every branch does.
    Any,
}

/// Emits to all edges of a port at once, and answers with the list of answers
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FanOut {
    /// The port that it emits at
    #[serde(default = "out")]
    port: String,
    /// Whether one failed branch fails the call, or only all of them together
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

/// Waits, then emits what it got, and answers with what comes back
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Delay {
    /// How long it waits
    r#for: Span,
    /// The port that it emits at
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

/// Answers every nth call with an error, and forwards the others
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fail {
    /// What the error says
    #[serde(default = "failed")]
    message: String,
    /// The error's code
    code: Option<String>,
    /// Whether the error may go away when the message is sent again
    retryable: Option<bool>,
    /// Every how many calls it happens
    #[serde(default)]
    every: Every,
    /// The port that it emits at
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

/// Panics at every nth call, and forwards the others
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Panic {
    /// What the panic says
    #[serde(default = "panicked")]
    message: String,
    /// Every how many calls it happens
    #[serde(default)]
    every: Every,
    /// The port that it emits at
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

/// Answers with how many calls it has had since its process started
#[derive(Deserialize, JsonSchema)]
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

/// Answers with no value
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Sink {}

#[async_trait]
impl Component for Sink {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        Ok(None)
    }
}

/// Emits, and gives up after a while: what it emitted is cancelled, and it has no value
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Impatient {
    /// How long it waits
    r#for: Span,
    /// The port that it emits at
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

/// Emits what says that it is JSON and is not, and answers with what comes back
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Garble {
    /// The port that it emits at
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

/// Answers with so many bytes of JSON
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Blob {
    /// How many, at most 64 MiB
    #[serde(deserialize_with = "at_most_64_mib")]
    bytes: usize,
}

/// Above any message's limit, and small enough for a process to hold several.
fn at_most_64_mib<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    const MOST: usize = 64 << 20;
    match usize::deserialize(deserializer)? {
        bytes if bytes <= MOST => Ok(bytes),
        bytes => Err(serde::de::Error::custom(format!(
            "{bytes} bytes are more than a blob may have: {MOST} at most"
        ))),
    }
}

#[async_trait]
impl Component for Blob {
    async fn handle(&self, _: Input<'_>, _: &Output) -> Answer {
        let text = "x".repeat(self.bytes.saturating_sub(2));
        Ok(Some(Payload::new(format!("\"{text}\""), ContentType::Json)))
    }
}
