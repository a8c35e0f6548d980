//! Registering again, in vain, and at once with others.

use squall_platform::Platform;

use crate::support::*;

#[tokio::test(start_paused = true)]
async fn hole_08_who_registers_again_after_deregister_is_called_in_whatever_order_it_left() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    for round in 1..=6 {
        provider.register("ml", "", &["A"]).await;
        provider.open().await;
        assert_eq!(world.call("ml.A").await, Ok(text("hello")));
        assert_eq!(provider.executor.count(), round);
        let control = provider.control.take().unwrap();
        if round % 2 == 0 {
            control.close().await;
            provider.deregister(&["A"]).await;
        } else {
            provider.deregister(&["A"]).await;
            control.close().await;
        }
        assert!(world.modules().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn hole_09_of_a_rejected_registration_nothing_is_left() {
    let world = World::start().await;
    let mut provider = Provider::start(&world, Executor::echo()).await;
    let wrong = provider.request("ml", "hijackers", &["A", "B-"]);
    assert!(!provider.try_register(wrong).await.success);
    assert!(world.manager.providers().is_empty());
    assert!(world.modules().is_empty());
    let mut control = Control::open(&mut provider.rpc).await;
    control.send(provider.heartbeat(0)).await;
    assert_eq!(
        control.refused().await.code(),
        tonic::Code::NotFound,
        "nor its identifier"
    );

    // Its group has no claim either, however often it comes back.
    let owner = world.active("ml", "", &["A"]).await;
    for _ in 0..3 {
        let request = provider.request("ml", "hijackers", &["A"]);
        assert!(!provider.try_register(request).await.success);
    }
    for _ in 0..4 {
        world.call("ml.A").await.unwrap();
    }
    assert_eq!((owner.executor.count(), provider.executor.count()), (4, 0));
}

#[tokio::test(start_paused = true)]
async fn hole_10_of_many_that_register_one_namespace_at_once_one_has_it() {
    let world = World::start().await;
    let mut answers = vec![];
    for _ in 0..16 {
        let provider = Provider::start(&world, Executor::echo()).await;
        let (mut rpc, request) = (provider.rpc.clone(), provider.request("ml", "", &["A"]));
        let (done, answer) = tokio::sync::oneshot::channel();
        provider.host.spawn(async move {
            drop(done.send(rpc.register(request).await.unwrap().into_inner()));
        });
        answers.push(answer);
    }
    let mut winners = 0;
    for answer in answers {
        let mut answer = answer.await.unwrap();
        winners += usize::from(answer.success);
        let expected = match answer.success {
            true => "",
            false => "Namespace 'ml' is owned by another provider",
        };
        assert_eq!(answer.results.remove(0).rejection_reason, expected);
    }
    assert_eq!((winners, world.manager.providers().len()), (1, 1));
}
