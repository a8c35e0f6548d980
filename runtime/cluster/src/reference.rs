//! The name of an actor, wherever it runs.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Names an actor. Spec: cluster 3.1.
///
/// An opaque handle: holding one does not keep the actor alive, and the actor may never have existed. In JSON all
/// four members are written, in this order; missing members are empty, and unknown ones are ignored.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[serde(rename_all = "PascalCase", default)]
pub struct ActorRef {
    /// The name of the actor on its node.
    #[serde(rename = "ID")]
    pub id: String,
    /// A well-known name, or empty.
    #[serde(rename = "SystemID")]
    pub system_id: String,
    /// The name of the behaviour that it was spawned from. For diagnosis: nothing is found by it.
    pub src: String,
    /// The node that runs it. Empty: the holder's own.
    pub node: String,
}

impl ActorRef {
    /// An actor of the holder's own node.
    pub fn local(id: impl Into<String>) -> Self {
        ActorRef {
            id: id.into(),
            ..ActorRef::default()
        }
    }

    /// An actor of this node.
    pub fn on(node: impl Into<String>, id: impl Into<String>) -> Self {
        ActorRef {
            id: id.into(),
            node: node.into(),
            ..ActorRef::default()
        }
    }
}

impl fmt::Display for ActorRef {
    /// `id@node`, or `id` alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.node {
            "" => write!(f, "{}", self.id),
            node => write!(f, "{}@{node}", self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_members_are_written_in_order_and_missing_ones_are_empty() {
        let reference = ActorRef {
            src: "worker".to_owned(),
            ..ActorRef::on("node-b", "w-1")
        };
        let json = r#"{"ID":"w-1","SystemID":"","Src":"worker","Node":"node-b"}"#;
        assert_eq!(serde_json::to_string(&reference).unwrap(), json);
        assert_eq!(serde_json::from_str::<ActorRef>(json).unwrap(), reference);
        let short: ActorRef = serde_json::from_str(r#"{"ID":"w-1","Epoch":3}"#).unwrap();
        assert_eq!(short, ActorRef::local("w-1"));
        assert_eq!(
            (reference.to_string(), short.to_string()),
            ("w-1@node-b".into(), "w-1".into())
        );
    }
}
