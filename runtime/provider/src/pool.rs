//! Round robin over the members of a namespace. Spec: provider 2.11.

use std::sync::Arc;

/// The members of one namespace that take calls, in turn. All modules of the namespace share one pool and one turn.
///
/// While no member joins or leaves, the call counts of its members differ by at most one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExecutorPool {
    endpoints: Vec<Endpoint>,
    /// The next member's index. May be past the end after a removal.
    turn: usize,
}

/// The executor address of one member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The connection that registered it.
    pub connection: Arc<str>,
    /// `host:port`, as it was sent.
    pub executor: Arc<str>,
}

/// No member takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("No healthy executors in pool")]
pub struct NoExecutors;

#[cfg(test)]
thread_local! {
    /// The number of pool members that were compared with one that leaves.
    pub(crate) static COMPARED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

impl ExecutorPool {
    /// A pool without members.
    pub fn new() -> Self {
        ExecutorPool::default()
    }

    /// Returns the next member in turn, and advances the turn.
    ///
    /// # Errors
    /// When the pool is empty.
    pub fn pick(&mut self) -> Result<Endpoint, NoExecutors> {
        self.pick_where(|_| true)
    }

    /// Returns the first member, from the next in turn, that `suits`; the turn advances to the member after it.
    ///
    /// # Errors
    /// When there is none.
    pub fn pick_where(&mut self, suits: impl Fn(&Endpoint) -> bool) -> Result<Endpoint, NoExecutors> {
        let size = self.endpoints.len();
        let position = (0..size)
            .map(|step| (self.turn + step) % size)
            .find(|position| suits(&self.endpoints[*position]))
            .ok_or(NoExecutors)?;
        self.turn = (position + 1) % size;
        Ok(self.endpoints[position].clone())
    }

    /// Appends a member. One of the same connection is replaced, and moves to the end. The turn does not change.
    pub fn add(&mut self, endpoint: Endpoint) {
        self.remove(&endpoint.connection);
        self.endpoints.push(endpoint);
    }

    /// Removes a member; true when the pool is empty then. The turn does not change.
    pub fn remove(&mut self, connection: &str) -> bool {
        self.endpoints.retain(|endpoint| {
            #[cfg(test)]
            COMPARED.with(|it| it.set(it.get() + 1));
            &*endpoint.connection != connection
        });
        self.endpoints.is_empty()
    }

    /// Removes all members.
    pub fn clear(&mut self) {
        self.endpoints.clear();
    }

    /// The number of members.
    pub fn len(&self) -> usize {
        self.endpoints.len()
    }

    /// True when there are no members.
    pub fn is_empty(&self) -> bool {
        self.endpoints.is_empty()
    }

    /// The members, in the order of their turns.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn endpoint(connection: &str) -> Endpoint {
        Endpoint {
            connection: connection.into(),
            executor: format!("{connection}:9091").into(),
        }
    }

    fn pool(connections: &[&str]) -> ExecutorPool {
        let mut pool = ExecutorPool::new();
        for connection in connections {
            pool.add(endpoint(connection));
        }
        pool
    }

    fn picks(pool: &mut ExecutorPool, count: usize) -> String {
        (0..count)
            .map(|_| pool.pick().unwrap().connection.to_string())
            .collect()
    }

    #[test]
    fn members_take_turns() {
        assert_eq!(picks(&mut pool(&["a", "b", "c"]), 6), "abcabc");
        assert_eq!(picks(&mut pool(&["a"]), 3), "aaa");
    }

    #[test]
    fn nobody_is_an_error() {
        let error = pool(&[]).pick().unwrap_err();
        assert_eq!(error.to_string(), "No healthy executors in pool");
    }

    #[test]
    fn the_turn_stays_where_it_is_when_members_come_and_go() {
        let mut shrinks = pool(&["a", "b", "c"]);
        assert_eq!(picks(&mut shrinks, 2), "ab");
        assert!(!shrinks.remove("b"));
        assert_eq!(picks(&mut shrinks, 4), "acac");

        let mut grows = pool(&["a", "b"]);
        grows.add(endpoint("c"));
        assert_eq!(picks(&mut grows, 3), "abc");
    }

    #[test]
    fn removing_says_whether_the_pool_is_empty() {
        let mut pool = pool(&["a", "b"]);
        assert!(!pool.remove("nobody"));
        assert!(!pool.remove("a"));
        assert!(pool.remove("b"));
        assert!(pool.remove("nobody"));
    }

    #[test]
    fn a_member_that_is_added_again_moves_to_the_end_with_its_new_address() {
        let mut pool = pool(&["a", "b"]);
        pool.add(Endpoint {
            executor: "elsewhere:1".into(),
            ..endpoint("a")
        });
        assert_eq!(pool.len(), 2);
        assert_eq!(&*pool.endpoints()[1].executor, "elsewhere:1");
    }

    #[test]
    fn one_that_does_not_suit_is_passed_over() {
        let mut pool = pool(&["a", "b", "c"]);
        let not_a = |endpoint: &Endpoint| &*endpoint.connection != "a";
        let picked = pool.pick_where(not_a).unwrap();
        assert_eq!(&*picked.connection, "b");
        assert_eq!(picks(&mut pool, 2), "ca");
        assert_eq!(pool.pick_where(|_| false), Err(NoExecutors));
    }

    proptest! {
        #[test]
        fn no_two_members_differ_by_more_than_one_call(
            size in 1..12usize,
            removed in proptest::collection::vec(0..12usize, 0..6),
            before in 0..30usize,
            calls in 0..100usize,
        ) {
            let names: Vec<_> = (0..size).map(|index| index.to_string()).collect();
            let mut pool = pool(&names.iter().map(String::as_str).collect::<Vec<_>>());
            for _ in 0..before {
                pool.pick().unwrap();
            }
            for index in removed {
                if pool.len() > 1 {
                    pool.remove(&index.to_string());
                }
            }
            let mut counts: BTreeMap<Arc<str>, usize> = pool
                .endpoints()
                .iter()
                .map(|endpoint| (endpoint.connection.clone(), 0))
                .collect();
            for _ in 0..calls {
                *counts.get_mut(&pool.pick().unwrap().connection).unwrap() += 1;
            }
            let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
            prop_assert!(most - least <= 1, "{counts:?}");
        }
    }
}
