//! TinySystems resources as YAML: owners of nodes, endpoints of modules, and edges.
//!
//! | subject | file |
//! |---|---|
//! | YAML with positions | `yaml` |
//! | TinyNode and TinyModule in all their historical shapes | [`resource`], `read` |
//! | names of modules, and owners of nodes | [`names`] |
//! | a source of owners and endpoints that is read repeatedly | [`source`] |
//!
//! [`read()`] takes the valid part of a file and reports the rest; it never fails as a whole.
//!
//! Deliberately absent: anchors, aliases and tags of YAML, which exports of a cluster never have; the schemas of
//! ports, which are passed through without being interpreted; and all other kinds of resources.

pub mod names;
mod read;
pub mod resource;
pub mod source;
mod yaml;

pub use read::{Problem, Reading, Severity, read};
pub use resource::Resource;
pub use source::Manifests;
