//! Answers requests that are not gRPC as gRPC requires.

use http::header::CONTENT_TYPE;
use http::{Request, Response, StatusCode};
use tonic::Status;

/// The response to a request that is not gRPC; `None` if it is.
pub fn refuse<A, B: Default>(request: &Request<A>) -> Option<Response<B>> {
    if request.method() != http::Method::POST {
        let status = Status::internal(format!("the method is {}: gRPC uses POST", request.method()));
        return Some(with_http_status(status, StatusCode::METHOD_NOT_ALLOWED));
    }
    let content_type = request.headers().get(CONTENT_TYPE);
    let rest = content_type.and_then(|it| it.as_bytes().strip_prefix(b"application/grpc"));
    match rest {
        Some(b"" | b"+proto") => None,
        Some(rest) if rest.starts_with(b";") => None,
        _ => {
            let status = Status::invalid_argument(format!(
                "the content type {:?} is not served: use application/grpc",
                content_type.map_or("".into(), |it| String::from_utf8_lossy(it.as_bytes()))
            ));
            Some(with_http_status(status, StatusCode::UNSUPPORTED_MEDIA_TYPE))
        }
    }
}

fn with_http_status<B: Default>(status: Status, code: StatusCode) -> Response<B> {
    let mut response = status.into_http();
    *response.status_mut() = code;
    response
}
