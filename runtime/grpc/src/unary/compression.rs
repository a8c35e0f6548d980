//! Compressed messages. Spec: gRPC, compression.

use std::io::{Read, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use tonic::Status;

/// The compression of a body's messages that are marked as compressed.
pub(crate) static ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
/// The header with the encodings that the sender accepts.
pub(crate) static ACCEPTED: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// The encodings that we accept.
pub(crate) const READABLE: HeaderValue = HeaderValue::from_static("identity,gzip");
pub(crate) const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// The compression of messages that are marked as compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Not announced: no message may be compressed.
    #[default]
    Identity,
    Gzip,
    /// Unknown here.
    Other,
}

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        match headers.get(&ENCODING).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => Encoding::Identity,
            Some(b"gzip") => Encoding::Gzip,
            Some(_) => Encoding::Other,
        }
    }
}

/// True when the sender of these headers accepts gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(&ACCEPTED).and_then(|it| it.to_str().ok());
    accepted.is_some_and(|it| it.split(',').any(|it| it.trim() == "gzip"))
}

/// The decompressed bytes, at most `limit` of them.
pub(super) fn gunzip(bytes: &[u8], limit: usize) -> Result<Bytes, Status> {
    // The buffer grows with the output: the size that a gzip declares need not be true.
    let mut message = Vec::with_capacity(bytes.len().saturating_mul(2).min(limit));
    // One byte more, to detect an excess.
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(bytes)
        .take(most)
        .read_to_end(&mut message)
        .map_err(|error| Status::internal(format!("the message is no gzip: {error}")))?;
    if message.len() > limit {
        return Err(Status::resource_exhausted(format!(
            "the message takes more than {limit} bytes when it is decompressed, which is the limit"
        )));
    }
    Ok(message.into())
}

pub(super) fn gzip<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for part in parts {
        encoder.write_all(part).expect("memory takes what is written");
    }
    encoder.finish().expect("memory takes what is written")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compressed_reads_back_and_a_bomb_does_not_go_off() {
        let text = "squall ".repeat(10_000);
        let (first, second) = text.as_bytes().split_at(7);
        let compressed = gzip([first, second].into_iter());
        assert!(compressed.len() < 1000);
        assert_eq!(gunzip(&compressed, text.len()).unwrap(), text);
        let refused = gunzip(&compressed, text.len() - 1).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
        let refused = gunzip(&compressed[..50], text.len()).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::Internal);
    }

    #[test]
    fn who_accepts_gzip_says_so() {
        for (accepted, gzip) in [
            ("gzip", true),
            ("identity, deflate, gzip", true),
            ("identity,deflate", false),
            ("xgzip", false),
        ] {
            let headers = [(ACCEPTED.clone(), accepted.parse().unwrap())]
                .into_iter()
                .collect();
            assert_eq!(accepts_gzip(&headers), gzip, "{accepted}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }
}
