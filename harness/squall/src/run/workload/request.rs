//! What a call carries: the same for all calls of a workload, but for the number of the call.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use squall_engine::pipeline::Pipeline;
use squall_router::{ContentType, Message, Payload};
use squall_value::CValue;
use xxhash_rust::xxh3::xxh3_64;

use crate::journal::Id;
use crate::plan::Target;

/// What a string may hold to make every call's content its own.
const CALL_NUMBER: &str = "{call}";

/// What all calls of a workload carry.
pub(super) enum Content {
    /// JSON, the same for all calls.
    Fixed(Bytes),
    /// JSON that holds [`CALL_NUMBER`].
    Numbered(String),
    /// Inputs of a module of the provider protocol.
    Input(CValue),
    /// A program, and its inputs.
    Program(Arc<Pipeline>, CValue),
    /// What a client is given.
    Client(Value),
}

/// What one call carries.
pub(super) enum Request {
    /// To a node.
    Message(Message),
    /// To a module of the provider protocol.
    Input(CValue),
    /// To a program of such modules.
    Program(Arc<Pipeline>, CValue),
    /// To a client of this name.
    Client(Arc<str>, Value),
}

impl Content {
    pub(super) fn of(target: &Target) -> Self {
        match target {
            Target::Port { payload, .. } => {
                let text = payload.to_string();
                match text.contains(CALL_NUMBER) {
                    true => Content::Numbered(text),
                    false => Content::Fixed(text.into()),
                }
            }
            Target::Client { payload, .. } => Content::Client(payload.clone()),
            Target::Module { input, .. } => Content::Input(input.clone()),
            Target::Pipeline { program, input } => Content::Program(Arc::new(program.clone()), input.clone()),
        }
    }

    pub(super) fn request(&self, to: &Arc<str>, trace: u128, call: u64) -> Request {
        let text = match self {
            Content::Fixed(text) => text.clone(),
            Content::Numbered(text) => text.replace(CALL_NUMBER, &call.to_string()).into(),
            Content::Client(payload) => {
                let mut payload = payload.clone();
                number_json(&mut payload, &call.to_string());
                return Request::Client(to.clone(), payload);
            }
            Content::Input(input) => return Request::Input(numbered(input, &call.to_string())),
            Content::Program(program, input) => {
                return Request::Program(program.clone(), numbered(input, &call.to_string()));
            }
        };
        let payload = Payload::new(text, ContentType::Json);
        Request::Message(Message::new(to.clone(), payload).trace(trace))
    }
}

impl Request {
    /// As it goes over the wire.
    pub(super) fn size_and_digest(&self) -> (u64, Id) {
        match self {
            Request::Message(message) => (message.data.len() as u64, Id(xxh3_64(message.data.bytes()))),
            Request::Client(_, payload) => {
                let json = payload.to_string();
                (json.len() as u64, Id(xxh3_64(json.as_bytes())))
            }
            Request::Input(input) | Request::Program(_, input) => {
                let json = input.to_json();
                (json.len() as u64, Id(xxh3_64(&json)))
            }
        }
    }
}

fn number_json(value: &mut Value, call: &str) {
    match value {
        Value::String(text) if text.contains(CALL_NUMBER) => *text = text.replace(CALL_NUMBER, call),
        Value::Array(items) => items.iter_mut().for_each(|item| number_json(item, call)),
        Value::Object(fields) => fields.values_mut().for_each(|field| number_json(field, call)),
        _ => {}
    }
}

/// The value with the number of the call in its strings. Names and types have no numbers.
fn numbered(value: &CValue, call: &str) -> CValue {
    let mut value = value.clone();
    number(&mut value, call);
    value
}

fn number(value: &mut CValue, call: &str) {
    match value {
        CValue::String(text) if text.contains(CALL_NUMBER) => *text = text.replace(CALL_NUMBER, call).into(),
        CValue::Product { value, .. } => value.values_mut().for_each(|field| number(field, call)),
        CValue::List { value, .. } => value.iter_mut().for_each(|item| number(item, call)),
        CValue::Map { value, .. } => value.iter_mut().for_each(|(key, value)| {
            number(key, call);
            number(value, call);
        }),
        CValue::Union { value, .. } | CValue::Some { value, .. } => number(value, call),
        CValue::String(_) | CValue::Int(_) | CValue::Float(_) | CValue::Boolean(_) | CValue::None { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use squall_value::CType;

    use super::*;

    #[test]
    fn the_number_of_the_call_is_in_every_string_however_deep() {
        let labels = CValue::list(CType::String, [CValue::string("{call}"), CValue::string("x")]);
        let input = CValue::product([("text", CValue::string("call {call}")), ("labels", labels)]);
        let numbered = numbered(&input, "7");
        assert_eq!(numbered.field("text"), Some(&CValue::string("call 7")));
        let labels = CValue::list(CType::String, [CValue::string("7"), CValue::string("x")]);
        assert_eq!(numbered.field("labels"), Some(&labels));
    }
}
