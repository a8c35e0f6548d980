//! The time limit of a request on the wire: `grpc-timeout`. Spec: gRPC, PROTOCOL-HTTP2.

use std::time::Duration;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use tonic::Status;
use tonic::metadata::MetadataMap;

const NAME: &str = "grpc-timeout";
const HEADER: HeaderName = HeaderName::from_static(NAME);

/// Sends the remaining time to the callee, rounded up, because it must not give up before the caller does. A time
/// that is too long for the header is not sent.
pub fn set_timeout(metadata: &mut MetadataMap, left: Duration) {
    if let Some(value) = spelled(left) {
        let mut headers = std::mem::take(metadata).into_headers();
        headers.insert(HEADER, value);
        *metadata = MetadataMap::from_headers(headers);
    }
}

/// The time limit of the caller, if there is one.
///
/// # Errors
/// `INVALID_ARGUMENT` when the header cannot be read.
pub fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get(HEADER) else {
        return Ok(None);
    };
    let read = value.to_str().ok().and_then(parsed);
    read.map(Some)
        .ok_or_else(|| Status::invalid_argument(format!("the header {NAME} cannot be read: {value:?}")))
}

fn spelled(left: Duration) -> Option<HeaderValue> {
    const UNITS: [(u128, char); 6] = [
        (1, 'n'),
        (1_000, 'u'),
        (1_000_000, 'm'),
        (1_000_000_000, 'S'),
        (60_000_000_000, 'M'),
        (3_600_000_000_000, 'H'),
    ];
    // gRPC reads eight digits. A time that is too long in hours is equivalent to no deadline.
    let mut counts = UNITS
        .iter()
        .map(|(nanos, unit)| (left.as_nanos().div_ceil(*nanos), unit));
    let (count, unit) = counts.find(|(count, _)| *count < 100_000_000)?;
    let mut value = HeaderValue::try_from(format!("{count}{unit}")).ok()?;
    // The value differs each time, so HTTP/2 need not index it in place of repeated headers.
    value.set_sensitive(true);
    Some(value)
}

fn parsed(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 60 * 60)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_read_and_never_less() {
        for nanos in [
            0,
            1,
            99_999_999,
            100_000_001,
            2_000_000_001,
            123_456_789_123,
            40_000_000_000_000_000,
        ] {
            let left = Duration::from_nanos(nanos);
            let mut metadata = MetadataMap::new();
            metadata.insert("x", "kept".parse().unwrap());
            set_timeout(&mut metadata, left);
            let headers = metadata.into_headers();
            assert_eq!(headers["x"], "kept");
            let read = timeout(&headers).unwrap().unwrap();
            assert!(read >= left && read <= left + left / 10_000, "{left:?}: {read:?}");
        }
    }

    #[test]
    fn it_reads_as_grpc_spells_it() {
        for (text, expected) in [
            ("1H", Duration::from_secs(3600)),
            ("2M", Duration::from_secs(120)),
            ("99999999S", Duration::from_secs(99_999_999)),
            ("20m", Duration::from_millis(20)),
            ("0u", Duration::ZERO),
            ("7n", Duration::from_nanos(7)),
        ] {
            assert_eq!(parsed(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn without_the_header_there_is_no_deadline_and_nonsense_is_refused() {
        assert_eq!(timeout(&HeaderMap::new()).unwrap(), None);
        for text in ["", "1", "S", "-1S", "+1S", "1s", "1.5S", "123456789S", "1 S"] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text.parse().unwrap());
            let status = timeout(&headers).unwrap_err();
            assert_eq!(status.code(), tonic::Code::InvalidArgument, "{text}");
        }
    }

    #[test]
    fn what_no_header_can_say_is_not_said() {
        let mut metadata = MetadataMap::new();
        set_timeout(&mut metadata, Duration::MAX);
        assert!(metadata.is_empty());
    }
}
