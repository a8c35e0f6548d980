//! The data of a message: encoded bytes that are passed on unchanged.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

/// Encoded data and how it is encoded. Cloning shares the bytes.
///
/// An empty payload and no payload are the same on the wire. Spec: router 2.3.6.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payload {
    bytes: Bytes,
    content_type: ContentType,
}

/// How a payload's bytes are encoded. Spec: router H-7.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ContentType {
    /// `application/json`, the default.
    #[default]
    Json,
    /// `application/msgpack`. Transported, never decoded.
    MessagePack,
}

impl ContentType {
    /// The media type.
    pub fn as_str(self) -> &'static str {
        match self {
            ContentType::Json => "application/json",
            ContentType::MessagePack => "application/msgpack",
        }
    }

    pub(crate) fn parse(media_type: &str) -> Option<Self> {
        [ContentType::Json, ContentType::MessagePack]
            .into_iter()
            .find(|it| it.as_str() == media_type)
    }
}

impl Payload {
    /// Takes bytes that are already encoded.
    pub fn new(bytes: impl Into<Bytes>, content_type: ContentType) -> Self {
        Payload {
            bytes: bytes.into(),
            content_type,
        }
    }

    /// Encodes a JSON value.
    pub fn from_json(value: &Value) -> Self {
        Payload::new(value.to_string(), ContentType::Json)
    }

    /// Encodes any serialisable value as JSON.
    ///
    /// # Errors
    /// [`Error::Serialization`] when JSON cannot express the value, such as a map whose keys are not
    /// strings. Spec: router S-18.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        let bytes = serde_json::to_vec(value).map_err(Error::serialization)?;
        Ok(Payload::new(bytes, ContentType::Json))
    }

    /// Decodes the bytes as JSON; an empty payload is null.
    ///
    /// # Errors
    /// [`Error::Serialization`] when the bytes are not JSON.
    pub fn json(&self) -> Result<Value, Error> {
        if self.is_empty() {
            Ok(Value::Null)
        } else {
            self.decode()
        }
    }

    /// Decodes the bytes from JSON.
    ///
    /// # Errors
    /// [`Error::Serialization`] when the bytes are not JSON or do not fit `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Error> {
        match self.content_type {
            ContentType::Json => serde_json::from_slice(&self.bytes).map_err(Error::serialization),
            other => Err(Error::serialization(format_args!(
                "cannot decode {}",
                other.as_str()
            ))),
        }
    }

    /// The encoded bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How the bytes are encoded.
    pub fn content_type(&self) -> ContentType {
        self.content_type
    }

    /// True when there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// A copy in its own memory: received bytes may be a slice of a whole request, which they would keep alive.
    pub(crate) fn detached(&self) -> Self {
        Payload::new(Bytes::copy_from_slice(&self.bytes), self.content_type)
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.bytes
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Payload::from_json(&value)
    }
}

impl From<&Value> for Payload {
    fn from(value: &Value) -> Self {
        Payload::from_json(value)
    }
}
