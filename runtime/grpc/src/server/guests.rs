//! The open connections, and which of them are closed to make room.
//!
//! When the maximum number of connections is open, an idle one is asked to leave for a new one, so that a peer that
//! opens connections and leaves them idle locks no other peer out. The chosen connection has no in-flight requests
//! and got no request since it was last passed over: it is approximately the one that has been idle longest. It
//! receives GOAWAY, and requests on their way are still served.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

use super::ledger::{Account, Ledger, Refusal};
use super::limits::Limits;

/// The maximum number of connections that are checked to find an idle one: accepting must not take long.
const LOOKED_AT: usize = 64;
/// One in this many connections may be leaving for others at once.
const LEAVING: usize = 8;

/// The open connections of one server, in the order in which they are checked.
pub(super) struct Guests {
    limits: Limits,
    ledger: Arc<Ledger>,
    queue: VecDeque<Weak<Guest>>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    open: AtomicUsize,
    /// The number of connections that were asked to leave.
    leaving: AtomicUsize,
    /// The number of connections per address; not counted without a limit.
    addresses: Mutex<BTreeMap<IpAddr, usize>>,
}

/// One connection, while it is open.
pub(super) struct Guest {
    account: Arc<Account>,
    /// Notified when it has to make room.
    leave: Notify,
    is_leaving: AtomicBool,
    address: Option<IpAddr>,
    shared: Arc<Shared>,
}

impl Guests {
    pub(super) fn new(limits: Limits, ledger: Arc<Ledger>) -> Self {
        Guests {
            limits,
            ledger,
            queue: VecDeque::new(),
            shared: Arc::default(),
        }
    }

    /// Admits one more connection from this address; `None` when there is no room, which is counted.
    pub(super) fn enter(&mut self, from: IpAddr) -> Option<Arc<Guest>> {
        let address = (self.limits.address_connections != usize::MAX).then(|| from.to_canonical());
        if let Some(address) = address
            && !self.shared.add(address, self.limits.address_connections)
        {
            crowded(&self.ledger, &self.limits, address);
            return None;
        }
        let guest = Arc::new(Guest {
            account: Account::new(self.limits, Arc::clone(&self.ledger)),
            leave: Notify::new(),
            is_leaving: AtomicBool::new(false),
            address,
            shared: Arc::clone(&self.shared),
        });
        let open = self.shared.open.fetch_add(1, Ordering::Relaxed);
        let leaving = self.shared.leaving.load(Ordering::Relaxed);
        if open - leaving.min(open) >= self.limits.connections && !self.make_room(leaving) {
            surplus(&self.ledger, &self.limits);
            return None;
        }
        self.queue.push_back(Arc::downgrade(&guest));
        // Closed connections are removed when there is no room, and otherwise now and then.
        if self.queue.len() > 2 * open + LOOKED_AT {
            self.queue.retain(|it| it.strong_count() > 0);
        }
        Some(guest)
    }

    /// Asks an idle connection to leave. False when none is found.
    fn make_room(&mut self, leaving: usize) -> bool {
        if leaving >= (self.limits.connections / LEAVING).max(1) {
            return false;
        }
        let mut looked_at = 0;
        while looked_at < LOOKED_AT {
            let Some(next) = self.queue.pop_front() else { break };
            let Some(guest) = next.upgrade() else { continue };
            looked_at += 1;
            if !guest.account.take_asked() && guest.account.is_idle() {
                guest.ask_to_leave();
                unused(&self.ledger, &self.limits);
                return true;
            }
            self.queue.push_back(next);
        }
        false
    }
}

impl Shared {
    fn addresses(&self) -> std::sync::MutexGuard<'_, BTreeMap<IpAddr, usize>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more connection of this address, unless it has reached the limit.
    fn add(&self, address: IpAddr, limit: usize) -> bool {
        let mut addresses = self.addresses();
        let count = addresses.entry(address).or_default();
        let has_room = *count < limit;
        *count += usize::from(has_room);
        has_room
    }

