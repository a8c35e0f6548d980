//! The first steps of the README: a service and a client, under three faults.

use squall::{Call, CallError, Harness, NoSettings, Site};
use tonic::transport::{Endpoint, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// An ordinary tonic server. Only its socket comes from the site.
async fn inventory(site: Site, _: NoSettings) -> Result<(), Error> {
    let (_, health) = tonic_health::server::health_reporter();
    let server = Server::builder().add_service(health);
    Ok(server.serve_with_incoming(site.listen(50051).await?).await?)
}

/// One call, over an ordinary tonic channel, which all calls of a process share.
async fn checkout(site: Site, call: Call<NoSettings>) -> Result<(), CallError> {
    let channel = call.once(|| {
        let endpoint = Endpoint::from_static("http://inventory:50051");
        endpoint.connect_with_connector_lazy(site.connector())
    });
    HealthClient::new(channel)
        .check(HealthCheckRequest::default())
        .await?;
    Ok(())
}

#[test]
fn the_inventory_is_there_again_after_whatever_happens() {
    let harness = Harness::new()
        .service("inventory", inventory)
        .client("checkout", checkout)
        .deny_vacuous()
        .deny_incidents();
    for seed in 0..20 {
        let run = harness.run_file("first/scenario.toml", Some(seed));
        run.unwrap().assert_held();
    }
}
