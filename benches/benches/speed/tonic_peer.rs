//! What the peers have in common: unmodified tonic, with a server that echoes and a client that calls.

use bytes::Bytes;
use squall_proto::module::module_service_client::ModuleServiceClient;
use squall_proto::module::module_service_server::{ModuleService, ModuleServiceServer};
use squall_proto::module::{Message, Response};
use tonic::transport::server::Router;
use tonic::transport::{Channel, Server};
use tonic::{Request, Status};

use crate::program::payload;

/// A module that does nothing but answer.
struct Echo;

#[tonic::async_trait]
impl ModuleService for Echo {
    async fn send(&self, request: Request<Message>) -> Result<tonic::Response<Response>, Status> {
        let data = request.into_inner().data;
        let error = String::new();
        Ok(tonic::Response::new(Response { data, error }))
    }
}

/// A server that is ready to be served on some stream of connections.
pub(crate) fn server() -> Router {
    Server::builder().add_service(ModuleServiceServer::new(Echo))
}

/// One connection's caller.
pub(crate) struct Caller {
    client: ModuleServiceClient<Channel>,
    to: String,
    data: Bytes,
}

impl Caller {
    pub(crate) fn new(channel: Channel, to: usize) -> Self {
        Caller {
            client: ModuleServiceClient::new(channel),
            to: format!("n{to}.in"),
            data: payload("1000").to_string().into(),
        }
    }

    /// Makes one call.
    ///
    /// # Panics
    /// When it is not answered with what was sent.
    pub(crate) async fn call(&mut self) {
        let message = Message {
            to: self.to.clone(),
            from: String::new(),
            data: self.data.clone(),
            metadata: Default::default(),
        };
        let response = self
            .client
            .send(message)
            .await
            .expect("nothing keeps the call from its end");
        assert_eq!(response.into_inner().data, self.data, "an echo");
    }
}
