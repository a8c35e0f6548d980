//! Waits for the first connected endpoint of a module.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use squall_platform::Platform;
use tokio::time::{Instant, sleep};

use super::Refusal;
use super::endpoint::{Availability, Endpoint};
use super::lease::Lease;

/// The delay before the next endpoint is dialled in parallel. Most endpoints answer sooner; one that does not must
/// not cost waiting calls the whole connect timeout. Spec: RFC 8305, section 8.
const STAGGER: Duration = Duration::from_millis(250);

/// Dials in progress, and endpoints that are still to be dialled.
pub(crate) struct Dialling<'p, P: Platform> {
    endpoints: &'p [Arc<Endpoint<P>>],
    /// The endpoint whose dial is in progress.
    first: usize,
}

type Wait<'p, P> = Pin<Box<dyn Future<Output = Result<Lease<P>, Refusal>> + Send + 'p>>;

impl<'p, P: Platform> Dialling<'p, P> {
    pub(super) fn new(endpoints: &'p [Arc<Endpoint<P>>], first: usize) -> Self {
        Dialling { endpoints, first }
    }

    /// The first available connection: of the endpoint that is being dialled or, if that fails or takes too long, of
    /// the others in turn.
    ///
    /// # Errors
    /// When no endpoint can be dialled: the error of the last one.
    pub(super) async fn first(self) -> Result<Lease<P>, Refusal> {
        let at = |index: usize| &self.endpoints[self.first.wrapping_add(index) % self.endpoints.len()];
        if self.endpoints.len() == 1 {
            return at(0).wait().await;
        }
        let mut waits: Vec<Wait<'_, P>> = vec![Box::pin(at(0).wait())];
        let mut others = (1..self.endpoints.len()).map(at);
        let mut suspect = None;
        let mut refusal = None;
        let mut stagger = pin!(sleep(STAGGER));
        loop {
            let next = poll_fn(|context| match first_of(&mut waits, context) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                // Without an end there is nothing to wait for.
                Poll::Pending => stagger.as_mut().poll(context).map(|()| None),
            });
            match next.await {
                Some(Ok(lease)) => return Ok(lease),
                Some(Err(why)) => refusal = Some(why),
                None => {}
            }
            stagger.as_mut().reset(Instant::now() + STAGGER);
            for endpoint in others.by_ref() {
                match endpoint.look(true) {
                    Availability::Ready(lease) => return Ok(lease),
                    Availability::Dialling => {
                        waits.push(Box::pin(endpoint.wait()));
                        break;
                    }
                    Availability::Suspect => suspect = suspect.or(Some(endpoint)),
                    Availability::Idle => {}
                    Availability::Unusable(why) => refusal = refusal.or(Some(why)),
                }
            }
            if waits.is_empty() {
                // An endpoint that may hang is better than none.
                return suspect
                    .and_then(Endpoint::suspect)
                    .ok_or_else(|| refusal.unwrap_or_else(|| Refusal::new("it has no endpoints")));
            }
        }
    }
}

/// The first finished dial, in the order in which they began.
fn first_of<P: Platform>(
    waits: &mut Vec<Wait<'_, P>>,
    context: &mut Context<'_>,
) -> Poll<Result<Lease<P>, Refusal>> {
    for index in 0..waits.len() {
        if let Poll::Ready(result) = waits[index].as_mut().poll(context) {
            drop(waits.remove(index));
            return Poll::Ready(result);
        }
    }
    Poll::Pending
}
