//! The contents of gRPC headers: deadlines, traces, and on `Message` all other metadata.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::HeaderName;
use http::header::AsHeaderName;
use tonic::metadata::{
    AsciiMetadataKey, BinaryMetadataKey, BinaryMetadataValue, KeyAndValueRef, MetadataMap,
};

use super::{DATA_CONTENT_TYPE, DEPTH, TRACEPARENT, malformed};
use crate::Error;

/// The remaining time of the caller, in gRPC's notation.
const TIMEOUT: &str = "grpc-timeout";

// Names that are looked up in every request and response. As text they would be parsed each time.
static GRPC_TIMEOUT: HeaderName = HeaderName::from_static(TIMEOUT);
/// The header that the W3C requires to be forwarded with `traceparent`.
static PASSED_ON: [HeaderName; 2] = [
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
];
/// The same as [`super::DATA_CONTENT_TYPE`].
pub(super) static X_CONTENT_TYPE: HeaderName = HeaderName::from_static(DATA_CONTENT_TYPE);
/// The same as [`super::DEPTH`].
pub(super) static X_DEPTH: HeaderName = HeaderName::from_static(DEPTH);

/// gRPC's suffix for headers with binary values. Non-ASCII text is sent this way.
const BINARY: &str = "-bin";

/// gRPC's Base64: written without padding, and read with it or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The maximum size of a message's metadata. A peer reads 16 KiB of headers, and there are others.
const METADATA_BYTES_MAX: usize = 15 * 1024;

/// Headers of one connection, of one caller, or with a meaning of their own: they are not metadata of a message.
/// Credentials are only for the module that they were sent to.
const NOT_METADATA: [&str; 15] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "date",
    "host",
    "proxy-authorization",
    "te",
    "user-agent",
    DATA_CONTENT_TYPE,
    DEPTH,
    TRACEPARENT,
];

fn is_metadata(key: &str) -> bool {
    !key.starts_with("grpc-") && !NOT_METADATA.contains(&key)
}

/// The first value of a header, if it is text.
pub(super) fn text(headers: &MetadataMap, key: impl AsHeaderName) -> Option<&str> {
    let value = headers.as_ref().get(key)?;
    value.to_str().ok()
}

/// The first value of a header.
///
/// # Errors
/// [`Error::Serialization`] when it is no text.
pub(super) fn readable(headers: &MetadataMap, key: &HeaderName) -> Result<Option<String>, Error> {
    let Some(value) = headers.as_ref().get(key) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(_) => Err(malformed(
            key.as_str(),
            &String::from_utf8_lossy(value.as_bytes()),
        )),
    }
}

/// The caller's time, if the headers have it.
///
/// # Errors
/// [`Error::Serialization`] when it cannot be read.
pub(super) fn timeout(headers: &MetadataMap) -> Result<Option<Duration>, Error> {
    squall_grpc::timeout(headers.as_ref()).map_err(|_| {
        let value = headers.as_ref().get(&GRPC_TIMEOUT);
        malformed(
            TIMEOUT,
            &String::from_utf8_lossy(value.map_or(b"", |it| it.as_bytes())),
        )
    })
}

/// Adds the trace if the metadata has none. Unreadable text is ignored.
pub(super) fn pass_on(headers: &MetadataMap, metadata: &mut BTreeMap<String, String>) {
    for key in &PASSED_ON {
        if let Some(value) = text(headers, key)
            && let Entry::Vacant(entry) = metadata.entry(key.as_str().to_owned())
        {
            entry.insert(value.to_owned());
        }
    }
}

