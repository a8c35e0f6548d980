//! The outcome of a call whose connection or stream broke.

use std::error::Error as StdError;
use std::sync::Arc;

use h2::Reason;
use tonic::{Code, Status};

/// What the source chain of a status tells about the connection.
///
/// The status code alone is not enough: it may be the peer's own. Spec: router H-3, appendix A.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The connection broke, or never existed.
    #[error("{0}")]
    Lost(String),
    /// The peer says that it did not process the request.
    #[error("{0}")]
    Refused(String),
    /// The peer reset this one request.
    #[error("the peer gave up on the request")]
    Reset,
}

impl Trouble {
    /// The trouble behind a status; `None` when the peer answered with its own status.
    pub fn of(status: &Status) -> Option<Trouble> {
        status.source()?.downcast_ref::<Trouble>().cloned()
    }

    pub(crate) fn status(self, code: Code, text: impl Into<String>) -> Status {
        let mut status = Status::new(code, text);
        status.set_source(Arc::new(self));
        status
    }
}

/// The status of a call whose connection or stream ended with this error. `why`: what else is known of the
/// connection's end. `answered`: the peer had begun to answer, and so has processed the request.
pub(crate) fn of_http2(error: &h2::Error, why: Option<&str>, answered: bool) -> Status {
    let reason = error.reason();
    // A GOAWAY ends only the streams after the last one that the peer has processed.
    if error.is_go_away() && error.is_remote() {
        let text = goodbye(error);
        let trouble = match answered {
            true => Trouble::Lost(text.clone()),
            false => Trouble::Refused(text.clone()),
        };
        return trouble.status(Code::Unavailable, text);
    }
    if error.is_reset() {
        let reason = reason.unwrap_or(Reason::INTERNAL_ERROR);
        let text = match error.is_remote() {
            true => format!("the peer reset the stream: {}", spelled(reason)),
            false => format!("the peer broke the rules of HTTP/2: {}", spelled(reason)),
        };
        // Surplus streams are refused with either code.
        let refused = matches!(reason, Reason::REFUSED_STREAM | Reason::ENHANCE_YOUR_CALM);
        return if refused && error.is_remote() && !answered {
            Trouble::Refused(text.clone()).status(code_of(reason), text)
        } else {
            Trouble::Reset.status(code_of(reason), text)
        };
    }
    let text = why.map_or_else(|| innermost(error), str::to_owned);
    Trouble::Lost(text.clone()).status(Code::Unavailable, text)
}

/// The content of the peer's GOAWAY.
pub(crate) fn goodbye(error: &h2::Error) -> String {
    match error.reason() {
        Some(Reason::NO_ERROR) | None => "the peer asked to go away (GOAWAY)".to_owned(),
        Some(_) if is_too_many_pings(error) => {
            "the peer closed the connection (GOAWAY ENHANCE_YOUR_CALM, too_many_pings): its keepalive permits fewer \
             pings than were sent"
                .to_owned()
        }
        Some(reason) => format!("the peer closed the connection (GOAWAY {})", spelled(reason)),
    }
}

/// Whether the peer reports too many pings. Spec: gRPC proposal A8.
pub(crate) fn is_too_many_pings(error: &h2::Error) -> bool {
    // h2 exposes the debug data only in its text.
    error.reason() == Some(Reason::ENHANCE_YOUR_CALM) && error.to_string().contains("too_many_pings")
}

/// The meaning of a reset with this code. Spec: gRPC, PROTOCOL-HTTP2, errors.
fn code_of(reason: Reason) -> Code {
    match reason {
        Reason::REFUSED_STREAM => Code::Unavailable,
        Reason::CANCEL => Code::Cancelled,
        Reason::ENHANCE_YOUR_CALM => Code::ResourceExhausted,
        Reason::INADEQUATE_SECURITY => Code::PermissionDenied,
        Reason::NO_ERROR
        | Reason::PROTOCOL_ERROR
        | Reason::INTERNAL_ERROR
        | Reason::FLOW_CONTROL_ERROR
        | Reason::SETTINGS_TIMEOUT
        | Reason::FRAME_SIZE_ERROR
        | Reason::COMPRESSION_ERROR
        | Reason::CONNECT_ERROR => Code::Internal,
        _ => Code::Unknown,
    }
}

/// The code as spelt in the specification.
fn spelled(reason: Reason) -> String {
    format!("{reason:?}")
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_http2_mean_what_grpc_says() {
        for (reason, code) in [
            (Reason::NO_ERROR, Code::Internal),
            (Reason::PROTOCOL_ERROR, Code::Internal),
            (Reason::INTERNAL_ERROR, Code::Internal),
            (Reason::FLOW_CONTROL_ERROR, Code::Internal),
            (Reason::SETTINGS_TIMEOUT, Code::Internal),
            (Reason::FRAME_SIZE_ERROR, Code::Internal),
            (Reason::REFUSED_STREAM, Code::Unavailable),
            (Reason::CANCEL, Code::Cancelled),
            (Reason::COMPRESSION_ERROR, Code::Internal),
            (Reason::CONNECT_ERROR, Code::Internal),
            (Reason::ENHANCE_YOUR_CALM, Code::ResourceExhausted),
            (Reason::INADEQUATE_SECURITY, Code::PermissionDenied),
            (Reason::HTTP_1_1_REQUIRED, Code::Unknown),
        ] {
            assert_eq!(code_of(reason), code, "{reason:?}");
        }
    }

    #[test]
    fn a_status_of_the_peer_has_no_trouble_behind_it() {
        assert_eq!(Trouble::of(&Status::unavailable("shutting down")), None);
        let status = Trouble::Reset.status(Code::Cancelled, "gone");
        assert_eq!(Trouble::of(&status), Some(Trouble::Reset));
    }
}
