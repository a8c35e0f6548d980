//! What a scenario expects. A kind of expectation is a type: of calls of a workload here, of a user's own kind here, of
//! providers in the room of their system.

mod calls;
mod own;

use std::any::Any;
use std::fmt::Debug;
use std::panic::{RefUnwindSafe, UnwindSafe};

pub(crate) use self::calls::OF_CALLS;
pub use self::calls::{Bounds, CallsExpectation, Check, Quantile};
pub use self::own::OwnExpectation;
use crate::oracle::Run;
use crate::plan::Window;
use crate::verdict::Judged;

/// What must hold in one run, besides what holds in all. No method has a default: whoever adds a kind is asked by the
/// compiler.
pub trait Expectation: Any + Debug + Send + Sync + UnwindSafe + RefUnwindSafe {
    /// As a statement: `orders during split: success rate >= 0.9`.
    fn text(&self) -> String;

    /// When it must hold; nothing where that is no question.
    fn window(&self) -> Option<&Window>;

    /// Whether it holds. A pure function of the run.
    fn judge(&self, run: &Run<'_>) -> Judged;

    /// Why nothing in this run could have broken it: `no call started in its window`. Nothing when something could.
    fn in_vain(&self, run: &Run<'_>) -> Option<&'static str>;
}

impl dyn Expectation {
    /// This expectation, if it is of that kind.
    pub fn downcast_ref<E: Expectation>(&self) -> Option<&E> {
        (self as &dyn Any).downcast_ref()
    }
}

/// Equal when they are of one kind and say the same.
impl PartialEq for dyn Expectation {
    fn eq(&self, other: &Self) -> bool {
        let same_kind = (self as &dyn Any).type_id() == (other as &dyn Any).type_id();
        same_kind && format!("{self:?}") == format!("{other:?}")
    }
}
