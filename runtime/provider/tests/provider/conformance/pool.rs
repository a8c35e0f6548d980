//! Whose turn it is, in the pool itself.

use squall_provider::pool::{Endpoint, ExecutorPool};

fn endpoint(connection: &str, executor: &str) -> Endpoint {
    Endpoint {
        connection: connection.into(),
        executor: executor.into(),
    }
}

fn pool(connections: &[&str]) -> ExecutorPool {
    let mut pool = ExecutorPool::new();
    for connection in connections {
        pool.add(endpoint(connection, "h:1"));
    }
    pool
}

fn picks(pool: &mut ExecutorPool, count: usize) -> String {
    (0..count)
        .map(|_| pool.pick().unwrap().connection.to_string())
        .collect()
}

#[test]
fn line_94_a_new_pool_is_empty_and_has_one_member_after_one_was_added() {
    let mut pool = ExecutorPool::new();
    assert_eq!((pool.len(), pool.is_empty()), (0, true));
    pool.add(endpoint("a", "h:1"));
    assert_eq!((pool.len(), pool.is_empty()), (1, false));
}

#[test]
fn line_95_one_member_has_every_turn() {
    assert_eq!(picks(&mut pool(&["a"]), 4), "aaaa");
}

#[test]
fn line_96_three_members_take_turns() {
    assert_eq!(picks(&mut pool(&["a", "b", "c"]), 6), "abcabc");
}

#[test]
fn line_97_an_empty_pool_has_no_healthy_executors() {
    let error = pool(&[]).pick().unwrap_err();
    assert_eq!(error.to_string(), "No healthy executors in pool");
}

#[test]
fn line_98_removing_tells_whether_the_pool_is_empty_then() {
    let mut pool = pool(&["a", "b"]);
    assert!(!pool.remove("nobody"));
    assert_eq!(pool.len(), 2);
    assert!(!pool.remove("a"));
    assert_eq!(pool.len(), 1);
    assert!(pool.remove("b"));
    assert_eq!(pool.len(), 0);
}

#[test]
fn line_99_adding_a_connection_again_replaces_its_url() {
    let mut pool = pool(&["a"]);
    pool.add(endpoint("a", "elsewhere:2"));
    assert_eq!(pool.len(), 1);
    assert_eq!(&*pool.pick().unwrap().executor, "elsewhere:2");
}

#[test]
fn line_100_members_are_listed() {
    let pool = pool(&["a", "b"]);
    assert_eq!(pool.endpoints(), [endpoint("a", "h:1"), endpoint("b", "h:1")]);
}

#[test]
fn line_101_after_a_removal_the_others_share_the_turns() {
    let mut pool = pool(&["a", "b", "c"]);
    assert_eq!(picks(&mut pool, 2), "ab");
    pool.remove("b");
    assert_eq!(picks(&mut pool, 4), "acac");
}
