//! Orders: each reserves its pieces, and tries again when it hears nothing.

use std::time::Duration;

use squall::note;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::pb::inventory_client::InventoryClient;
use crate::pb::{Order, Receipt, Reservation, orders_server};

/// How often an order asks the inventory, and how long it waits each time.
const ATTEMPTS: u32 = 5;
const PATIENCE: Duration = Duration::from_millis(300);

/// The service.
pub struct Orders {
    /// A channel to the inventory.
    pub inventory: Channel,
    /// Whether a reservation says whose it is, so that the second attempt is known for the same one.
    pub keyed: bool,
}

#[tonic::async_trait]
impl orders_server::Orders for Orders {
    async fn place(&self, request: Request<Order>) -> Result<Response<Receipt>, Status> {
        let Order { id, pieces } = request.into_inner();
        let mut last = Status::unavailable("never asked");
        for _ in 0..ATTEMPTS {
            let order = if self.keyed { id.clone() } else { String::new() };
            let mut request = Request::new(Reservation { order, pieces });
            request.set_timeout(PATIENCE);
            match InventoryClient::new(self.inventory.clone())
                .reserve(request)
                .await
            {
                Ok(_) => {
                    note("sold", &pieces);
                    return Ok(Response::new(Receipt {}));
                }
                Err(status) if status.code() == tonic::Code::FailedPrecondition => return Err(status),
                Err(status) => last = status,
            }
            tokio::time::sleep(PATIENCE).await;
        }
        Err(last)
    }
}