/// The metadata of a message from headers. For a repeated key the first value counts. Binary values stay as they are:
/// in base64, under a key that ends in `-bin`.
///
/// # Errors
/// [`Error::Serialization`] when a value is no text.
pub(super) fn metadata(headers: &MetadataMap) -> Result<BTreeMap<String, String>, Error> {
    let mut metadata = BTreeMap::new();
    for header in headers.iter() {
        let (key, value) = match header {
            KeyAndValueRef::Ascii(key, value) => (
                key.as_str(),
                value
                    .to_str()
                    .map(str::to_owned)
                    .map_err(|_| value.as_encoded_bytes()),
            ),
            KeyAndValueRef::Binary(key, value) => {
                let bytes = value.to_bytes().map_err(|_| value.as_encoded_bytes());
                match bytes.map(|bytes| String::from_utf8(bytes.into())) {
                    Ok(Ok(text)) => (key.as_str().trim_end_matches(BINARY), Ok(text)),
                    // Unchanged, because it is also forwarded unchanged.
                    Ok(Err(bytes)) => (key.as_str(), Ok(BASE64.encode(bytes.as_bytes()))),
                    Err(encoded) => (key.as_str(), Err(encoded)),
                }
            }
        };
        if !is_metadata(key) {
            continue;
        }
        let value = value.map_err(|bytes| malformed(key, &String::from_utf8_lossy(bytes)))?;
        metadata.entry(key.to_owned()).or_insert(value);
    }
    Ok(metadata)
}

/// Writes a message's metadata into headers, non-ASCII values as bytes.
///
/// # Errors
/// [`Error::Serialization`] when a key is not a valid header, or has a meaning of its own there.
pub(super) fn set_metadata(
    headers: &mut MetadataMap,
    metadata: &BTreeMap<String, String>,
) -> Result<(), Error> {
    for (key, value) in metadata {
        let unfit = || {
            Error::serialization(format_args!(
                "the metadata {key:?} can be no gRPC header: rename it, to letters, digits, '-', '_' and '.'"
            ))
        };
        // Header names are case-insensitive.
        let lower = key.to_ascii_lowercase();
        if !is_metadata(&lower) {
            return Err(unfit());
        }
        if lower.ends_with(BINARY) {
            // Binary values, unchanged.
            let bytes = BASE64.decode(value).map_err(|_| unfit())?;
            let key = BinaryMetadataKey::from_bytes(lower.as_bytes()).map_err(|_| unfit())?;
            headers.insert_bin(key, BinaryMetadataValue::from_bytes(&bytes));
            continue;
        }
        if is_plain(value)
            && let Ok(value) = value.parse()
        {
            let key = AsciiMetadataKey::from_bytes(lower.as_bytes()).map_err(|_| unfit())?;
            headers.insert(key, value);
        } else {
            let key = BinaryMetadataKey::from_bytes(format!("{lower}{BINARY}").as_bytes());
            let value = BinaryMetadataValue::from_bytes(value.as_bytes());
            headers.insert_bin(key.map_err(|_| unfit())?, value);
        }
    }
    // Counted as HTTP/2 does.
    let map: &http::HeaderMap = headers.as_ref();
    let bytes: usize = map
        .iter()
        .map(|(key, value)| key.as_str().len() + value.len() + 32)
        .sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(Error::serialization(format_args!(
            "the metadata takes {bytes} bytes of headers, and a peer reads {METADATA_BYTES_MAX} at most"
        )));
    }
    Ok(())
}

/// True when a header can carry a value unchanged: printable ASCII, and no space at its ends.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, b' '..=b'~')) && value.trim() == value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_pass_through() {
        let bytes = [0xff, 0, 0xfe];
        let mut headers = MetadataMap::new();
        headers.insert_bin("trace-bin", BinaryMetadataValue::from_bytes(&bytes));
        headers.insert_bin("name-bin", BinaryMetadataValue::from_bytes("größe".as_bytes()));
        let read = metadata(&headers).unwrap();
        assert_eq!(read["trace-bin"], "/wD+");
        assert_eq!(read["name"], "größe");
        let mut sent = MetadataMap::new();
        set_metadata(&mut sent, &read).unwrap();
        assert_eq!(sent.get_bin("trace-bin").unwrap().to_bytes().unwrap(), &bytes[..]);
        let not_base64 = [("trace-bin".to_owned(), "%".to_owned())].into();
        set_metadata(&mut sent, &not_base64).unwrap_err();
    }
}
