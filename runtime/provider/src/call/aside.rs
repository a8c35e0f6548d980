//! Sets aside members that do not answer, and brings them back.

use squall_platform::Platform;
use tokio::time::Instant;

use crate::events;
use crate::manager::Manager;
use crate::table::Picked;

impl<P: Platform> Manager<P> {
    /// The member has answered something.
    pub(super) fn heard(&self, member: &Picked) {
        if member.standing.answered(Instant::now()) {
            events::member(&member.identity, "in use", "it answers again");
        }
    }

    /// A call that began at this time has had no response within its deadline.
    pub(super) fn missed(&self, member: &Picked, begun: Instant) {
        if member.standing.missed(begun, Instant::now()) {
            events::member(&member.identity, "aside", "several calls in a row had no answer");
        }
    }

    /// No connection to the member is possible.
    pub(super) fn not_reached(&self, member: &Picked, why: &str) {
        if member.standing.unreachable(Instant::now()) {
            events::member(&member.identity, "aside", why);
        }
    }
}
