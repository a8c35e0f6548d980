//! How contexts and events become bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json;

/// Why a value could not be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodecError(String);

impl CodecError {
    /// With this message, for people.
    pub fn new(message: impl Into<String>) -> Self {
        CodecError(message.into())
    }
}

impl From<serde_json::Error> for CodecError {
    fn from(error: serde_json::Error) -> Self {
        CodecError(error.to_string())
    }
}

/// Writes and reads values of one type. What is written must be JSON.
pub trait Codec<T>: Send + Sync + 'static {
    /// Writes `value`.
    ///
    /// # Errors
    /// When it has no JSON.
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError>;

    /// Reads what [`Codec::encode`] wrote.
    ///
    /// # Errors
    /// When it is something else.
    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError>;
}

/// The codec of everything that serde knows, unless another one is configured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Json;

impl<T: Serialize + DeserializeOwned> Codec<T> for Json {
    fn encode(&self, value: &T) -> Result<Vec<u8>, CodecError> {
        Ok(json::to_vec(value)?)
    }

    fn decode(&self, bytes: &[u8]) -> Result<T, CodecError> {
        Ok(serde_json::from_slice(bytes)?)
    }
}
