//! The head of a request: its content type and its HTTP method.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode, request};
use tonic::Status;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// Why a request is not gRPC.
pub(super) struct Refused {
    pub(super) http: StatusCode,
    pub(super) content_type: HeaderValue,
    pub(super) status: Status,
}

/// The content type of the answer: that of the request, whose subtype does not matter, because the codec belongs to the
/// service.
///
/// # Errors
/// When the request is not gRPC.
pub(super) fn content_type(head: &request::Parts) -> Result<HeaderValue, Refused> {
    let asked = head.headers.get(CONTENT_TYPE);
    let content_type = asked.and_then(echo).ok_or_else(|| Refused {
        http: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        content_type: GRPC,
        status: Status::invalid_argument(format!(
            "invalid gRPC request content-type {:?}",
            asked.map_or_else(String::new, |it| String::from_utf8_lossy(it.as_bytes())
                .into_owned())
        )),
    })?;
    if head.method != Method::POST {
        return Err(Refused {
            http: StatusCode::METHOD_NOT_ALLOWED,
            content_type,
            status: Status::internal(format!(
                "Received a HEADERS frame with :method {:?} which should be POST",
                head.method.as_str()
            )),
        });
    }
    Ok(content_type)
}

/// The same content type, as grpc-go spells it; `None` if it is not gRPC's.
fn echo(asked: &HeaderValue) -> Option<HeaderValue> {
    match asked.as_bytes().strip_prefix(GRPC.as_bytes())? {
        b"" | b"+" | b";" => Some(GRPC),
        [b'+', ..] => Some(asked.clone()),
        [b';', parameters @ ..] => {
            HeaderValue::from_bytes(&[GRPC.as_bytes(), b"+", parameters].concat()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subtype_is_echoed_as_grpc_go_does() {
        for (asked, answered) in [
            ("application/grpc", Some("application/grpc")),
            (
                "application/grpc+crucible-json",
                Some("application/grpc+crucible-json"),
            ),
            ("application/grpc+proto", Some("application/grpc+proto")),
            (
                "application/grpc;charset=utf-8",
                Some("application/grpc+charset=utf-8"),
            ),
            ("application/grpc+", Some("application/grpc")),
            ("application/grpcx", None),
            ("Application/gRPC", None),
            ("application/json", None),
            ("", None),
        ] {
            let echoed = echo(&HeaderValue::from_static(asked));
            assert_eq!(echoed, answered.map(HeaderValue::from_static), "{asked}");
        }
    }
}
