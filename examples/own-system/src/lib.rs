//! A shop of two gRPC services, on plain tonic: orders call the inventory, and retry when it does not answer.

pub mod inventory;
pub mod orders;
pub mod squalls;

/// The messages and services of `proto/shop.proto`.
pub mod pb {
    tonic::include_proto!("shop");
}
