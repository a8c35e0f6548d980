//! What every gRPC server is expected to offer beside its own service: health and reflection.
//!
//! Not on the way of any message. tonic-reflection answers each of its streams in a task of tokio's own, which
//! ends with the stream.

use std::sync::OnceLock;

use http::{Request, Response};
use tonic::body::Body;
use tonic::service::{Routes, RoutesBuilder};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tower_service::Service;

use crate::Incoming;

const HEALTH: &str = "/grpc.health.v1.Health/";
const REFLECTION: &str = "/grpc.reflection.v1";

/// Health and reflection of a server with one service of its own.
pub struct Standard {
    /// The names that health is asked for: the whole server's, and the service's.
    names: [&'static str; 2],
    /// An encoded `FileDescriptorSet`, with the service.
    descriptors: &'static [u8],
    reporter: HealthReporter,
    /// Made when first asked for: of a thousand modules few are.
    routes: OnceLock<Routes>,
}

impl Standard {
    /// Says that `service` is served; `descriptors` is an encoded `FileDescriptorSet` that has it.
    ///
    /// Asked for reflection, it panics when `descriptors` cannot be decoded: they are the build's.
    pub async fn new(service: &'static str, descriptors: &'static [u8]) -> Self {
        let standard = Standard {
            names: ["", service],
            descriptors,
            reporter: HealthReporter::new(),
            routes: OnceLock::new(),
        };
        standard.report(ServingStatus::Serving).await;
        standard
    }

    /// Says from now on that nothing is served.
    pub async fn not_serving(&self) {
        self.report(ServingStatus::NotServing).await;
    }

    async fn report(&self, status: ServingStatus) {
        for name in self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }

    /// Ends the streams of those who watch, after what they have not seen yet.
    pub async fn end_watches(&self) {
        let mut reporter = self.reporter.clone();
        for name in self.names {
            reporter.clear_service_status(name).await;
        }
    }

    /// True when a path is served here.
    pub fn serves(path: &str) -> bool {
        path.starts_with(HEALTH) || path.starts_with(REFLECTION)
    }

    /// Answers a request to a path that is served here.
    pub async fn call(&self, request: Request<Incoming>) -> Response<Body> {
        let mut routes = self.routes.get_or_init(|| self.routes()).clone();
        match routes.call(request).await {
            Ok(response) => response,
            Err(error) => match error {},
        }
    }

    fn routes(&self) -> Routes {
        let mut routes = RoutesBuilder::default();
        let health = HealthService::from_health_reporter(self.reporter.clone());
        routes.add_service(HealthServer::new(health));
        let descriptors = self.descriptors;
        let builder = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(descriptors)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        };
        let compiled = "descriptors that the build has compiled";
        routes.add_service(builder().build_v1().expect(compiled));
        routes.add_service(builder().build_v1alpha().expect(compiled));
        routes.routes()
    }
}
