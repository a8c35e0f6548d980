//! What workloads call. A kind of target is a type of the system that has it.

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
pub use crate::systems::provider::{ModuleCall, PipelineRun};
pub use crate::systems::router::NodePort;
pub use crate::systems::service::ClientCall;

/// What the strings of a payload may hold to make every call's payload its own.
pub(crate) const CALL_NUMBER: &str = "{call}";

/// What a workload calls, and with what.
pub trait Target: Any + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// As the journal and reports name it: `echo.in`.
    fn text(&self) -> String;

    /// What is known beforehand of what a call of it causes.
    fn causes(&self) -> Causes;

    /// Makes the calls of a run.
    #[doc(hidden)]
    fn prepare(&self, systems: &Systems) -> Option<Box<dyn Prepared>>;
}

/// What a call causes of hops and executions, that is, beside what these cause in turn. Oracles need no more of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Causes {
    /// One, sent again at most, that carries what the call does. The journal has it of every call that is answered.
    One,
    /// The same, but a call may be answered without.
    AtMostOne,
    /// Any number, none of which need carry what the call does.
    Any,
    /// None, but gRPC calls of a user's own code: errors have classes of gRPC, too.
    Rpcs,
}

impl dyn Target {
    /// This target, if it is of that kind.
    pub fn downcast_ref<T: Target>(&self) -> Option<&T> {
        (self as &dyn Any).downcast_ref()
    }

    /// Whether it is of that kind.
    pub fn is<T: Target>(&self) -> bool {
        self.downcast_ref::<T>().is_some()
    }
}

/// Equal when they are of one kind and say the same.
impl PartialEq for dyn Target {
    fn eq(&self, other: &Self) -> bool {
        let same_kind = (self as &dyn Any).type_id() == (other as &dyn Any).type_id();
        same_kind && format!("{self:?}") == format!("{other:?}")
    }
}

/// What all calls of a workload have in common, worked out once.
#[doc(hidden)]
pub trait Prepared: Send + Sync {
    /// A call of this number in the run, and this trace.
    fn request(&self, call: u64, trace: u128) -> Request;
}

/// One call, about to be made.
#[doc(hidden)]
#[expect(missing_debug_implementations, reason = "it is a closure")]
pub struct Request {
    /// How large what it carries is on the wire.
    pub(crate) bytes: u64,
    /// A hash of that.
    pub(crate) digest: Id,
    /// Makes the call on the host where it starts. The time that it may take is for those who pass it on: whoever runs it
    /// has a timer of its own.
    pub(crate) make: Make,
}

pub(crate) type Make = Box<dyn FnOnce(SimPlatform, Duration) -> Making + Send>;

pub(crate) type Making = Pin<Box<dyn Future<Output = Ended> + Send>>;

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
    /// It did not end well.
    pub(crate) fn broken(outcome: Outcome, class: &str, error: &str) -> Self {
        Ended {
            outcome,
            class: class.into(),
            error: error.into(),
            bytes: 0,
            digest: Id::NONE,
        }
    }

    /// It ended well, with an answer of this size and hash.
    pub(crate) fn ok(bytes: u64, digest: Id) -> Self {
        Ended {
            outcome: Outcome::Ok,
            class: "".into(),
            error: "".into(),
            bytes,
            digest,
        }
    }
}
