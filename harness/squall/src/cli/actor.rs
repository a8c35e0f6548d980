//! `squall actor`

use std::collections::BTreeMap;
use std::io::{self, Write};

use bytes::Bytes;
use clap::{Args, Subcommand};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use squall_cluster::{ActorRef, CallOptions, Delivered, Error, HistoryError, Outcome, Transport as _};
use squall_platform::{Authority, TokioPlatform};
use squall_transport::{QueryError, Transport};

use super::call::{address, json_input};
use super::{Console, Exit, one_line, plain, runtime};
use crate::report;

#[derive(Debug, Subcommand)]
pub(super) enum ActorVerb {
    /// Spawn an actor, and print its reference
    Spawn {
        /// The behaviour
        src: String,
        /// The actor's id. Nothing is spawned if it runs already
        id: String,
        /// The input, a JSON object; `-` is standard input
        #[arg(value_name = "JSON")]
        input: Option<String>,
        #[command(flatten)]
        node: NodeArgs,
    },
    /// Deliver an event to an actor, and print what it did with it
    Deliver {
        /// The actor's id
        id: String,
        /// The event, as JSON; `-` is standard input
        #[arg(value_name = "JSON", default_value = "null", allow_negative_numbers = true)]
        event: String,
        /// Deliver it at most once under this id: it may then be sent again
        #[arg(long, value_name = "ID", allow_negative_numbers = true)]
        message_id: Option<String>,
        #[command(flatten)]
        node: NodeArgs,
    },
    /// Print the state of a durable instance after a step of its past
    StateAt {
        /// The instance's id
        id: String,
        /// The step; -1 is the state before the first event
        #[arg(allow_negative_numbers = true)]
        step: i64,
        #[command(flatten)]
        node: NodeArgs,
    },
    /// Print the recorded steps of a durable instance
    Steps {
        /// The instance's id
        id: String,
        #[command(flatten)]
        node: NodeArgs,
    },
}

#[derive(Debug, Args)]
pub(super) struct NodeArgs {
    /// What the node is called
    #[arg(long = "node", value_name = "NAME")]
    name: String,
    /// Where it listens
    #[arg(long, value_name = "HOST:PORT", value_parser = address)]
    address: Authority,
    /// How long the call may take
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    timeout: humantime::Duration,
}

/// Why there is no answer to print.
enum Trouble {
    BadInput(String),
    NotRunning(String),
    Late,
    Call(Error),
    History(HistoryError),
    Other(String),
}

impl From<QueryError> for Trouble {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Call(error) => Trouble::Call(error),
            QueryError::History(error) => Trouble::History(error),
            other => Trouble::Other(other.to_string()),
        }
    }
}

impl Trouble {
    fn exit(&self) -> Exit {
        match self {
            Trouble::BadInput(_) | Trouble::Call(Error::BadPayload { .. }) => Exit::BadInput,
            Trouble::Late | Trouble::Call(Error::DeadlineExceeded { .. }) => Exit::NoVerdict,
            Trouble::Call(Error::Unavailable { .. } | Error::NodeUnreachable { .. }) => Exit::Unavailable,
            _ => Exit::Broken,
        }
    }

    fn text(&self) -> String {
        match self {
            Trouble::BadInput(why) | Trouble::Other(why) => why.clone(),
            Trouble::NotRunning(actor) => format!("no actor '{actor}' runs there"),
            Trouble::Late => "the node has not answered in time".to_owned(),
            Trouble::Call(error) => error.to_string(),
            Trouble::History(error) => error.to_string(),
        }
    }
}

pub(super) fn actor<O: Write, E: Write>(verb: &ActorVerb, console: &mut Console<O, E>) -> io::Result<Exit> {
    let runtime = runtime()?;
    let answer = runtime.block_on(async {
        let timeout = *verb.node().timeout;
        let answer = tokio::time::timeout(timeout, ask(verb));
        answer.await.unwrap_or(Err(Trouble::Late))
    });
    // A pending DNS lookup must not block the exit.
    runtime.shutdown_background();
    match answer {
        Ok(answer) => {
            writeln!(console.out, "{answer}")?;
            Ok(Exit::Held)
        }
        Err(trouble) => {
            writeln!(console.err, "error: {}", plain(&trouble.text()))?;
            Ok(trouble.exit())
        }
    }
}

impl ActorVerb {
    fn node(&self) -> &NodeArgs {
        match self {
            ActorVerb::Spawn { node, .. }
            | ActorVerb::Deliver { node, .. }
            | ActorVerb::StateAt { node, .. }
            | ActorVerb::Steps { node, .. } => node,
        }
    }
}

/// The answer, as one line of JSON.
async fn ask(verb: &ActorVerb) -> Result<String, Trouble> {
    let node = verb.node();
    let transport = Transport::new(TokioPlatform::new());
    transport.add_node(node.name.clone(), node.address.clone());
    let options = CallOptions {
        timeout: Some(*node.timeout),
        ..CallOptions::default()
    };
    match verb {
        ActorVerb::Spawn { src, id, input, .. } => {
            let input = input.as_deref().map(object).transpose()?;
            let spawned = transport.spawn(&node.name, src, id, input, &options).await;
            Ok(one_line(&json!(spawned.map_err(Trouble::Call)?)))
        }
        ActorVerb::Deliver {
            id,
            event,
            message_id,
            ..
        } => {
            let to = ActorRef::on(&node.name, id);
            let options = CallOptions {
                message_id: message_id.clone(),
                ..options
            };
            let delivered = transport.deliver(&to, payload(event)?, &options).await;
            outcome(&to, delivered.map_err(Trouble::Call)?)
        }
        ActorVerb::StateAt { id, step, .. } => {
            let snapshot = transport.state_at(&node.name, id, *step).await?;
            // Printed as it was sent: parsing it would change large numbers.
            Ok(report::clean_json(&String::from_utf8_lossy(&snapshot)))
        }
        ActorVerb::Steps { id, .. } => {
            let steps = transport.steps(&node.name, id).await?;
            Ok(json!(steps).to_string())
        }
    }
}

fn payload(text: &str) -> Result<Bytes, Trouble> {
    json_input(text).map(Bytes::from).map_err(Trouble::BadInput)
}

/// The input of a spawn.
fn object(text: &str) -> Result<Bytes, Trouble> {
    let input = payload(text)?;
    match serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(&input) {
        Ok(_) => Ok(input),
        Err(_) => Err(Trouble::BadInput("the input must be a JSON object".to_owned())),
    }
}

/// What an actor did. A node in Go does not say.
fn outcome(to: &ActorRef, answer: Delivered) -> Result<String, Trouble> {
    if !answer.delivered {
        return Err(Trouble::NotRunning(to.to_string()));
    }
    let (outcome, reason) = match answer.outcome {
        None => (Value::Null, None),
        Some(Outcome::Handled) => ("handled".into(), None),
        Some(Outcome::Ignored) => ("ignored".into(), None),
        Some(Outcome::Rejected(reason)) => ("rejected".into(), Some(reason)),
        Some(Outcome::Failed(reason)) => ("failed".into(), Some(reason)),
        Some(other) => (format!("{other:?}").into(), None),
    };
    let mut said = json!({ "delivered": true, "outcome": outcome });
    if let Some(reason) = reason {
        said["reason"] = reason.into();
    }
    Ok(one_line(&said))
}
