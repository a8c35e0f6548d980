//! What readers need of the keys that a harness adds, without knowing the harness.

use std::any::Any;

/// The additional keys of tables.
pub trait Extra: Any + Send + Sync {
    /// Those of one table.
    fn keys_of(&self, table: &str) -> Vec<&'static str>;
}

/// No additional keys.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

impl Extra for Nothing {
    fn keys_of(&self, _table: &str) -> Vec<&'static str> {
        Vec::new()
    }
}
