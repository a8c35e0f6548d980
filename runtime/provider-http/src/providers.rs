//! Listing and draining providers.

use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use squall_provider::{ProviderInfo, State as ProviderState};
use utoipa::ToSchema;

use crate::body::{Body, Named, duration};
use crate::error::{Error, ErrorBody};
use crate::page::{self, Asked, Page};
use crate::routes::Shared;

/// What is known of a provider's connection. Spec: provider 2.13.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProviderBody {
    /// Identifies it in other requests: 16 hexadecimal digits. Of a provider that registers again it is another one.
    id: String,
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

impl ProviderBody {
    fn of(info: &ProviderInfo) -> Self {
        let time = |time: SystemTime| humantime::format_rfc3339_millis(time).to_string();
        ProviderBody {
            id: format!("{:016x}", info.id),
            namespace: info.namespace.to_string(),
            group: info.group.as_ref().map(|group| group.to_string()),
            executor: info.executor.to_string(),
            modules: info.modules.iter().map(ToString::to_string).collect(),
            state: info.state.as_str(),
            registered_at: time(info.registered_at),
            last_heartbeat_at: info.last_heartbeat.map(time),
            in_flight: info.in_flight,
        }
    }
}

/// One page of providers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ProvidersPage {
    /// In the order of their registration.
    providers: Vec<ProviderBody>,
    /// The cursor of the next page; none when this is the last one.
    next: Option<String>,
}

/// Lists providers, in every state, a page at a time.
#[utoipa::path(get, path = "/v1/providers", tag = "providers", operation_id = "listProviders",
    params(
        ("limit" = Option<usize>, Query, description = "how many at most", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "where the page before has ended: its `next`", pattern = "^[0-9]{1,19}$")),
    responses(
        (status = 200, description = "a page of them", body = ProvidersPage),
        (status = 400, description = "there is no such page", body = ErrorBody)))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    Asked(page): Asked<Page>,
) -> Result<Json<ProvidersPage>, Error> {
    let limit = page.limit()?;
    let behind = page
        .cursor()
        .map(|cursor| cursor.parse().map_err(|_| page::unknown(cursor)));
    let infos = shared.operator.providers_behind(behind.transpose()?, limit + 1);
    let (providers, last) = page::bodies(infos, limit, ProviderBody::of);
    Ok(Json(ProvidersPage {
        providers,
        next: last.map(|it| it.number.to_string()),
    }))
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
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,9}(ms|s|m|h)$")]
    deadline: Option<Duration>,
}

/// Asks a provider to leave: it gets no more calls, and finishes those that it has.
#[utoipa::path(post, path = "/v1/providers/{id}/drain", tag = "providers", operation_id = "drainProvider",
    params(("id" = String, Path, description = "as `/v1/providers` has it")),
    request_body = DrainBody,
    responses(
        (status = 202, description = "it was asked"),
        (status = 404, description = "there is no such provider", body = ErrorBody),
        (status = 409, description = "it is not active", body = ErrorBody)))]
pub(crate) async fn drain(
    State(shared): State<Shared>,
    Named(id): Named,
    Body(body): Body<DrainBody>,
) -> Result<StatusCode, Error> {
    let provider = || shared.operator.provider(u64::from_str_radix(&id, 16).ok()?);
    if provider().is_some_and(|it| shared.operator.drain(&it.connection, &body.reason, body.deadline)) {
        return Ok(StatusCode::ACCEPTED);
    }
    Err(match provider().map(|it| it.state) {
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
            format!("there is no provider {id}: /v1/providers lists them"),
        ),
    })
}
