//! What became of a call whose connection broke.

use std::error::Error as StdError;

use tonic::Status;

/// What the source chain of a status knows of the connection.
///
/// The status code alone cannot say: a crash of the peer reads `Unknown`, a request that was never sent and a panic
/// read `Cancelled`. Spec: router H-3, appendix A.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The connection broke, or was never there.
    Lost(String),
    /// The peer says that it did not process the request.
    Refused(String),
    /// The peer gave up on this one request.
    Reset,
}

impl Trouble {
    /// The trouble behind a status; `None` when the peer answered with a status of its own.
    pub fn of(status: &Status) -> Option<Trouble> {
        let mut trouble = None;
        let mut source = status.source();
        while let Some(error) = source {
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                return Some(stream_trouble(error));
            }
            if error.is::<hyper::Error>() {
                // Its source may know better: go on.
                trouble = Some(Trouble::Lost(innermost(error)));
            }
            source = error.source();
        }
        trouble
    }
}

fn stream_trouble(error: &h2::Error) -> Trouble {
    // A GOAWAY ends only the streams beyond the last one that the peer has processed.
    let refused = (error.is_go_away() && error.is_remote())
        || (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM));
    if refused {
        Trouble::Refused(error.to_string())
    } else if error.is_reset() {
        Trouble::Reset
    } else {
        Trouble::Lost(innermost(error))
    }
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
