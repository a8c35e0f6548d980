use super::*;

fn text(text: &str) -> String {
    text.to_owned()
}

/// An endpoint's typed errors, with their codes and kinds.
fn errors() -> Vec<(Error, Code, &'static str)> {
    let [id, src, node, reason] = ["w-1", "worker", "node-b", "é <\n>"].map(text);
    let (wanted, limit) = (text("other"), 7);
    let bad_payload = Error::BadPayload {
        id: id.clone(),
        reason: reason.clone(),
    };
    let unknown = Error::UnknownSource {
        id: id.clone(),
        src: src.clone(),
        node: node.clone(),
    };
    let conflict = Error::Conflict {
        id: id.clone(),
        src: src.clone(),
        wanted: wanted.clone(),
    };
    let wrong_node = Error::WrongNode {
        id: id.clone(),
        wanted,
        node: node.clone(),
    };
    let stale = Error::Stale {
        id: id.clone(),
        reason: reason.clone(),
    };
    let overflow = Error::Overflow {
        id: id.clone(),
        limit,
    };
    let failed = Error::Failed {
        id,
        src,
        node,
        reason,
    };
    vec![
        (bad_payload, Code::InvalidArgument, "bad-payload"),
        (unknown, Code::NotFound, "unknown-source"),
        (conflict, Code::AlreadyExists, "conflict"),
        (wrong_node, Code::FailedPrecondition, "wrong-node"),
        (stale, Code::FailedPrecondition, "stale-reference"),
        (overflow, Code::ResourceExhausted, "mailbox-full"),
        (failed, Code::Unknown, "did-not-start"),
    ]
}

fn histories() -> Vec<(HistoryError, Code, &'static str)> {
    let id = || text("counter-1");
    let reason = || text("line 3");
    let out_of_range = HistoryError::OutOfRange {
        id: id(),
        step: 2,
        first: -1,
        last: 1,
    };
    let compacted = HistoryError::Compacted {
        id: id(),
        step: 2,
        oldest: 5,
    };
    let damaged = HistoryError::Damaged {
        id: id(),
        reason: reason(),
    };
    let replay = HistoryError::Replay {
        id: id(),
        step: 4,
        reason: reason(),
    };
    let store = HistoryError::Store {
        id: id(),
        reason: reason(),
    };
    vec![
        (
            HistoryError::NotFound { id: id() },
            Code::NotFound,
            "instance-not-found",
        ),
        (out_of_range, Code::OutOfRange, "step-out-of-range"),
        (compacted, Code::FailedPrecondition, "compacted"),
        (
            HistoryError::NoBaseline { id: id() },
            Code::FailedPrecondition,
            "no-baseline",
        ),
        (damaged, Code::DataLoss, "damaged"),
        (replay, Code::DataLoss, "replay-failed"),
        (store, Code::Unavailable, "store-unreadable"),
    ]
}

#[test]
fn typed_errors_have_a_code_and_a_kind_and_are_built_again() {
    for (error, code, kind) in errors() {
        let status = of_error(&error);
        assert_eq!((status.code(), status.message()), (code, &*error.to_string()));
        assert_eq!(status.metadata().as_ref()[KIND], kind);
        assert_eq!(to_error(&status, "node-b", &Progress::default()), error);
    }
    for (error, code, kind) in histories() {
        let status = of_history(&error);
        assert_eq!((status.code(), status.message()), (code, &*error.to_string()));
        assert_eq!(status.metadata().as_ref()[KIND], kind);
        assert_eq!(to_history(&status), Some(error));
    }
}

#[test]
fn errors_without_a_kind_are_those_of_a_remote_node() {
    let node = text("node-b");
    let error = |status| to_error(&status, "node-b", &Progress::default());
    assert_eq!(
        error(Status::unknown("did not start")),
        Error::Remote {
            node: node.clone(),
            code: 2,
            message: text("did not start"),
        }
    );
    assert_eq!(
        error(Status::deadline_exceeded("late")),
        Error::DeadlineExceeded { node: node.clone() }
    );
    assert_eq!(
        error(Status::cancelled("")),
        Error::Cancelled { node: node.clone() }
    );
    assert_eq!(
        error(Status::unavailable("refused")),
        Error::Unavailable {
            node,
            reason: text("refused"),
            may_have_happened: false,
        }
    );
    assert_eq!(to_history(&Status::unknown("not found")), None);
}

#[test]
fn kinds_that_are_not_known_and_details_that_cannot_be_read_are_no_errors_of_their_own() {
    let mut status = status(Code::NotFound, "of-tomorrow", "x");
    assert!(matches!(
        to_error(&status, "b", &Progress::default()),
        Error::Remote { code: 5, .. }
    ));
    let headers = status.metadata_mut();
    headers.insert(KIND, "conflict".parse().unwrap());
    headers.insert(DETAIL, "{".parse().unwrap());
    assert!(matches!(
        to_error(&status, "b", &Progress::default()),
        Error::Remote { code: 5, .. }
    ));
}

#[test]
fn long_texts_are_cut_so_that_headers_stay_small() {
    let long = "é".repeat(100_000);
    let [id, src, node, reason] = [(); 4].map(|()| long.clone());
    let status = of_error(&Error::Failed {
        id,
        src,
        node,
        reason,
    });
    let size: usize = percent::encode(status.message()).len() + status.metadata().as_ref()[DETAIL].len();
    assert!(size < 12 * 1024, "{size}");
}

#[test]
fn outcomes_travel_in_trailers() {
    for outcome in [
        Outcome::Handled,
        Outcome::Ignored,
        Outcome::Rejected(text("not now: é")),
        Outcome::Failed(text("")),
    ] {
        let mut trailers = HeaderMap::new();
        write_outcome(&outcome, &mut trailers);
        assert_eq!(read_outcome(&trailers), Some(outcome));
    }
    assert_eq!(read_outcome(&HeaderMap::new()), None);
}
