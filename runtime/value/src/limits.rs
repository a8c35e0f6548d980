//! How much is read from somebody else.

/// How large, deep and populous JSON and schemas may be. What passes a limit is an error, and never a crash.
///
/// Whoever raises [`depth_max`](Limits::depth_max) needs stacks to match, since values and types are walked by
/// recursion: the 2 MiB of a thread are enough for ten times the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The size of JSON, in bytes. The default is gRPC's for a message: 4 MiB.
    pub bytes_max: usize,
    /// How deep values may nest, and types. The default is 64: a protobuf decoder stops at 50, or earlier.
    pub depth_max: usize,
    /// How many values and types there may be, all levels taken together. The default is 262,144.
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
