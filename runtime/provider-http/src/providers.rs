//! Who is registered, and asking them to leave.

use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use squall_provider::{ProviderInfo, State as ProviderState};
use utoipa::ToSchema;

use crate::body::{Body, duration};
use crate::error::{Error, ErrorBody};
use crate::routes::Shared;

/// What is known of a provider's connection. Spec: provider 2.13.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderBody {
    /// Identifies it in other requests.
    connection: String,
    namespace: String,
    /// None for a provider that owns its namespace alone.
    group: Option<String>,
    /// Where its executor listens: `host:port`.
    executor: String,
    /// Qualified names.
    modules: Vec<String>,
    /// `registered`, `active`, `draining` or `disconnected`.
    state: &'static str,
    /// On the server's wall clock.
    registered_at: String,
    /// On the server's wall clock; none before the first.
    last_heartbeat_at: Option<String>,
    /// How many calls it has not answered yet.
    in_flight: usize,
}

impl From<ProviderInfo> for ProviderBody {
    fn from(info: ProviderInfo) -> Self {
        let time = |time: SystemTime| humantime::format_rfc3339_millis(time).to_string();
        ProviderBody {
            connection: info.connection.to_string(),
            namespace: info.namespace.to_string(),
            group: info.group.map(|group| group.to_string()),
            executor: info.executor.to_string(),
            modules: info.modules.iter().map(ToString::to_string).collect(),
            state: info.state.as_str(),
            registered_at: time(info.registered_at),
            last_heartbeat_at: info.last_heartbeat.map(time),
            in_flight: info.in_flight,
        }
    }
}

/// Lists all providers, in every state.
#[utoipa::path(get, path = "/v1/providers", tag = "providers",
    responses((status = 200, description = "in the order of their registration", body = Vec<ProviderBody>)))]
pub(crate) async fn list(State(shared): State<Shared>) -> Json<Vec<ProviderBody>> {
    Json(shared.operator.providers().into_iter().map(Into::into).collect())
}

/// What a drain takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DrainBody {
    /// Told to the provider.
    #[serde(default)]
    reason: String,
    /// How long its calls in flight may take, such as `"30s"`; as long as the server says when absent.
    #[serde(default, deserialize_with = "duration")]
    #[schema(value_type = Option<String>)]
    deadline: Option<Duration>,
}

/// Asks a provider to leave: it gets no more calls, and finishes those that it has.
#[utoipa::path(post, path = "/v1/providers/{connection}/drain", tag = "providers",
    params(("connection" = String, Path, description = "as `/v1/providers` has it")),
    request_body = DrainBody,
    responses(
        (status = 202, description = "it was asked"),
        (status = 404, description = "there is no such connection", body = ErrorBody),
        (status = 409, description = "it is not active", body = ErrorBody)))]
pub(crate) async fn drain(
    State(shared): State<Shared>,
    Path(connection): Path<String>,
    Body(body): Body<DrainBody>,
) -> Result<StatusCode, Error> {
    if shared.operator.drain(&connection, &body.reason, body.deadline) {
        return Ok(StatusCode::ACCEPTED);
    }
    let providers = shared.operator.providers();
    let state = providers.iter().find(|it| *it.connection == *connection);
    Err(match state.map(|it| it.state) {
        Some(state @ (ProviderState::Registered | ProviderState::Draining)) => Error::new(
            StatusCode::CONFLICT,
            "NOT_ACTIVE",
            format!(
                "the provider is {}: only an active one can be drained",
                state.as_str()
            ),
        ),
        _ => Error::new(
            StatusCode::NOT_FOUND,
            "PROVIDER_NOT_FOUND",
            format!("there is no provider of connection {connection}: /v1/providers lists them"),
        ),
    })
}
