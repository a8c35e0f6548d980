//! Parses event fields that have a few values only.

use std::sync::Arc;

use squall_events::{Misfit, Problem};

use crate::journal::{Handling, Outcome, RpcEnd};

/// How an execution ended.
pub fn handling(event: &'static str, how: &str) -> Result<Handling, Misfit> {
    Ok(match how {
        "ok" => Handling::Ok,
        "error" => Handling::Error,
        "panic" => Handling::Panic,
        "dropped" => Handling::Dropped,
        _ => return Err(impossible(event, "how")),
    })
}

/// How a call ended, as its caller knows it.
pub fn outcome(event: &'static str, outcome: &str) -> Result<Outcome, Misfit> {
    Ok(match outcome {
        "ok" => Outcome::Ok,
        "failed" => Outcome::Failed,
        "unknown" => Outcome::Unknown,
        _ => return Err(impossible(event, "outcome")),
    })
}

/// How a gRPC call ended, as seen by one end.
pub fn rpc_end(event: &'static str, end: &str, status: u64, error: Arc<str>) -> Result<RpcEnd, Misfit> {
    Ok(match end {
        "status" => RpcEnd::Status(status),
        "transport" => RpcEnd::Transport(error),
        "dropped" => RpcEnd::Dropped,
        _ => return Err(impossible(event, "end")),
    })
}

fn impossible(event: &'static str, field: &'static str) -> Misfit {
    Misfit {
        event,
        problem: Problem::Value(field),
    }
}
