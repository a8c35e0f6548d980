//! Takes its time for everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use squall_cluster::{ActorRef, Delivered, Error, HistoryError, TimeTravel, WireEndpoint, async_trait};
use tokio::time::sleep;

/// Takes its time.
pub(crate) struct Slow {
    delay: Duration,
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl Slow {
    pub(crate) fn new(delay: Duration) -> (Slow, Arc<AtomicUsize>, Arc<AtomicUsize>) {
        let (begun, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let slow = Slow {
            delay,
            begun: Arc::clone(&begun),
            ended: Arc::clone(&ended),
        };
        (slow, begun, ended)
    }

    async fn work(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        sleep(self.delay).await;
        self.ended.fetch_add(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl WireEndpoint for Slow {
    async fn deliver_wire(&self, _: &ActorRef, _: Bytes, _: Option<&str>) -> Result<Delivered, Error> {
        self.work().await;
        Ok(Delivered::to_actor(None))
    }

    async fn spawn_wire(&self, _: &str, id: &str, _: Option<Bytes>) -> Result<ActorRef, Error> {
        self.work().await;
        Ok(ActorRef::local(id))
    }
}

#[async_trait]
impl TimeTravel for Slow {
    async fn state_at(&self, _: &str, _: i64) -> Result<Bytes, HistoryError> {
        self.work().await;
        Ok("{}".into())
    }

    async fn steps(&self, _: &str) -> Result<Vec<i64>, HistoryError> {
        self.work().await;
        Ok(Vec::new())
    }
}
