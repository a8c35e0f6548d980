//! Enumerations in `[module.*]`.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use squall_core::file::names::unknown;
use squall_core::file::read::{Read, Value, wrong_type};
use squall_core::file::report::Problems;
use squall_router::{Method, Policy};

/// When an emission along several edges succeeds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EdgePolicy(pub(crate) Policy);

const POLICIES: [(&str, Policy); 2] = [("all", Policy::All), ("any", Policy::Any)];

impl Read for EdgePolicy {
    const EXPECTED: &'static str = "a policy";
    const REMEDY: &'static str = r#"write "all" or "any""#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            return wrong_type::<Self, _>(value, problems);
        };
        let policy = POLICIES.into_iter().find(|(name, _)| *name == text);
        if policy.is_none() {
            let known = POLICIES.map(|(name, _)| name);
            unknown("policy", text, &value.span(), known.into_iter(), problems);
        }
        policy.map(|(_, policy)| Self(policy))
    }
}

impl JsonSchema for EdgePolicy {
    fn schema_name() -> Cow<'static, str> {
        "EdgePolicy".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": POLICIES.map(|(name, _)| name) })
    }
}

/// A method of the wire protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallMethod(pub(crate) Method);

const METHODS: [(&str, Method); 2] = [("send", Method::Send), ("message", Method::Message)];

impl Read for CallMethod {
    const EXPECTED: &'static str = "a method";
    const REMEDY: &'static str = r#"write "send" or "message""#;

    fn read(value: &Value<'_>, problems: &mut Problems) -> Option<Self> {
        let Some(text) = value.get_ref().as_str() else {
            return wrong_type::<Self, _>(value, problems);
        };
        let method = METHODS.into_iter().find(|(name, _)| *name == text);
        if method.is_none() {
            let known = METHODS.map(|(name, _)| name);
            unknown("method", text, &value.span(), known.into_iter(), problems);
        }
        method.map(|(_, method)| Self(method))
    }
}

impl JsonSchema for CallMethod {
    fn schema_name() -> Cow<'static, str> {
        "CallMethod".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": METHODS.map(|(name, _)| name) })
    }
}
