//! The shop in the simulator: its hosts, its client, and what Squall does not know of by itself.

use std::time::Duration;

use serde::Deserialize;
use squall::faults::{End, FaultKind, Heals, MustTouch, Past, Scene, Touches};
use squall::oracle::{self, Oracle, Violation};
use squall::plan::{Topology, Window};
use squall::schemars::JsonSchema;
use squall::{Call, CustomExpectation, CustomFault, Finding, Harness, HostNames, Site, async_trait};
use tonic::transport::{Channel, Endpoint, Server};

use crate::inventory::Inventory;
use crate::orders::Orders;
use crate::pb::Order;
use crate::pb::inventory_server::InventoryServer;
use crate::pb::orders_client::OrdersClient;
use crate::pb::orders_server::OrdersServer;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Where both services listen.
const PORT: u16 = 50051;

/// All that files of this project may name.
pub fn harness() -> Harness {
    Harness::new()
        .hosts("inventory", inventory)
        .service("orders", orders)
        .client("checkout", checkout)
        .fault::<Deploy>()
        .expectation::<Sold>()
        .oracle(NothingLost)
}

/// `[inventory.*]`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InventoryTable {
    pieces: u32,
}

async fn inventory(site: Site, table: InventoryTable) -> Result<()> {
    let service = InventoryServer::new(Inventory::new(table.pieces));
    let server = Server::builder().add_service(service);
    Ok(server.serve_with_incoming(site.listen(PORT).await?).await?)
}

/// The settings of `[service.orders]`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrdersSettings {
    inventory: String,
    keyed: bool,
}

async fn orders(site: Site, settings: OrdersSettings) -> Result<()> {
    let service = OrdersServer::new(Orders {
        inventory: channel(&site, &settings.inventory)?,
        keyed: settings.keyed,
    });
    let server = Server::builder().add_service(service);
    Ok(server.serve_with_incoming(site.listen(PORT).await?).await?)
}

fn channel(site: &Site, host: &str) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{host}:{PORT}"))?;
    Ok(endpoint.connect_with_connector_lazy(site.connector()))
}

/// What a call of the client carries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Basket {
    order: String,
    pieces: u32,
}

async fn checkout(site: Site, call: Call<Basket>) -> std::result::Result<(), squall::CallError> {
    let channel = call.once(|| channel(&site, "orders").expect("a name of a host is one"));
    let Basket { order, pieces } = call.payload;
    let order = Order { id: order, pieces };
    OrdersClient::new(channel).place(order).await?;
    Ok(())
}

/// A fault of our own: hosts are deployed anew, one after another.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "squall::schemars")]
struct Deploy {
    /// The hosts, in this order.
    hosts: HostNames,
    /// How many milliseconds apart.
    every_ms: u64,
}

impl CustomFault for Deploy {
    const KEY: &'static str = "deploy";
    const IS_INSTANT: bool = true;

    fn check(&mut self, topology: &Topology) -> std::result::Result<(), String> {
        self.hosts.resolve(topology)
    }
}

#[async_trait]
impl FaultKind for Deploy {
    fn text(&self) -> String {
        format!("deploy {}", self.hosts)
    }

    async fn act(&self, scene: &Scene, _: End) {
        for host in self.hosts.names() {
            scene.restart(std::slice::from_ref(host));
            scene.sim().sleep(Duration::from_millis(self.every_ms)).await;
        }
    }

    fn touches(&self, _: &Past<'_>) -> Vec<Touches> {
        vec![Touches::Hosts(self.hosts.names().to_vec())]
    }

    fn heals(&self) -> Heals {
        Heals::AtEnd
    }

    fn must_touch(&self, _: &Topology) -> MustTouch {
        MustTouch::Calls
    }
}

/// An expectation of our own: how many pieces are sold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(crate = "squall::schemars")]
struct Sold {
    /// These at least.
    at_least: u64,
}

impl CustomExpectation for Sold {
    const KEY: &'static str = "sold";

    fn text(&self) -> String {
        format!("at least {} pieces sold", self.at_least)
    }

    fn judge(&self, run: &oracle::Run<'_>, window: &Window) -> Finding {
        let sold = pieces(run, "sold", |at| window.contains(at));
        Finding::new(sold >= self.at_least)
            .measured(format!("is {sold}"))
            .value(sold)
    }
}

/// A promise of our own, for every run: of what is reserved, nothing is lost. An order that failed may have reserved once.
struct NothingLost;

impl Oracle for NothingLost {
    fn name(&self) -> &'static str {
        "nothing lost"
    }

    fn promise(&self) -> &'static str {
        "no order reserves more than it sells"
    }

    fn check(&self, run: &oracle::Run<'_>) -> std::result::Result<u64, Violation> {
        let reserved = pieces(run, "reserved", |_| true);
        let sold = pieces(run, "sold", |_| true);
        let given_up = run.calls.iter().filter(|call| !call.is_ok()).count() as u64;
        if reserved <= sold + given_up {
            return Ok(reserved);
        }
        Err(Violation {
            at: run.notes().last().map_or(0, |note| note.at),
            call: None,
            from: "orders".to_owned(),
            to: "stock".to_owned(),
            what: format!(
                "{reserved} pieces are reserved, and {sold} sold: {} are lost",
                reserved - sold
            ),
            touched_by: Vec::new(),
        })
    }
}

fn pieces(run: &oracle::Run<'_>, name: &str, when: impl Fn(u64) -> bool) -> u64 {
    let notes = run.notes().filter(|note| note.name == name && when(note.at));
    notes.filter_map(|note| note.read::<u64>()).sum()
}
