//! Reads requests in small steps between other tasks: a request may have 4 MB, and a million modules.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use squall_grpc::unary;
use squall_platform::Platform;
use squall_proto::provider::{DeregisterRequest, ModuleDeclaration, RegisterRequest};
use tonic::Status;

use super::declares::{Counter, Declares, Piece, Pieces, TYPES_MAX};
use super::rejection::Rejection;
use super::validation;
use crate::Config;
use crate::manager::Manager;
use crate::table::Declared;
use crate::turns::{BYTES_AT_ONCE, Turns};

/// The number of fields that are counted in one step.
const FIELDS_AT_ONCE: usize = 8192;

/// Decodes a registration, without its modules when they are too many, or too large.
///
/// # Errors
/// When it cannot be decoded.
pub(crate) async fn registration(
    bytes: Bytes,
    config: &Config,
) -> Result<(RegisterRequest, Declares), Status> {
    let mut counter = Counter::of(&bytes);
    let declares = loop {
        match counter.go_on(FIELDS_AT_ONCE) {
            Some(declares) => break declares,
            None => tokio::task::yield_now().await,
        }
    };
    if declares.modules == 0 {
        return Ok((unary::decoded(bytes)?, declares));
    }
    let is_too_much = declares.modules > config.max_modules || declares.types > TYPES_MAX;
    let (mut rest, mut modules) = (vec![], vec![]);
    let mut turns = Turns::of(BYTES_AT_ONCE);
    for piece in Pieces::of(&bytes) {
        match piece {
            Piece::Other(bytes) => rest.extend_from_slice(bytes),
            Piece::Module(_) if is_too_much => {}
            Piece::Module(bytes) => modules.push(module(bytes)?),
        }
        turns.did(piece.bytes()).await;
    }
    let rest: RegisterRequest = unary::decoded(rest.into())?;
    Ok((RegisterRequest { modules, ..rest }, declares))
}

fn module(bytes: &[u8]) -> Result<ModuleDeclaration, Status> {
    ModuleDeclaration::decode(bytes).map_err(|error| Status::internal(error.to_string()))
}

/// Decodes a deregistration, unless it has too many names.
///
/// # Errors
/// When it has too many, or cannot be decoded.
pub(crate) async fn deregistration(bytes: Bytes, config: &Config) -> Result<DeregisterRequest, Status> {
    let (mut names, limit) = (0, config.max_modules);
    let mut turns = Turns::of(FIELDS_AT_ONCE);
    for piece in Pieces::of(&bytes) {
        names += usize::from(matches!(piece, Piece::Module(_)));
        turns.did(1).await;
    }
    if names > limit {
        let text = format!("Too many module_names in the request: {names}, the limit is {limit}");
        return Err(Status::invalid_argument(text));
    }
    unary::decoded(bytes)
}

impl<P: Platform> Manager<P> {
    /// Reads the schemas of all modules, and moves them out of the request.
    pub(super) async fn schemas(&self, request: &mut RegisterRequest) -> Vec<Result<Declared, Rejection>> {
        let mut schemas = Vec::with_capacity(request.modules.len());
        let mut turns = Turns::of(BYTES_AT_ONCE);
        for module in &mut request.modules {
            let mut read = validation::declared(&request.namespace, module, self.config());
            let bytes = read.as_ref().map_or_else(|_| module.encoded_len(), |it| it.bytes);
            (module.input_schema, module.output_schema) = (None, None);
            if let Ok(declared) = &mut read {
                self.share(declared);
            }
            schemas.push(read);
            turns.did(bytes).await;
        }
        schemas
    }

    /// Shares types with members that have declared the same ones: then the comparison under the lock is immediate.
    fn share(&self, declared: &mut Declared) {
        let theirs = self.lock().table.module(&declared.spec.name).cloned();
        let Some(theirs) = theirs else { return };
        if theirs.input == declared.input {
            declared.input = theirs.input;
        }
        if let Some(spec) = Arc::get_mut(&mut declared.spec)
            && theirs.spec.output == spec.output
        {
            spec.output = theirs.spec.output.clone();
        }
    }
}
