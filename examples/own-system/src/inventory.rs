//! The inventory: what is left of the one article that this shop has.

use std::collections::HashMap;
use std::sync::Mutex;

use squall::note;
use tonic::{Request, Response, Status};

use crate::pb::{Reservation, Stock, inventory_server};

/// What is left, and who has which reservation.
pub struct Inventory {
    left: Mutex<u32>,
    reserved: Mutex<HashMap<String, Stock>>,
}

impl Inventory {
    /// With so many pieces.
    pub fn new(pieces: u32) -> Self {
        Inventory {
            left: Mutex::new(pieces),
            reserved: Mutex::default(),
        }
    }
}

#[tonic::async_trait]
impl inventory_server::Inventory for Inventory {
    async fn reserve(&self, request: Request<Reservation>) -> Result<Response<Stock>, Status> {
        let Reservation { order, pieces } = request.into_inner();
        let mut reserved = self.reserved.lock().expect("nobody panics with it");
        if let Some(stock) = reserved.get(&order) {
            return Ok(Response::new(*stock));
        }
        let mut left = self.left.lock().expect("nobody panics with it");
        *left = left
            .checked_sub(pieces)
            .ok_or_else(|| Status::failed_precondition("sold out"))?;
        // For the oracles: in production it is a line of the log.
        note("reserved", &pieces);
        let stock = Stock { left: *left };
        if !order.is_empty() {
            reserved.insert(order, stock);
        }
        Ok(Response::new(stock))
    }
}
