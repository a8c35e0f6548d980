//! What a supervisor does about a failure.

use std::fmt;

/// What a supervisor does about a failure. Spec: cluster 3.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Decision {
    /// Passes it on, to the sink. The actor stays down.
    #[default]
    Escalate,
    /// Lets the actor stay down.
    Stop,
    /// Restarts the actor at once.
    Restart,
    /// Restarts the actor after a delay, which grows with each restart.
    Backoff,
}

impl Decision {
    /// Its name: `escalate`, `stop`, `restart` or `backoff`.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Escalate => "escalate",
            Decision::Stop => "stop",
            Decision::Restart => "restart",
            Decision::Backoff => "backoff",
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
