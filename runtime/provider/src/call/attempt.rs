//! One attempt at one member.

use std::sync::Arc;
use std::time::Duration;

use squall_engine::{CallError, Code};
use squall_grpc::{Outcome, Progress, set_timeout};
use squall_platform::Platform;
use squall_proto::provider::{ExecuteRequest, ExecuteResponse};
use squall_value::CValue;
use tokio::time::{Instant, timeout_at};

use super::meaning::{self, Sign};
use super::route::Route;
use crate::events::{Execution, ExecutionStarted};
use crate::identifiers::ExecutionId;
use crate::manager::Manager;
use crate::table::Declared;

/// The path of the only method that providers serve. Spec: provider 1.1.
const EXECUTE: &str = "/constellation.provider.v1.ModuleExecutor/Execute";

/// The data of the call that an attempt needs.
pub(super) struct Attempt<'a, P: Platform> {
    pub(super) manager: &'a Manager<P>,
    pub(super) declared: &'a Declared,
    pub(super) execution: ExecutionId,
    /// Counted from 1.
    pub(super) number: u64,
    /// The deadline of the whole call.
    pub(super) timeout: Duration,
    pub(super) deadline: Instant,
}

/// Why an attempt has no output.
pub(super) enum Failure {
    /// The member has certainly not received the request: another one may be tried.
    NotSent(CallError),
    /// It may have received it, or there is no time left.
    Final(CallError),
}

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NotSent(error) | Failure::Final(error) => error,
        }
    }
}

impl<P: Platform> Attempt<'_, P> {
    pub(super) async fn run(&self, route: &Route<P>, request: ExecuteRequest) -> Result<CValue, Failure> {
        let _entered = route.member.in_flight.enter();
        let execution = Execution::started(&ExecutionStarted {
            execution: self.execution.low(),
            module: &self.declared.short_name,
            identity: &route.member.identity,
            attempt: self.number,
            timeout: self.deadline.saturating_duration_since(Instant::now()),
            input: &request.input_data,
        });
        let answer = self.send(route, request).await;
        let output = answer.and_then(|answer| {
            let answered = meaning::of_answer(&self.declared.short_name, answer);
            let json = answered.map_err(|error| Failure::Final(self.in_own_words(error)))?;
            let output = self
                .manager
                .output(self.declared, &json)
                .map_err(Failure::Final)?;
            Ok((output, json))
        });
        match output {
            Ok((output, json)) => {
                execution.succeeded(&json);
                Ok(output)
            }
            Err(failure) => {
                let (Failure::NotSent(error) | Failure::Final(error)) = &failure;
                execution.failed(error);
                Err(failure)
            }
        }
    }

    async fn send(&self, route: &Route<P>, request: ExecuteRequest) -> Result<ExecuteResponse, Failure> {
        let (begun, progress) = (Instant::now(), Arc::new(Progress::default()));
        let limit = self.manager.config().max_message_bytes;
        let left = self.deadline.saturating_duration_since(begun);
        if left.is_zero() {
            // Without remaining time no request is sent.
            return Err(Failure::Final(CallError::failed(Code::Timeout, self.overdue())));
        }
        let mut request = tonic::Request::new(request);
        set_timeout(request.metadata_mut(), left);
        let answer = route.channel.call(EXECUTE, request, limit, &progress);
        let given_up = |code, message: String| {
            Err(Failure::Final(match progress.outcome_if_lost() {
                Outcome::Failed => CallError::failed(code, message),
                Outcome::Unknown => CallError::unknown(code, message),
            }))
        };
        tokio::select! {
            biased;
            answer = timeout_at(self.deadline, answer) => match answer {
                Ok(Ok(response)) => {
                    self.manager.heard(&route.member);
                    Ok(response.into_inner())
                }
                Ok(Err(status)) => {
                    match meaning::of_member(&status, &progress) {
                        Some(Sign::Answer) => self.manager.heard(&route.member),
                        Some(Sign::Unreachable) => self.manager.not_reached(&route.member, status.message()),
                        None => {}
                    }
                    Err(match meaning::of_status(&status, &progress) {
                    Failure::Final(error) => Failure::Final(self.in_own_words(error)),
                    other => other,
                    })
                }
                Err(_) => {
                    self.manager.missed(&route.member, begun);
                    given_up(Code::Timeout, self.overdue())
                }
            },
            () = route.member.in_flight.is_cut() => {
                given_up(Code::Unavailable, "the provider was drained, and its deadline has passed".to_owned())
            }
            () = self.manager.in_flight().is_cut() => {
                given_up(Code::Unavailable, "the manager is shut down".to_owned())
            }
        }
    }

    /// The deadline travels: the member's timeout may arrive before ours.
    fn in_own_words(&self, error: CallError) -> CallError {
        if error.code == Code::Timeout && Instant::now() >= self.deadline {
            return CallError::unknown(Code::Timeout, self.overdue());
        }
        error
    }

    fn overdue(&self) -> String {
        let name = &self.declared.spec.name;
        format!("module '{name}' took longer than {:?}", self.timeout)
    }
}
