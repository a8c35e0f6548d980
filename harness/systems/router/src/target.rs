//! `to`: a port of a node.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use squall_core::hosting::Systems;
use squall_core::journal::{Id, Outcome};
use squall_core::target::{CALL_NUMBER, Causes, Ended, Prepared, Request, Target};
use squall_router::{ContentType, Error, Message, Payload};
use xxhash_rust::xxh3::xxh3_64;

use super::World;

/// A port of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct NodePort {
    /// The node. It exists.
    pub node: String,
    /// The port.
    pub port: String,
    /// The payload of every call, as JSON.
    pub payload: Value,
}

impl Target for NodePort {
    fn text(&self) -> String {
        format!("{}.{}", self.node, self.port)
    }

    fn causes(&self) -> Causes {
        Causes::One
    }

    fn prepare(&self, systems: &Systems) -> Option<Box<dyn Prepared>> {
        let text = self.payload.to_string();
        Some(Box::new(Messages {
            to: self.text().into(),
            content: match text.contains(CALL_NUMBER) {
                true => Content::Numbered(text),
                false => Content::Fixed(text.into()),
            },
            world: systems.get::<World>()?.clone(),
        }))
    }
}

struct Messages {
    to: Arc<str>,
    content: Content,
    world: World,
}

/// JSON.
enum Content {
    /// The same for all calls.
    Fixed(Bytes),
    /// With [`CALL_NUMBER`] in it.
    Numbered(String),
}

impl Prepared for Messages {
    fn request(&self, call: u64, trace: u128) -> Request {
        let text = match &self.content {
            Content::Fixed(text) => text.clone(),
            Content::Numbered(text) => text.replace(CALL_NUMBER, &call.to_string()).into(),
        };
        let (bytes, digest) = (text.len() as u64, Id(xxh3_64(&text)));
        let message = Message::new(self.to.clone(), Payload::new(text, ContentType::Json)).trace(trace);
        let world = self.world.clone();
        Request {
            bytes,
            digest,
            make: Box::new(move |process, timeout| {
                Box::pin(async move {
                    let module = world.module(&process).await;
                    let message = message.timeout(timeout);
                    ended(world.front().handle(module.scheduler(), message).await)
                })
            }),
        }
    }
}

fn ended(result: Result<Option<Payload>, Error>) -> Ended {
    match result {
        Ok(value) => {
            let bytes = value.as_ref().map_or(0, Payload::len) as u64;
            let digest = value
                .as_ref()
                .map_or(Id::NONE, |value| Id(xxh3_64(value.bytes())));
            Ended::ok(bytes, digest)
        }
        Err(error) => {
            let outcome = match error.outcome() {
                squall_router::Outcome::Failed => Outcome::Failed,
                squall_router::Outcome::Unknown => Outcome::Unknown,
            };
            Ended::broken(outcome, error.class(), &error.to_string())
        }
    }
}
