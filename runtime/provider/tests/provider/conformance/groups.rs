//! Several providers of one namespace.

use squall_memory::Memory;
use squall_provider_sdk as sdk;

use crate::support::*;

/// The reason why a provider of `ml.Analyze` in this group is not accepted; nothing when it is.
async fn reason(world: &World, group: &str) -> String {
    let mut provider = Provider::start(world, Executor::echo()).await;
    let request = provider.request("ml", group, &["Analyze"]);
    let mut response = provider.try_register(request).await;
    response.results.remove(0).rejection_reason
}

/// How many members of the namespace take calls; nothing when it has no pool.
fn pool_size(world: &World, namespace: &str) -> Option<usize> {
    let metric = format!("constellation_provider_pool_size{{namespace=\"{namespace}\"}} ");
    let text = world.manager.metrics_text();
    let size = text.lines().find_map(|line| line.strip_prefix(&*metric));
    size.map(|size| size.parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn line_52_another_connection_of_the_same_group_is_accepted() {
    let world = World::start().await;
    let _first = world.active("ml", "pool", &["Analyze"]).await;
    assert_eq!(reason(&world, "pool").await, "");
    assert_eq!(world.manager.providers().len(), 2);
    assert_eq!(world.modules(), ["ml.Analyze"], "no second module");
}

#[tokio::test(start_paused = true)]
async fn line_53_another_group_is_a_different_provider_group() {
    let world = World::start().await;
    let _first = world.active("ml", "pool", &["Analyze"]).await;
    assert_eq!(
        reason(&world, "others").await,
        "Namespace 'ml' is owned by a different provider group"
    );
}

#[tokio::test(start_paused = true)]
async fn line_54_a_solo_provider_does_not_join_a_group() {
    let world = World::start().await;
    let _first = world.active("ml", "pool", &["Analyze"]).await;
    assert_eq!(
        reason(&world, "").await,
        "Namespace 'ml' is owned by another provider"
    );
}

#[tokio::test(start_paused = true)]
async fn line_55_a_group_does_not_join_a_solo_provider() {
    let world = World::start().await;
    let _first = world.active("ml", "", &["Analyze"]).await;
    assert_eq!(
        reason(&world, "pool").await,
        "Namespace 'ml' is owned by another provider"
    );
}

#[tokio::test(start_paused = true)]
async fn line_56_only_the_last_member_takes_the_modules_with_it() {
    let world = World::start().await;
    let mut solo = world.active("solo", "", &["A"]).await;
    solo.control.take().unwrap().close().await;
    assert!(world.modules().is_empty(), "a solo provider is the last always");

    let mut first = world.active("ml", "pool", &["A"]).await;
    let mut second = world.active("ml", "pool", &["A"]).await;
    first.control.take().unwrap().close().await;
    assert_eq!(world.modules(), ["ml.A"], "of two, the first to leave is not");
    second.control.take().unwrap().close().await;
    assert!(world.modules().is_empty(), "when the other is gone, it is");
}

#[tokio::test(start_paused = true)]
async fn line_57_all_connections_of_a_namespace_are_found_and_no_others() {
    let world = World::start().await;
    let first = world.active("ml", "pool", &["A"]).await;
    let _other = world.active("other", "pool", &["A"]).await;
    let second = world.active("ml", "pool", &["A"]).await;
    let all = world.manager.providers().into_iter();
    let found: Vec<_> = all
        .filter(|it| &*it.namespace == "ml")
        .map(|it| it.connection.to_string())
        .collect();
    assert_eq!(found, [first.connection, second.connection]);
}

#[tokio::test(start_paused = true)]
async fn line_58_the_first_registration_makes_a_pool_of_one_and_a_rejected_one_leaves_it() {
    let world = World::start().await;
    assert_eq!(pool_size(&world, "ml"), None);
    let _first = world.active("ml", "pool", &["Analyze"]).await;
    assert_eq!(pool_size(&world, "ml"), Some(1));
    assert_ne!(reason(&world, "others").await, "");
    assert_eq!(pool_size(&world, "ml"), Some(1));
    assert_eq!(reason(&world, "pool").await, "");
    assert_eq!(pool_size(&world, "ml"), Some(2));
}

#[tokio::test(start_paused = true)]
async fn line_59_the_last_connection_takes_the_pool_with_it() {
    let world = World::start().await;
    let mut first = world.active("ml", "pool", &["Analyze"]).await;
    let mut second = world.active("ml", "pool", &["Analyze"]).await;
    first.control.take().unwrap().close().await;
    assert_eq!(pool_size(&world, "ml"), Some(1));
    second.control.take().unwrap().close().await;
    assert_eq!(pool_size(&world, "ml"), None);
}

#[tokio::test(start_paused = true)]
async fn line_60_the_group_that_an_sdk_is_told_is_the_one_that_the_manager_knows() {
    for group in [None, Some("pool")] {
        let world = World::start().await;
        let config = sdk::Config {
            group: group.map(str::to_owned),
            ..sdk::Config::default()
        };
        let running = sdk::Provider::<Memory>::builder(world.network.host(), "ml")
            .managers([world.address.clone()])
            .config(config)
            .build()
            .unwrap()
            .start()
            .await
            .unwrap();
        assert_eq!(world.manager.providers()[0].group.as_deref(), group);
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn ours_members_of_a_group_have_the_same_modules_of_the_same_types() {
    let world = World::start().await;
    let _first = world.active("ml", "pool", &["Analyze", "Other"]).await;
    assert_eq!(
        reason(&world, "pool").await,
        "Provider group 'pool' has module 'Other' too, and its members have the same modules"
    );
}
