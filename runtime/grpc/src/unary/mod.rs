//! One gRPC request and its one response, directly over HTTP/2.
//!
//! tonic's codec is made for streams: it boxes bodies, copies each message into a buffer of its own, and ends a
//! request with an empty frame. A unary call is known completely at once: here a request is its headers and one
//! frame, which also marks the end. Statuses, and the meaning of errors, are still tonic's.
//!
//! | subject | file |
//! |---|---|
//! | the caller's side | `client` |
//! | the callee's side | `server` |
//! | a message into frames | `frames` |
//! | frames into a message | `read` |
//! | messages that are compressed | `compression` |

mod client;
pub(crate) mod compression;
mod frames;
mod read;
mod server;

use http::header::HeaderValue;

pub use client::call;
pub(crate) use client::{decoded_answer, protobuf_headers, send};
pub use frames::Frames;
pub(crate) use frames::{framed, framed_bytes};
pub use read::{decoded, is_for_want_of_room};
pub(crate) use server::success;
pub use server::{Held, ReplyBody, request, request_bytes, response, response_bytes, with_trailers};

/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

#[cfg(test)]
mod tests;
