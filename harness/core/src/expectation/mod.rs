//! Expectations of scenarios. Each kind is a type: about calls of a workload here, user-defined here, about providers in
//! their system.

mod calls;
mod own;

use std::any::Any;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

pub use self::calls::OF_CALLS;
pub use self::calls::{Bounds, CallsExpectation, Check, Quantile};
pub use self::own::OwnExpectation;
use crate::oracle::Run;
use crate::plan::Window;
use crate::verdict::Judged;

/// A condition that must hold in one run, in addition to the oracles. Methods have no defaults, so that the compiler asks
/// the author of a new kind.
pub trait Expectation: Any + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// As a statement: `orders during split: success rate >= 0.9`.
    fn text(&self) -> String;

    /// When it must hold; `None` if it has no window.
    fn window(&self) -> Option<&Window>;

    /// Whether it holds. A pure function of the run.
    fn judge(&self, run: &Run<'_>) -> Judged;

    /// Why nothing in this run could have violated it: `no call started in its window`. `None` if something could.
    fn in_vain(&self, run: &Run<'_>) -> Option<&'static str>;
}

impl dyn Expectation {
    /// This expectation as `E`, if it is one.
    pub fn downcast_ref<E: Expectation>(&self) -> Option<&E> {
        (self as &dyn Any).downcast_ref()
    }
}

/// Equal if both have the same kind and the same values.
impl PartialEq for dyn Expectation {
    fn eq(&self, other: &Self) -> bool {
        let same_kind = (self as &dyn Any).type_id() == (other as &dyn Any).type_id();
        same_kind && format!("{self:?}") == format!("{other:?}")
    }
}
