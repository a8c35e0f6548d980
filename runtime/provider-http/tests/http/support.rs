//! A manager with modules of its own and of a provider, and a client of its API.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use squall_engine::{Engine, LocalEngine, ModuleSpec, module_fn};
use squall_memory::{Memory, Network};
use squall_platform::{Authority, Platform};
use squall_provider::{Config, Manager};
use squall_provider_http::Server;
use squall_provider_sdk::{Config as SdkConfig, Context, HandlerError, Module, Provider, Running};
use squall_value::{CType, CValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

/// All that runs.
pub(crate) struct World {
    pub(crate) network: Network,
    pub(crate) manager: Manager<Memory>,
    pub(crate) provider: Running<Memory>,
    pub(crate) http: Authority,
    /// Makes the API say that the process stops.
    pub(crate) stopping: Box<dyn Fn() + Send + Sync>,
    pub(crate) shutdown: oneshot::Sender<()>,
    pub(crate) ended: oneshot::Receiver<usize>,
}

/// What a request gave.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    pub(crate) fn error(&self) -> (u16, String) {
        let body = self.json();
        assert!(!body["error"]["message"].as_str().unwrap().is_empty());
        (
            self.status.as_u16(),
            body["error"]["code"].as_str().unwrap().to_owned(),
        )
    }

    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_owned()
    }
}

fn text() -> CType {
    CType::product([("text", CType::String)])
}

/// Analyses, after as many milliseconds as the text has letters; refuses to when it says "fail".
fn analyze() -> Module {
    let output = CType::product([("sentiment", CType::Float), ("words", CType::Int)]);
    let handler = |input: CValue, _: Context| async move {
        let Some(CValue::String(text)) = input.field("text").cloned() else {
            return Err(HandlerError::new("no text"));
        };
        tokio::time::sleep(Duration::from_millis(text.len() as u64)).await;
        if &*text == "fail" {
            return Err(HandlerError::new("it was told to"));
        }
        let words = text.split_whitespace().count() as i64;
        Ok(CValue::product([
            ("sentiment", CValue::Float(0.85)),
            ("words", CValue::Int(words)),
        ]))
    };
    Module::new("Analyze", text(), output, handler)
        .version("1.2.0")
        .description("Sentiment analysis")
}

async fn provider(network: &Network, namespace: &str) -> Running<Memory> {
    Provider::builder(network.host(), namespace)
        .managers(["manager:9090".parse().unwrap()])
        .config(SdkConfig {
            executor_port: 0,
            ..SdkConfig::default()
        })
        .module(analyze())
        .build()
        .unwrap()
        .start()
        .await
        .unwrap()
}

pub(crate) async fn world() -> World {
    world_of(|server| server).await
}

/// The same, with the server of the API as it is made of the plain one.
pub(crate) async fn world_of(with: impl FnOnce(Server<Memory>) -> Server<Memory>) -> World {
    let network = Network::default();
    let engine = LocalEngine::new();
    let upper = ModuleSpec::new("texts.Upper", &text(), CType::String);
    let module = module_fn(upper, |input: CValue| async move {
        match input.field("text") {
            Some(CValue::String(text)) => Ok(CValue::string(text.to_uppercase())),
            _ => unreachable!("the engine has checked it"),
        }
    });
    engine.set_module(module).unwrap();
    let host = network.host();
    let config = Config {
        grpc_port: 9090,
        ..Config::default()
    };
    let manager = Manager::new(host.clone(), config, Arc::new(engine));
    let grpc = manager.bind().await.unwrap();
    host.spawn(grpc.run());
    let server = Server::bind(host.clone(), 8080, Arc::new(manager.clone()))
        .await
        .unwrap();
    let server = with(server);
    let http = server.local_addr().to_string().parse().unwrap();
    let stopping = Box::new(server.stopping());
    let (shutdown, told) = oneshot::channel::<()>();
    let (end, ended) = oneshot::channel();
    host.spawn(async move {
        let told = async move { drop(told.await) };
        let cut = server.run_until(told, Duration::from_secs(5)).await;
        end.send(cut).unwrap_or_default();
    });
    let provider = provider(&network, "ml").await;
    // The first heartbeat is on its way.
    tokio::time::sleep(Duration::from_millis(1)).await;
    World {
        network,
        manager,
        provider,
        http,
        stopping,
        shutdown,
        ended,
    }
}

impl World {
    /// That many further ones, of the namespaces `n0`, `n1` and so on.
    pub(crate) async fn more_providers(&self, count: usize) -> Vec<Running<Memory>> {
        let mut all = vec![];
        for number in 0..count {
            all.push(provider(&self.network, &format!("n{number}")).await);
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        all
    }

    /// One request on a connection of its own.
    pub(crate) async fn request(&self, method: &str, path: &str, content_type: &str, body: &str) -> Answer {
        self.request_at(self.http.as_str(), method, path, content_type, body)
            .await
    }

    /// The same, that names another host.
    pub(crate) async fn request_at(
        &self,
        host: &str,
        method: &str,
        path: &str,
        content_type: &str,
        body: &str,
    ) -> Answer {
        let client = self.network.host();
        let stream = client.connect(&self.http).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        client.spawn(async move { drop(connection.await) });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .header("content-type", content_type)
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        let status = response.status();
        let content_type = response.headers().get("content-type");
        let content_type = content_type.map_or("", |it| it.to_str().unwrap()).to_owned();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        Answer {
            status,
            content_type,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// All that is answered to these bytes, on a connection that the server closes.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.network.host().connect(&self.http).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.request("GET", path, "text/plain", "").await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.request("POST", path, "application/json", &body.to_string())
            .await
    }

    pub(crate) async fn call(&self, module: &str, input: Value) -> Answer {
        self.post(&format!("/v1/modules/{module}/call"), json!({ "input": input }))
            .await
    }
}
