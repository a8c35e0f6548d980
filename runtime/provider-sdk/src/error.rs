//! Why a provider cannot be built, cannot start, or is not connected.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use squall_grpc::DialError;
use squall_platform::Authority;
use tonic::{Code, Status};

use crate::{DiscoverError, NameError};

/// Why a provider cannot be built: the program is at fault. There was no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A name that no server would accept.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The executor's host is empty, or has more than a host.
    #[error("executor_host must be a host without scheme and port: '{host}'")]
    ExecutorHost {
        /// The given text.
        host: Box<str>,
    },
    /// An interval is zero: the work would repeat without a pause.
    #[error("{setting} must be longer than zero")]
    Zero {
        /// The field of the configuration.
        setting: &'static str,
    },
}

/// Why a provider has not started. Everything that had been started is undone. Spec: provider 3.2.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The executor's port cannot be listened on.
    #[error("cannot listen on port {port}: {cause}")]
    Listen {
        /// The port.
        port: u16,
        /// The reason.
        #[source]
        cause: io::Error,
    },
    /// The managers cannot be determined.
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    /// A manager cannot be reached, or rejects these modules: the first such one.
    #[error("{manager}: {error}")]
    Connect {
        /// The manager.
        manager: Authority,
        /// The reason.
        #[source]
        error: ConnectError,
    },
}

/// Why a manager is not connected.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// It cannot be reached.
    #[error("{0}")]
    Unreachable(#[source] Arc<DialError>),
    /// It rejects the modules. Spec: provider 2.3, 3.3.
    #[error("Registration failed: {}", list(.rejections))]
    Rejected {
        /// The modules that were rejected.
        rejections: Vec<Rejection>,
    },
    /// It has answered a request with a status.
    #[error("{request}: {}", described(.status))]
    Status {
        /// The request: `Register` or `ControlPlane`.
        request: &'static str,
        /// The status.
        #[source]
        status: Box<Status>,
    },
    /// It has not answered a request in time.
    #[error("{request} was not answered within {after:?}")]
    NoAnswer {
        /// The request.
        request: &'static str,
        /// The time limit.
        after: Duration,
    },
    /// It acknowledges no heartbeats: it, or the network to it, counts as dead.
    #[error("no heartbeat was acknowledged for {after:?}")]
    NoAck {
        /// The time without acknowledgements.
        after: Duration,
    },
    /// It has ended the control plane.
    #[error("the manager has ended the control plane")]
    Ended,
    /// It was given up.
    #[error("given up after {attempts} attempts in a row: {last}")]
    GivenUp {
        /// The number of attempts to reconnect.
        attempts: u32,
        /// The error of the last one.
        #[source]
        last: Box<ConnectError>,
    },
}

/// A module that a manager rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Its short name.
    pub module: String,
    /// The manager's reason.
    pub reason: String,
}

impl ConnectError {
    /// Whether a retry may help. A rejection may be retried unless the request itself is invalid, by its names, types
    /// or address: a manager may not have noticed yet that an owner of the namespace, such as our own last
    /// connection, is gone. Spec: provider 3.4.
    pub fn may_be_retried(&self) -> bool {
        match self {
            ConnectError::Rejected { rejections } => !rejections.iter().any(Rejection::is_final),
            ConnectError::GivenUp { .. } => false,
            _ => true,
        }
    }

    /// Whether the manager may nevertheless have registered the modules: it removes them when no control plane
    /// follows.
    pub fn may_have_registered(&self) -> bool {
        match self {
            ConnectError::Unreachable(_) | ConnectError::Rejected { .. } => false,
            ConnectError::GivenUp { last, .. } => last.may_have_registered(),
            _ => true,
        }
    }

    /// Whether the provider is at fault, by its names, types or group; otherwise it is the manager, or the network.
    pub fn is_the_providers_fault(&self) -> bool {
        match self {
            ConnectError::Rejected { .. } => true,
            ConnectError::Status { status, .. } => status.code() == Code::InvalidArgument,
            ConnectError::GivenUp { last, .. } => last.is_the_providers_fault(),
            _ => false,
        }
    }
}

impl Rejection {
    /// True when the rejection is permanent: the texts of the first checks, and of the schemas'. Spec: provider 2.3
    /// to 2.5.
    fn is_final(&self) -> bool {
        let reason = &*self.reason;
        reason.starts_with("Invalid ")
            || reason.starts_with("Module name ")
            || reason.contains("executor_url")
            || reason.ends_with("is reserved")
            || reason == "Namespace cannot be empty"
    }
}

fn list(rejections: &[Rejection]) -> String {
    let told = rejections
        .iter()
        .map(|it| format!("{}: {}", it.module, it.reason));
    told.collect::<Vec<_>>().join(", ")
}

/// A status in the format of gRPC's tools: `UNAVAILABLE: message`.
fn described(status: &Status) -> String {
    let mut code = String::new();
    for letter in format!("{:?}", status.code()).chars() {
        if letter.is_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.push(letter.to_ascii_uppercase());
    }
    match status.message() {
        "" => code,
        message => format!("{code}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(reasons: &[&str]) -> ConnectError {
        let rejection = |reason: &&str| Rejection {
            module: "A".to_owned(),
            reason: (*reason).to_owned(),
        };
        ConnectError::Rejected {
            rejections: reasons.iter().map(rejection).collect(),
        }
    }

    #[test]
    fn a_rejection_of_the_request_as_it_is_does_not_pass_by_itself() {
        let owned = "Namespace 'ml' is owned by another provider";
        assert!(rejected(&[owned, "Module 'ml.A' already exists", "in other words"]).may_be_retried());
        for fixed in [
            "Invalid input schema: Missing input_schema",
            "Invalid namespace part '1'",
            "Module name cannot be empty",
            "Port out of range in executor_url: a:0",
            "Namespace 'stdlib' is reserved",
        ] {
            assert!(!rejected(&[owned, fixed]).may_be_retried(), "{fixed}");
        }
        assert_eq!(
            rejected(&["x", "y"]).to_string(),
            "Registration failed: A: x, A: y"
        );
    }

    #[test]
    fn a_status_is_told_by_the_name_of_its_code() {
        assert_eq!(described(&Status::unavailable("gone")), "UNAVAILABLE: gone");
        assert_eq!(described(&Status::deadline_exceeded("")), "DEADLINE_EXCEEDED");
    }
}
