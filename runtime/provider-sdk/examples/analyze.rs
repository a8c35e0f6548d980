//! A provider of one module, `ml.Analyze`, for a manager on this machine.
//!
//! ```sh
//! cargo run -p squall-provider-sdk --example analyze                     # the manager is at 127.0.0.1:9090
//! cargo run -p squall-provider-sdk --example analyze -- manager:9090
//! ```

use std::error::Error;

use serde::{Deserialize, Serialize};
use squall_platform::TokioPlatform;
use squall_provider_sdk::{CType, Config, HandlerError, Module, Provider};

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Analysis {
    sentiment: f64,
    confidence: f64,
}

/// What a model would do.
async fn analyze(input: Text) -> Result<Analysis, HandlerError> {
    if input.text.is_empty() {
        return Err(HandlerError::new("there is nothing to analyse"));
    }
    let kind = input
        .text
        .split_whitespace()
        .filter(|word| word.starts_with("good"));
    let sentiment = 0.5 + 0.5 * (kind.count() as f64) / (input.text.split_whitespace().count().max(1) as f64);
    Ok(Analysis {
        sentiment,
        confidence: 0.92,
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let manager = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:9090".to_owned());
    let input = CType::product([("text", CType::String)]);
    let output = CType::product([("sentiment", CType::Float), ("confidence", CType::Float)]);
    let provider = Provider::builder(TokioPlatform::new(), "ml")
        .managers([manager.parse()?])
        .config(Config {
            executor_host: "127.0.0.1".to_owned(),
            executor_port: 0,
            ..Config::default()
        })
        .module(Module::typed("Analyze", input, output, analyze).description("Sentiment analysis"))
        .build()?;
    let stop = async {
        // Without signals there is nothing to wait for.
        drop(tokio::signal::ctrl_c().await);
    };
    provider.run(stop).await?;
    Ok(())
}