    fn remove(&self, address: IpAddr) {
        let mut addresses = self.addresses();
        if let Some(count) = addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                addresses.remove(&address);
            }
        }
    }
}

impl Guest {
    /// Its memory account.
    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Resolves when it has to make room for another one.
    pub(super) async fn asked_to_leave(&self) {
        self.leave.notified().await;
    }

    fn ask_to_leave(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        self.shared.leaving.fetch_add(1, Ordering::Relaxed);
        self.leave.notify_one();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.shared.open.fetch_sub(1, Ordering::Relaxed);
        if self.is_leaving.load(Ordering::Relaxed) {
            self.shared.leaving.fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(address) = self.address {
            self.shared.remove(address);
        }
    }
}

#[cold]
fn surplus(ledger: &Ledger, limits: &Limits) {
    let limit = limits.connections;
    let why = format_args!(
        "a connection was closed at once: {limit} are open, the most that are taken (limit connections), and none is idle"
    );
    ledger.refuse(Refusal::Connection, why);
}

#[cold]
fn crowded(ledger: &Ledger, limits: &Limits, address: IpAddr) {
    let limit = limits.address_connections;
    let why = format_args!(
        "a connection was closed at once: {address} has {limit}, the most that are taken of one address (limit \
         address_connections)"
    );
    ledger.refuse(Refusal::Address, why);
}

#[cold]
fn unused(ledger: &Ledger, limits: &Limits) {
    let limit = limits.connections;
    let why = format_args!(
        "a connection that was not used was asked to leave for another one: {limit} are open, the most that are taken \
         (limit connections)"
    );
    ledger.refuse(Refusal::Idle, why);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guests(connections: usize, address_connections: usize) -> Guests {
        let limits = Limits {
            connections,
            address_connections,
            ..Limits::default()
        };
        Guests::new(limits, Arc::default())
    }

    #[tokio::test(start_paused = true)]
    async fn each_address_has_its_own_number_however_it_is_written() {
        let mut guests = guests(100, 2);
        let [one, same, other] = ["10.0.0.1", "::ffff:10.0.0.1", "10.0.0.2"].map(|it| it.parse().unwrap());
        let first = guests.enter(one).expect("there is room");
        let _second = guests.enter(same).expect("there is room");
        assert!(guests.enter(one).is_none() && guests.enter(same).is_none());
        let _other = guests.enter(other).expect("it is another one");
        assert_eq!(guests.ledger.refused(Refusal::Address), 2);
        drop(first);
        assert!(guests.enter(same).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_is_idle_for_longest_makes_room_and_few_do_at_once() {
        let mut guests = guests(16, usize::MAX);
        let from = "10.0.0.1".parse().unwrap();
        let open: Vec<_> = (0..16).map(|_| guests.enter(from).unwrap()).collect();
        // The first has a request in flight, and the second got a request.
        let _seat = open[0].account().seat();
        drop(open[1].account().seat());
        let mut more = vec![];
        for _ in 0..4 {
            more.extend(guests.enter(from));
        }
        let leaving: Vec<_> = open
            .iter()
            .map(|it| it.is_leaving.load(Ordering::Relaxed))
            .collect();
        assert_eq!(leaving[..5], [false, false, true, true, false]);
        assert_eq!(more.len(), 2, "one in eight");
        assert_eq!(guests.ledger.refused(Refusal::Connection), 2);
        assert_eq!(guests.ledger.refused(Refusal::Idle), 2);
        drop(open);
        assert!(guests.enter(from).is_some(), "they are gone");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gone_is_not_remembered() {
        let mut guests = guests(4, 4);
        let from = "10.0.0.1".parse().unwrap();
        for _ in 0..10_000 {
            guests.enter(from).expect("the last one is gone");
        }
        assert!(guests.queue.len() <= 2 * LOOKED_AT, "{}", guests.queue.len());
        assert!(guests.shared.addresses().is_empty());
    }
}
