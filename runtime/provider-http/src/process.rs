//! The state of the process.

use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::routes::Shared;

/// The media type of OpenMetrics.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How the process is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Health {
    /// `serving`, or `stopping` once it is told to stop.
    status: &'static str,
}

/// Says whether calls are welcome.
#[utoipa::path(get, path = "/health", tag = "process", operation_id = "getHealth",
    responses(
        (status = 200, description = "they are", body = Health),
        (status = 503, description = "the process is told to stop", body = Health)))]
pub(crate) async fn health(State(shared): State<Shared>) -> (StatusCode, Json<Health>) {
    match shared.stopping.load(Ordering::Relaxed) {
        false => (StatusCode::OK, Json(Health { status: "serving" })),
        true => (
            StatusCode::SERVICE_UNAVAILABLE,
            Json(Health { status: "stopping" }),
        ),
    }
}

/// Counts and times, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "process", operation_id = "getMetrics",
    responses((status = 200, description = "OpenMetrics", body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(State(shared): State<Shared>) -> impl IntoResponse {
    ([(CONTENT_TYPE, OPEN_METRICS)], shared.operator.metrics_text())
}
