//! Limits for received data.

/// The maximum size, depth and number of items of JSON and schemas. Exceeding a limit is an error, never a crash.
///
/// A higher [`depth_max`](Limits::depth_max) needs larger stacks, since values and types are processed recursively:
/// the 2 MiB of a thread are enough for ten times the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum size of JSON, in bytes. The default is gRPC's for a message: 4 MiB.
    pub bytes_max: usize,
    /// The maximum nesting of values, and of types. The default is 64: a protobuf decoder stops at 50, or earlier.
    pub depth_max: usize,
    /// The maximum number of values and types, on all levels together. The default is 262,144.
    pub nodes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            bytes_max: 4 * 1024 * 1024,
            depth_max: 64,
            nodes_max: 256 * 1024,
        }
    }
}
