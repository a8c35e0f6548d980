//! `client`: a call by a user-defined client.

use std::sync::Arc;

use serde_json::Value;
use squall_core::hosting::Systems;
use squall_core::journal::Id;
use squall_core::target::{CALL_NUMBER, Causes, Ended, Prepared, Request, Target};
use xxhash_rust::xxh3::xxh3_64;

use super::Sites;
use crate::CallError;

/// A call by a user-defined client.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientCall {
    /// The name under which its code is registered.
    pub name: String,
    /// The payload of every call, as JSON.
    pub payload: Value,
}

impl Target for ClientCall {
    fn text(&self) -> String {
        self.name.clone()
    }

    fn causes(&self) -> Causes {
        Causes::Rpcs
    }

    fn prepare(&self, systems: &Systems) -> Option<Box<dyn Prepared>> {
        Some(Box::new(ClientCalls {
            name: self.name.as_str().into(),
            payload: self.payload.clone(),
            sites: systems.get::<Sites>()?.clone(),
        }))
    }
}

struct ClientCalls {
    name: Arc<str>,
    payload: Value,
    sites: Sites,
}

impl Prepared for ClientCalls {
    fn request(&self, call: u64, trace: u128) -> Request {
        let mut payload = self.payload.clone();
        number(&mut payload, &call.to_string());
        let json = payload.to_string();
        let (sites, name) = (self.sites.clone(), self.name.clone());
        Request {
            bytes: json.len() as u64,
            digest: Id(xxh3_64(json.as_bytes())),
            make: Box::new(move |process, timeout| {
                let numbers = (call, trace as u64);
                Box::pin(async move { ended(sites.call(process, (name, payload), numbers, timeout).await) })
            }),
        }
    }
}

fn ended(result: Result<(), CallError>) -> Ended {
    match result {
        Ok(()) => Ended::ok(0, Id::NONE),
        Err(error) => Ended::broken(error.outcome(), error.class(), &error.to_string()),
    }
}

/// Inserts the call's number into the payload's strings.
fn number(value: &mut Value, call: &str) {
    match value {
        Value::String(text) if text.contains(CALL_NUMBER) => *text = text.replace(CALL_NUMBER, call),
        Value::Array(items) => items.iter_mut().for_each(|item| number(item, call)),
        Value::Object(fields) => fields.values_mut().for_each(|field| number(field, call)),
        _ => {}
    }
}
