//! The wire messages of the systems that Squall implements.
//!
//! Generated at build from the `.proto` files beside this crate, by protox and tonic-prost-build.

mod bulk;
mod codec;

pub use bulk::Bulk;
pub use codec::Codec;

/// The TinySystems cross-module service (`module.ModuleService`). Spec: router section 2.
#[expect(
    missing_docs,
    clippy::allow_attributes,
    reason = "generated code: the .proto file has the documentation"
)]
pub mod module {
    tonic::include_proto!("module");

    /// The descriptors of `module.proto`, as gRPC reflection serves them: an encoded `FileDescriptorSet`.
    pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("module");
}

/// The Constellation Module Provider Protocol (`constellation.provider.v1`). Spec: provider section 1.
#[expect(
    missing_docs,
    clippy::allow_attributes,
    reason = "generated code: the .proto file has the documentation"
)]
pub mod provider {
    tonic::include_proto!("constellation.provider.v1");

    /// The descriptors of `provider.proto`, as gRPC reflection serves them: an encoded `FileDescriptorSet`.
    pub const FILE_DESCRIPTOR_SET: &[u8] = tonic::include_file_descriptor_set!("provider");
}
