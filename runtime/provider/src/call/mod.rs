//! Calling a module of a provider. Spec: provider 2.12; section 6, point 11.
//!
//! | subject | file |
//! |---|---|
//! | the call: input, attempts, output | here |
//! | the next member in turn | `route` |
//! | one attempt at one member | `attempt` |
//! | the meaning of a gRPC status and of a provider's error | `meaning` |
//! | members that do not answer, and their return | `aside` |

mod aside;
mod attempt;
mod meaning;
mod route;

use bytes::Bytes;
use squall_engine::{Call, CallError, Code};
use squall_platform::Platform;
use squall_proto::provider::ExecuteRequest;
use squall_value::{CType, CValue, Limits};
use tokio::time::Instant;

use crate::identifiers::ExecutionId;
use crate::manager::{Manager, after};
use crate::table::Declared;
use attempt::{Attempt, Failure};

impl<P: Platform> Manager<P> {
    /// Calls a module of a provider: the next member in turn and, if that one has certainly not received the request,
    /// one other.
    ///
    /// # Errors
    /// See [`CallError`]; the texts are the protocol's where it has one.
    pub(crate) async fn execute(&self, declared: &Declared, call: Call) -> Result<CValue, CallError> {
        let _entered = self.in_flight().enter();
        let counted = self.metrics().call(&declared.spec.name);
        let result = self.attempts(declared, call).await;
        counted.ended(result.as_ref().err().map(|error| error.code));
        result
    }

    async fn attempts(&self, declared: &Declared, call: Call) -> Result<CValue, CallError> {
        let timeout = call.timeout.unwrap_or(self.config().call_timeout);
        let mut attempt = Attempt {
            manager: self,
            declared,
            execution: ExecutionId::random(self.platform()),
            number: 1,
            timeout,
            deadline: after(Instant::now(), timeout),
        };
        let request = ExecuteRequest {
            module_name: declared.short_name.to_string(),
            input_data: self.input(declared, call.input)?,
            execution_id: attempt.execution.text(),
            metadata: call.metadata,
        };
        let first = self.route(declared, None)?;
        let failed = match attempt.run(&first, request.clone()).await {
            Ok(output) => return Ok(output),
            Err(failed) => failed,
        };
        let Failure::NotSent(error) = failed else {
            return Err(failed.into());
        };
        let Ok(second) = self.route(declared, Some(&first)) else {
            return Err(error);
        };
        self.metrics().failed_over();
        attempt.number = 2;
        Ok(attempt.run(&second, request).await?)
    }

    /// The input as JSON: always a record of the input fields, even for a single declared value. Spec: provider 2.12.
    fn input(&self, declared: &Declared, input: CValue) -> Result<Bytes, CallError> {
        let spec = &declared.spec;
        let input = input.conformed(&CType::Product(spec.inputs.clone()));
        let input = input.map_err(|mismatch| {
            let message = format!("the input of '{}' is not as declared: {mismatch}", spec.name);
            CallError::failed(Code::TypeError, message)
        })?;
        let json = input.to_json();
        let (bytes, limit) = (json.len(), self.config().max_message_bytes);
        if bytes > limit {
            let message = format!("Serialization error: JSON of {bytes} bytes is over the limit of {limit}");
            return Err(CallError::failed(Code::TypeError, message));
        }
        Ok(json.into())
    }

    /// The output of an execution, in its declared type.
    fn output(&self, declared: &Declared, json: &[u8]) -> Result<CValue, CallError> {
        let limits = Limits {
            bytes_max: self.config().max_message_bytes,
            ..Limits::default()
        };
        let output = CValue::from_json(json, &limits).map_err(|error| {
            CallError::unknown(Code::TypeError, format!("Deserialization error: {error}"))
        })?;
        let spec = &declared.spec;
        output.conformed(&spec.output).map_err(|mismatch| {
            let message = format!("the output of '{}' is not as declared: {mismatch}", spec.name);
            CallError::unknown(Code::TypeError, message)
        })
    }
}
