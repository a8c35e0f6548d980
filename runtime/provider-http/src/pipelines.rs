//! Running programs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_engine::pipeline::{Pipeline, RunOptions};
use squall_value::CValue;
use utoipa::ToSchema;

use crate::body::{Body, duration};
use crate::error::{Error, ErrorBody};
use crate::modules::read;
use crate::routes::Shared;

/// What a run takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunBody {
    /// The program.
    #[schema(example = "in text: String\nresult = ml.Analyze(text)\nout result")]
    source: String,
    /// Its inputs, by name, as plain JSON.
    #[serde(default)]
    inputs: BTreeMap<String, Value>,
    /// How long the whole run may take, such as `"2s"`.
    #[serde(default, deserialize_with = "duration")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,9}(ms|s|m|h)$")]
    timeout: Option<Duration>,
    /// Travels with every call.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// What a run gives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunAnswer {
    /// By name, as plain JSON.
    outputs: BTreeMap<String, Value>,
}

/// Runs a program.
#[utoipa::path(post, path = "/v1/pipelines/run", tag = "pipelines", operation_id = "runPipeline",
    request_body = RunBody,
    responses(
        (status = 200, description = "its outputs", body = RunAnswer),
        (status = 400, description = "an input that the program does not have", body = ErrorBody),
        (status = 422, description = "the program cannot be read, an input is not of its type, or the values or the outputs of the run are too large", body = ErrorBody),
        (status = 502, description = "a module failed", body = ErrorBody),
        (status = 503, description = "no provider could be reached", body = ErrorBody),
        (status = 504, description = "the run took too long", body = ErrorBody)))]
pub(crate) async fn run(
    State(shared): State<Shared>,
    Body(body): Body<RunBody>,
) -> Result<Json<RunAnswer>, Error> {
    let engine = shared.operator.engine();
    let program = Pipeline::parse(body.source)?.check(engine)?;
    let mut inputs: BTreeMap<Arc<str>, CValue> = BTreeMap::new();
    for (name, plain) in &body.inputs {
        // The run reports missing inputs.
        let Some(declared) = program.inputs().get(name.as_str()) else {
            let message = format!("the program has no input '{name}'");
            return Err(Error::new(StatusCode::BAD_REQUEST, "BAD_REQUEST", message));
        };
        inputs.insert(name.as_str().into(), read(plain, declared)?);
    }
    let options = RunOptions {
        timeout: body.timeout,
        metadata: body.metadata,
        ..RunOptions::default()
    };
    let outputs = program.run(engine, inputs, &options).await?;
    Ok(Json(RunAnswer {
        outputs: outputs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_plain()))
            .collect(),
    }))
}
