//! The fields of an error, as JSON in a trailer.

use http::HeaderValue;
use serde::Serialize;
use serde::de::MapAccess;

use super::TEXT_MAX;
use crate::json::{self, Fields, Integer, Member, Text};
use crate::percent;

/// The fields of all errors together. Empty ones are not written.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Detail {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) src: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) node: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) wanted: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) reason: String,
    /// A limit, or the oldest step.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) number: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) step: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) first: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) last: i64,
}

fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Names are no longer than a server admits; this is for those that it makes itself.
const NAME_MAX: usize = 256;

impl Detail {
    pub(super) fn of(id: &str) -> Self {
        Detail {
            id: percent::cut(id, NAME_MAX).to_owned(),
            ..Detail::default()
        }
    }

    pub(super) fn src(self, src: &str) -> Self {
        Detail {
            src: percent::cut(src, NAME_MAX).to_owned(),
            ..self
        }
    }

    pub(super) fn node(self, node: &str) -> Self {
        Detail {
            node: percent::cut(node, NAME_MAX).to_owned(),
            ..self
        }
    }

    pub(super) fn wanted(self, wanted: &str) -> Self {
        Detail {
            wanted: percent::cut(wanted, NAME_MAX).to_owned(),
            ..self
        }
    }

    pub(super) fn reason(self, reason: &str) -> Self {
        Detail {
            reason: percent::cut(reason, TEXT_MAX).to_owned(),
            ..self
        }
    }

    pub(super) fn number(self, number: i64) -> Self {
        Detail { number, ..self }
    }

    pub(super) fn step(self, step: i64) -> Self {
        Detail { step, ..self }
    }

    pub(super) fn range(self, first: i64, last: i64) -> Self {
        Detail { first, last, ..self }
    }

    pub(super) fn encoded(&self) -> HeaderValue {
        let text = json::write(self);
        percent::encode(&String::from_utf8_lossy(&text))
    }

    /// `None` when it cannot be read.
    pub(super) fn decoded(value: &HeaderValue) -> Option<Self> {
        json::read(percent::decode(value).as_bytes()).ok()
    }
}

impl Fields for Detail {
    fn field<'de, A: MapAccess<'de>>(&mut self, name: &str, member: Member<'_, A>) -> Result<(), A::Error> {
        match name {
            "id" => member.read(Text(&mut self.id)),
            "src" => member.read(Text(&mut self.src)),
            "node" => member.read(Text(&mut self.node)),
            "wanted" => member.read(Text(&mut self.wanted)),
            "reason" => member.read(Text(&mut self.reason)),
            "number" => member.read(Integer(&mut self.number)),
            "step" => member.read(Integer(&mut self.step)),
            "first" => member.read(Integer(&mut self.first)),
            "last" => member.read(Integer(&mut self.last)),
            _ => member.ignore(),
        }
    }
}
