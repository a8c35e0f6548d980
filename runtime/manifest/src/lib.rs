//! TinySystems resources as YAML: who owns a node, where a module runs, and what is joined to what.
//!
//! | subject | file |
//! |---|---|
//! | YAML with places | `yaml` |
//! | TinyNode and TinyModule in all the shapes that they have had | [`resource`], `read` |
//! | what modules are called, and by whom a node is owned | [`names`] |
//! | a source of owners and endpoints that is read again and again | [`source`] |
//!
//! [`read()`] takes what a file has and says what is wrong with the rest; it never fails as a whole.
//!
//! Deliberately absent: anchors, aliases and tags of YAML, which exports of a cluster never have; the schemas
//! of ports, which are carried but not understood; and every kind of resource but these two.

pub mod names;
mod read;
pub mod resource;
pub mod source;
mod yaml;

pub use read::{Problem, Reading, Severity, read};
pub use resource::Resource;
pub use source::Manifests;
