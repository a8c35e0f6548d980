//! Messages with data that may be large, and need not be copied into their encoding.

use bytes::Bytes;
use prost::Message;

/// A message of which a part may be large.
pub trait Bulk: Message {
    /// That part, and the number of its field; nothing when the message has none.
    fn bulk(&mut self) -> Option<(u32, &mut Bytes)>;
}

macro_rules! bulk {
    ($($room:ident::$message:ident.$data:ident = $field:literal),+ $(,)?) => {
        $(impl Bulk for crate::$room::$message {
            fn bulk(&mut self) -> Option<(u32, &mut Bytes)> {
                Some(($field, &mut self.$data))
            }
        })+
    };
}

bulk! {
    module::Message.data = 3,
    module::Response.data = 1,
    module::MessageRequest.payload = 4,
    module::MessageResponse.data = 1,
    provider::ExecuteRequest.input_data = 2,
}

impl Bulk for crate::provider::ExecuteResponse {
    fn bulk(&mut self) -> Option<(u32, &mut Bytes)> {
        use crate::provider::execute_response::Result::OutputData;
        match &mut self.result {
            Some(OutputData(data)) => Some((1, data)),
            _ => None,
        }
    }
}

macro_rules! without_bulk {
    ($($message:ident),+ $(,)?) => {
        $(impl Bulk for crate::provider::$message {
            fn bulk(&mut self) -> Option<(u32, &mut Bytes)> {
                None
            }
        })+
    };
}

without_bulk! {
    RegisterRequest,
    RegisterResponse,
    DeregisterRequest,
    DeregisterResponse,
}
