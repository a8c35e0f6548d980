//! Layers that record the start and end of calls and of their handlers, as [`crate::events`].
//!
//! ```no_run
//! # async fn serve(site: squall_site::Site) -> Result<(), Box<dyn std::error::Error>> {
//! use tower_layer::Layer;
//!
//! let endpoint = tonic::transport::Endpoint::from_static("http://orders:50051");
//! let channel = endpoint.connect_with_connector_lazy(site.connector());
//! let channel = site.layer_client().to("orders:50051").layer(channel);
//! // ..Client::new(channel), and at the other end
//! let server = tonic::transport::Server::builder().layer(site.layer_server());
//! # Ok(()) }
//! ```
//!
//! A call made within a handler, in its own task, is attributed to the handler's call. A call made by another task that
//! the handler spawned is not.
//!
//! On a simulated host that adopts tasks, the service behind a layer is suspended while the process is paused, and ends
//! once it is dead, before it runs again.

mod body;
mod client;
mod server;

use http::HeaderMap;

pub use body::Body;
pub use client::{Client, ClientFuture, ClientLayer};
pub use server::{Server, ServerFuture, ServerLayer};

tokio::task_local! {
    /// The call whose handler runs in this task.
    static CALL: u64;
}

/// The call whose handler runs in the current task; 0 if there is none.
fn current_call() -> u64 {
    CALL.try_with(|call| *call).unwrap_or(0)
}

/// Runs a future as part of the call with this number, which is not 0: calls that it makes through a client's layer, in
/// its own task, are attributed to it.
pub fn within<F: Future>(call: u64, future: F) -> impl Future<Output = F::Output> {
    CALL.scope(call, future)
}

/// The service and the method of a path.
fn parts(path: &str) -> (&str, &str) {
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    parts
        .filter(|(_, method)| !method.contains('/'))
        .unwrap_or(("", path))
}

/// The gRPC status code, if present: in trailers, or in the headers of a trailers-only response.
fn status(headers: &HeaderMap) -> Option<u64> {
    headers.get("grpc-status")?.to_str().ok()?.parse().ok()
}

/// A call and its parent, as in [`HEADER`](crate::events::HEADER).
fn to_header(call: u64, parent: u64) -> String {
    format!("{call:016x}-{parent:016x}")
}

fn from_header(text: &str) -> Option<(u64, u64)> {
    let number = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let (call, parent) = text.split_once('-')?;
    Some((number(call)?, number(parent)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_service_and_a_method() {
        assert_eq!(parts("/squall.echo.Echo/Say"), ("squall.echo.Echo", "Say"));
        for other in ["", "/", "/healthz", "/a/b/c"] {
            assert_eq!(parts(other), ("", other));
        }
    }

    #[test]
    fn a_call_and_its_parent_travel_in_a_header() {
        for numbers in [(1, 0), (u64::MAX, 7), (0x0123_4567_89ab_cdef, u64::MAX)] {
            assert_eq!(from_header(&to_header(numbers.0, numbers.1)), Some(numbers));
        }
        for wrong in ["", "-", "1", "x-1", "1-", "1-2-3", "11111111111111111-1"] {
            assert_eq!(from_header(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_status_is_a_number_of_headers_or_trailers() {
        let mut headers = HeaderMap::new();
        assert_eq!(status(&headers), None);
        headers.insert("grpc-status", "14".parse().expect("a value"));
        assert_eq!(status(&headers), Some(14));
        headers.insert("grpc-status", "bad".parse().expect("a value"));
        assert_eq!(status(&headers), None);
    }
}
