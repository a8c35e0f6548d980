//! Listing and calling modules.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use squall_engine::{Call, Code, ModuleSpec};
use squall_value::{CType, CValue};
use utoipa::ToSchema;

use crate::body::{Body, Named, duration};
use crate::error::{Error, ErrorBody};
use crate::page::{self, Asked, Page};
use crate::routes::Shared;

/// What is known of a module.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModuleBody {
    /// The qualified name: `ml.Analyze`.
    name: String,
    description: String,
    version: String,
    /// `external` and `provider` for those of other processes.
    tags: Vec<String>,
    /// The type of each input, by name.
    inputs: BTreeMap<String, String>,
    /// The type of the output.
    output: String,
}

impl ModuleBody {
    fn of(spec: &ModuleSpec) -> Self {
        let inputs = spec.inputs.iter();
        ModuleBody {
            name: spec.name.to_string(),
            description: spec.description.to_string(),
            version: spec.version.to_string(),
            tags: spec.tags.iter().map(ToString::to_string).collect(),
            inputs: inputs
                .map(|(name, input)| (name.to_string(), input.to_string()))
                .collect(),
            output: spec.output.to_string(),
        }
    }
}

/// One page of modules.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ModulesPage {
    /// In the order of their namespaces, and then of their names.
    modules: Vec<ModuleBody>,
    /// The cursor of the next page; none when this is the last one.
    next: Option<String>,
}

/// Lists modules, a page at a time.
#[utoipa::path(get, path = "/v1/modules", tag = "modules", operation_id = "listModules",
    params(Page),
    responses(
        (status = 200, description = "a page of them", body = ModulesPage),
        (status = 400, description = "there is no such page", body = ErrorBody)))]
pub(crate) async fn list(
    State(shared): State<Shared>,
    Asked(page): Asked<Page>,
) -> Result<Json<ModulesPage>, Error> {
    let limit = page.limit()?;
    let specs = shared.operator.modules_behind(page.cursor(), limit + 1);
    let (modules, last) = page::bodies(specs, limit, |spec| ModuleBody::of(spec));
    Ok(Json(ModulesPage {
        modules,
        next: last.map(|it| it.name.to_string()),
    }))
}

/// Tells of one module.
#[utoipa::path(get, path = "/v1/modules/{name}", tag = "modules", operation_id = "getModule",
    params(("name" = String, Path, description = "the qualified name: `ml.Analyze`")),
    responses(
        (status = 200, description = "the module", body = ModuleBody),
        (status = 404, description = "there is none of that name", body = ErrorBody)))]
pub(crate) async fn one(State(shared): State<Shared>, Named(name): Named) -> Result<Json<ModuleBody>, Error> {
    Ok(Json(ModuleBody::of(&*find(&shared, &name)?)))
}

fn find(shared: &Shared, name: &str) -> Result<std::sync::Arc<ModuleSpec>, Error> {
    shared.operator.module(name).ok_or_else(|| {
        let message = format!("Module not found: {name}");
        squall_engine::CallError::failed(Code::ModuleNotFound, message).into()
    })
}

/// What a call takes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallBody {
    /// The inputs, by name. What an optional input leaves out is none.
    #[serde(default)]
    input: serde_json::Map<String, Value>,
    /// How long the call may take, such as `"2s"`; as long as the server says when absent.
    #[serde(default, deserialize_with = "duration")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{1,9}(ms|s|m|h)$")]
    timeout: Option<Duration>,
    /// Travels with the call.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// What a call gives.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CallAnswer {
    /// Plain JSON, as the module declares its output.
    output: Value,
}

/// Calls a module.
#[utoipa::path(post, path = "/v1/modules/{name}/call", tag = "modules", operation_id = "callModule",
    params(("name" = String, Path, description = "the qualified name: `ml.Analyze`")),
    request_body = CallBody,
    responses(
        (status = 200, description = "its output", body = CallAnswer),
        (status = 404, description = "there is none of that name", body = ErrorBody),
        (status = 422, description = "the input is not of the declared type", body = ErrorBody),
        (status = 502, description = "the module failed, or its output is not of the declared type", body = ErrorBody),
        (status = 503, description = "no provider could be reached", body = ErrorBody),
        (status = 504, description = "the call took too long", body = ErrorBody)))]
pub(crate) async fn call(
    State(shared): State<Shared>,
    Named(name): Named,
    Body(body): Body<CallBody>,
) -> Result<Json<CallAnswer>, Error> {
    let spec = find(&shared, &name)?;
    let input = read(&Value::Object(body.input), &CType::Product(spec.inputs.clone()))?;
    let call = Call {
        module: name.into(),
        input,
        timeout: body.timeout,
        metadata: body.metadata,
    };
    let output = shared.operator.call(call).await?;
    Ok(Json(CallAnswer {
        output: output.to_plain(),
    }))
}

/// Reads plain JSON as a value of a declared type.
pub(crate) fn read(plain: &Value, declared: &CType) -> Result<CValue, Error> {
    CValue::from_plain(plain, declared)
        .map_err(|error| squall_engine::CallError::failed(Code::TypeError, error.to_string()).into())
}
