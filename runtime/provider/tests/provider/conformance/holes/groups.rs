//! Members of a group, through the whole manager.

use tokio::time::sleep;

use super::member;
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn hole_01_two_members_of_a_group_share_the_calls_of_one_module() {
    let world = World::start().await;
    let a = world.active("ml", "pool", &["A"]).await;
    let b = world.active("ml", "pool", &["A"]).await;
    assert_ne!(a.connection, b.connection);
    assert_eq!(world.modules(), ["ml.A"]);
    for _ in 0..6 {
        assert_eq!(world.call("ml.A").await, Ok(text("hello")));
    }
    assert_eq!((a.executor.count(), b.executor.count()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn hole_02_a_member_leaves_while_another_serves_and_no_call_fails() {
    let world = World::start().await;
    let mut leaver = member(&world, Executor::slow(ms(20))).await;
    let stayer = member(&world, Executor::slow(ms(20))).await;
    let mut calls = vec![];
    for round in 0..20 {
        calls.push(world.in_background("ml.A"));
        sleep(ms(5)).await;
        if round == 9 {
            leaver.control.take().unwrap().close().await;
            leaver.deregister(&["A"]).await;
        }
    }
    for call in calls {
        assert_eq!(call.await.unwrap(), Ok(text("hello")));
    }
    assert_eq!((leaver.executor.count(), stayer.executor.count()), (5, 15));
    assert_eq!(world.modules(), ["ml.A"]);
}

#[tokio::test(start_paused = true)]
async fn hole_03_real_executors_take_turns_in_the_order_in_which_they_came() {
    let world = World::start().await;
    let mut members = vec![];
    for name in ["a", "b", "c"] {
        members.push(member(&world, Executor::fixed(text(name))).await);
    }
    for name in ["a", "b", "c", "a", "b", "c"] {
        assert_eq!(world.call("ml.A").await, Ok(text(name)));
    }
}
