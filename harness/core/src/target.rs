//! Targets of workloads. Each kind is a type of its system.

use std::any::Any;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use squall_sim::SimPlatform;

use crate::hosting::Systems;
use crate::journal::{Id, Outcome};

/// Placeholder in payload strings that makes every call's payload unique.
pub const CALL_NUMBER: &str = "{call}";

/// The target of a workload's calls, and their payload.
pub trait Target: Any + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// Its name in the journal and reports: `echo.in`.
    fn text(&self) -> String;

    /// The hops and executions that a call causes, as known in advance.
    fn causes(&self) -> Causes;

    /// Prepares the calls of a run.
    #[doc(hidden)]
    fn prepare(&self, systems: &Systems) -> Option<Box<dyn Prepared>>;
}

/// The hops and executions that a call causes directly. Oracles need to know nothing else about a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Causes {
    /// Exactly one, apart from retries, with the call's payload. The journal records it for every call with a reply.
    One,
    /// The same, but a call may get a reply without it.
    AtMostOne,
    /// Any number, with any payload.
    Any,
    /// None, but gRPC calls by user code, whose errors have gRPC classes.
    Rpcs,
}

impl dyn Target {
    /// This target as `T`, if it is one.
    pub fn downcast_ref<T: Target>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }

    /// Whether it is a `T`.
    pub fn is<T: Target>(&self) -> bool {
        self.downcast_ref::<T>().is_some()
    }
}

/// Equal if both have the same kind and the same values.
impl PartialEq for dyn Target {
    fn eq(&self, other: &Self) -> bool {
        let same_kind = (self as &dyn Any).type_id() == (other as &dyn Any).type_id();
        same_kind && format!("{self:?}") == format!("{other:?}")
    }
}

/// What all calls of a workload share, computed once.
#[doc(hidden)]
pub trait Prepared: Send + Sync {
    /// The call with this number in the run and this trace.
    fn request(&self, call: u64, trace: u128) -> Request;
}

/// One call, about to be made.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "it is a closure")]
pub struct Request {
    /// The payload's size on the wire.
    pub bytes: u64,
    /// The payload's digest.
    pub digest: Id,
    /// Makes the call on its source host. The timeout is only to be passed on: the workload enforces it with a timer of
    /// its own.
    pub make: Make,
}

/// Makes a call on a process, with this timeout.
pub type Make = Box<dyn FnOnce(SimPlatform, Duration) -> Making + Send>;

/// A call being made.
pub type Making = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// How a call ended.
#[doc(hidden)]
#[derive(Debug)]
pub struct Ended {
    pub(crate) outcome: Outcome,
    pub(crate) class: Arc<str>,
    pub(crate) error: Arc<str>,
    pub(crate) bytes: u64,
    pub(crate) digest: Id,
}

impl Ended {
    /// An end without a reply.
    pub fn broken(outcome: Outcome, class: &str, error: &str) -> Self {
        Ended {
            outcome,
            class: class.into(),
            error: error.into(),
            bytes: 0,
            digest: Id::NONE,
        }
    }

    /// An end with a reply of this size and digest.
    pub fn ok(bytes: u64, digest: Id) -> Self {
        Ended {
            outcome: Outcome::Ok,
            class: "".into(),
            error: "".into(),
            bytes,
            digest,
        }
    }
}
