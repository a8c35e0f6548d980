//! tonic's generated clients over one of our connections.

use std::time::Duration;

use squall_grpc::{Dial, Streaming, open};
use squall_memory::Network;
use squall_platform::Platform;
use squall_proto::provider::ExecuteRequest;
use squall_proto::provider::module_executor_client::ModuleExecutorClient;

use crate::support::{Echo, serve};

#[tokio::test(start_paused = true)]
async fn a_generated_client_calls_over_it_and_hears_of_its_end() {
    let network = Network::default();
    let (near, far) = (network.host(), network.host());
    let server = serve(&far, Echo::after(Duration::ZERO), Duration::ZERO).await;
    let (sender, driver) = open(&near, &Dial::default(), &server.address).await.unwrap();
    near.spawn(async move { drop(driver.await) });
    let connection = Streaming::new(sender, server.address.clone());
    let mut client = ModuleExecutorClient::new(connection.clone());
    let answer = client.execute(ExecuteRequest::default()).await.unwrap();
    assert!(answer.into_inner().result.is_some());
    assert!(!connection.is_closed());
    far.kill();
    assert!(client.execute(ExecuteRequest::default()).await.is_err());
    assert!(connection.is_closed());
}
