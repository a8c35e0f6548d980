//! The HTTP API of a provider manager, for people and scripts. Spec: provider, guide ("Combined HTTP API + gRPC
//! Server") and 2.13.
//!
//! | method | path | what it does |
//! |---|---|---|
//! | GET | `/v1/modules`, `/v1/modules/{name}` | the modules |
//! | POST | `/v1/modules/{name}/call` | calls a module |
//! | POST | `/v1/pipelines/run` | runs a program |
//! | GET | `/v1/providers` | registered providers, and their states |
//! | POST | `/v1/providers/{id}/drain` | asks a provider to leave |
//! | GET | `/health` | 200, or 503 once the process was asked to stop |
//! | GET | `/metrics` | OpenMetrics |
//! | GET | `/openapi.json` | this table, for machines |
//!
//! Values are plain JSON, interpreted by the module's declared types. Every error is `{"error": {"code": "...",
//! "message": "..."}}`.
//!
//! | subject | file |
//! |---|---|
//! | accepting, and shutdown | `server` |
//! | routing by path | `routes` |
//! | the operations | `modules`, `pipelines`, `providers`, `process` |
//! | the interface to a manager | `operator` |
//! | errors, bodies of requests and path parameters | `error`, `body` |
//! | the responses of every operation | `common` |
//! | lists in pages | `page` |
//! | permitted hosts of requests | `host` |
//!
//! The ids of providers' connections are never shown: the holder of an id can deregister the connection's modules.
//!
//! Deliberately absent: authentication and TLS. Any client that reaches the port can drain a provider: listen where
//! only operators are, or put a proxy in front.

mod body;
mod common;
mod error;
mod host;
mod modules;
mod operator;
mod page;
mod pipelines;
mod process;
mod providers;
mod routes;
mod server;

pub use body::BODIES_BYTES_MAX;
pub use host::{Hosts, WrongHost};
pub use operator::Operator;
pub use page::{PAGE_DEFAULT, PAGE_MAX};
pub use routes::{BODY_BYTES_MAX, openapi};
pub use server::{CONNECTIONS_MAX, DEFAULT_PORT, Server};
pub use squall_grpc::ServeError;
