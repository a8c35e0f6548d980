//! Who asks for much does not keep others waiting: long work is done in pieces, between which they have their turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use squall_engine::Engine;
use squall_platform::{OwnedTask, Platform};
use squall_value::CType;
use tokio::task::yield_now;
use tonic::Code;

use super::hostile::{field, framed, send};
use crate::support::*;

/// Another task of the manager's thread, which always has something to do.
struct Other {
    turns: Arc<AtomicUsize>,
    _task: OwnedTask,
}

impl Other {
    fn start(world: &World) -> Self {
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = turns.clone();
        let task = world.host.spawn(async move {
            loop {
                counted.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        Other {
            turns,
            _task: task.into(),
        }
    }

    fn turns(&self) -> usize {
        self.turns.load(Ordering::Relaxed)
    }
}

/// How many turns another task has while a request is answered with this status.
async fn turns_beside(world: &World, method: &str, request: &[u8], status: Code) -> usize {
    let other = Other::start(world);
    assert_eq!(send(world, method, framed(request)).await, status as i32);
    other.turns()
}

#[tokio::test(start_paused = true)]
async fn others_have_turns_while_what_is_asked_for_is_counted_and_decoded() {
    let world = World::start().await;
    let (namespace, executor) = (field(1, b"ml"), field(4, b"host:1"));
    let long = field(1, &vec![b'a'; 2_000_000]);
    let arrival = turns_beside(&world, "Register", &long, Code::InvalidArgument).await;
    let many = [
        namespace.clone(),
        field(2, b"\x0a\x01A").repeat(400_000),
        executor.clone(),
    ]
    .concat();
    let type_ = field(3, &field(1, b"\x08\x00"));
    let types = [field(1, b"A"), field(2, &type_.repeat(200_000))].concat();
    let types = [namespace.clone(), field(2, &types), executor.clone()].concat();
    let unknown = [
        namespace.clone(),
        field(2, b""),
        b"\x38\x01".repeat(1_000_000),
        executor.clone(),
    ]
    .concat();
    // What is wrong with these is seen when they are decoded: the last module is none.
    let large = field(2, &field(5, &vec![b'a'; 3_900])).repeat(500);
    let large = [namespace, large, field(2, b"\xff"), executor].concat();
    for (method, request, status, least) in [
        ("Register", &many, Code::InvalidArgument, 100),
        ("Deregister", &many, Code::InvalidArgument, 40),
        ("Register", &types, Code::InvalidArgument, 10),
        ("Register", &unknown, Code::Ok, 100),
        ("Register", &large, Code::Internal, 100),
    ] {
        let turns = turns_beside(&world, method, request, status).await;
        assert!(
            turns >= arrival + least,
            "{method}: {turns}, {arrival} while as much arrives"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn others_have_turns_while_large_modules_are_dropped() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let schema = CType::product((0..30).map(|it| (format!("field{it}"), CType::Int)));
    let names: Vec<String> = (0..500).map(|it| format!("M{it}")).collect();
    for half in [250, 500] {
        let mut request = provider.request("ml", "", &[]);
        request.modules = names.iter().map(|it| typed(it, &schema, &schema)).collect();
        assert!(provider.try_register(request).await.success);
        let modules: Vec<_> = world.manager.modules().iter().map(Arc::downgrade).collect();
        let left = || modules.iter().filter(|it| it.strong_count() > 0).count();
        // Half of them by name, and then the others, with who has them.
        let gone: Vec<&str> = names[..half].iter().map(String::as_str).collect();
        let other = Other::start(&world);
        assert!(provider.deregister(&gone).await.success);
        let begun = other.turns();
        assert_eq!(world.manager.modules().len(), 500 - half, "they are gone at once");
        while left() > 500 - half {
            yield_now().await;
        }
        let turns = other.turns() - begun;
        assert!((5..200).contains(&turns), "{turns}");
        drop(other);
        let rest: Vec<&str> = names[half..].iter().map(String::as_str).collect();
        if !rest.is_empty() {
            assert!(provider.deregister(&rest).await.success);
        }
    }
}
