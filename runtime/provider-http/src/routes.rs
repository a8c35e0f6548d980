//! Routing by path, and the OpenAPI document.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::Room;
use crate::error::Error;
use crate::host::{self, Hosts};
use crate::{Operator, common, modules, pipelines, process, providers};

/// The largest body of a request, in bytes.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What all requests share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) operator: Arc<dyn Operator>,
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) hosts: Hosts,
    pub(crate) bodies: Room,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Squall provider manager",
    description = "Modules of many processes: what there is, who provides it, and calling it."
))]
struct Document;

fn documented() -> OpenApiRouter<Shared> {
    // The document is derived from the routes.
    let mut router = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(modules::list))
        .routes(routes!(modules::one))
        .routes(routes!(modules::call))
        .routes(routes!(pipelines::run))
        .routes(routes!(providers::list))
        .routes(routes!(providers::drain))
        .routes(routes!(process::health))
        .routes(routes!(process::metrics));
    common::add(router.get_openapi_mut());
    router
}

/// The OpenAPI document of this API, as `/openapi.json` has it.
pub fn openapi() -> utoipa::openapi::OpenApi {
    documented().into_openapi()
}

pub(crate) fn router(shared: Shared) -> Router {
    let (router, document) = documented().split_for_parts();
    let hosts = from_fn_with_state(shared.hosts.clone(), host::check);
    router
        .route("/openapi.json", get(async move || Json(document)))
        .fallback(nothing_here)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(hosts)
        .with_state(shared)
}

async fn nothing_here(uri: Uri) -> Error {
    let message = format!("there is no {} here: /openapi.json says what is", uri.path());
    Error::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
}

async fn no_such_method(method: Method, uri: Uri) -> Error {
    let message = format!(
        "{} does not take {method}: /openapi.json says what it takes",
        uri.path()
    );
    Error::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
}
