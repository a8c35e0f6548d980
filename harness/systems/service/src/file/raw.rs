//! Services of a topology file.

use squall_core::file::read::{At, tables};
use squall_core::file::value::JsonObject;

tables! {
    /// A service of your own: Rust code that a harness registers under a name
    pub Service("[service.*]") {
        /// The name under which its code is registered; "nothing" for a host of clients. The service's own name when absent
        runs: Option<At<String>>,
        /// How many hosts run it: name-0, name-1, ... when more than one. 1 to 1000; 1 when absent
        replicas: Option<At<u64>>,
        /// What its code takes
        settings: Option<At<JsonObject>>,
    }
}
