//! The HTTP API of a provider manager, for people and scripts. Spec: provider, guide ("Combined HTTP API + gRPC
//! Server") and 2.13.
//!
//! | method | path | what it does |
//! |---|---|---|
//! | GET | `/v1/modules`, `/v1/modules/{name}` | what can be called |
//! | POST | `/v1/modules/{name}/call` | calls a module |
//! | POST | `/v1/pipelines/run` | runs a program |
//! | GET | `/v1/providers` | who is registered, and how they are |
//! | POST | `/v1/providers/{id}/drain` | asks a provider to leave |
//! | GET | `/health` | 200, or 503 once the process is told to stop |
//! | GET | `/metrics` | OpenMetrics |
//! | GET | `/openapi.json` | this table, for machines |
//!
//! Values are plain JSON: what a module declares says how they are read. Every error is
//! `{"error": {"code": "...", "message": "..."}}`.
//!
//! | subject | file |
//! |---|---|
//! | accepting, and ending | `server` |
//! | which path is served by what | `routes` |
//! | what is served | `modules`, `pipelines`, `providers`, `process` |
//! | what it needs of a manager | `operator` |
//! | errors, the bodies of requests and what is in their paths | `error`, `body` |
//! | what every operation may answer | `common` |
//! | lists in pages | `page` |
//! | which hosts requests may name | `host` |
//!
//! The ids of providers' connections are told nobody: who knows one can deregister its modules.
//!
//! Deliberately absent: authentication and TLS. Whoever reaches the port can drain a provider: listen where only
//! operators are, or put a proxy in front.

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
