//! Lists come in pages.

use serde_json::{Value, json};
use squall_engine::{Engine, ModuleSpec, module_fn};
use squall_value::{CType, CValue};

use crate::support::{World, world};

async fn names(world: &World, path: &str, key: &str, name: &str) -> (Vec<String>, Value) {
    let page = world.get(path).await.json();
    let items = page[key].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
    let names = items.iter().map(|it| it[name].as_str().unwrap().to_owned());
    (names.collect(), page["next"].clone())
}

#[tokio::test(start_paused = true)]
async fn pages_have_every_module_once_in_the_order_of_namespaces() {
    let world = world().await;
    for name in ["a.b.C", "a.bX", "a.A", "ml.Analyse", "z.Z"] {
        let module = module_fn(ModuleSpec::new(name, &CType::Int, CType::Int), |_| async {
            Ok(CValue::Int(1))
        });
        world.manager.set_module(module).unwrap();
    }
    let expected = [
        "a.A",
        "a.bX",
        "a.b.C",
        "ml.Analyse",
        "ml.Analyze",
        "texts.Upper",
        "z.Z",
    ];
    for limit in 1..=8 {
        let (mut all, mut cursor) = (vec![], String::new());
        loop {
            let path = format!("/v1/modules?limit={limit}{cursor}");
            let (page, next) = names(&world, &path, "modules", "name").await;
            assert!((1..=limit).contains(&page.len()), "{path}");
            all.extend(page);
            match next.as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(all, expected, "{limit}");
    }
    let (behind, _) = names(&world, "/v1/modules?cursor=ml.Nothing", "modules", "name").await;
    assert_eq!(behind, ["texts.Upper", "z.Z"], "one that is gone is no trouble");
}

#[tokio::test(start_paused = true)]
async fn pages_have_every_provider_once_in_the_order_of_registration() {
    let world = world().await;
    let more = world.more_providers(4).await;
    let (mut all, mut cursor) = (vec![], String::new());
    loop {
        let path = format!("/v1/providers?limit=2{cursor}");
        let (page, next) = names(&world, &path, "providers", "namespace").await;
        all.extend(page);
        match next.as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(all, ["ml", "n0", "n1", "n2", "n3"]);
    drop(more);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_there_is_not_is_told_what_there_is() {
    let world = world().await;
    for (query, named) in [
        ("limit=0", "from 1 to 1000"),
        ("limit=1001", "from 1 to 1000"),
        ("limit=x", "limit"),
        ("limit=-1", "limit"),
        ("offset=3", "offset"),
    ] {
        for path in ["/v1/modules", "/v1/providers"] {
            let answer = world.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.error(), (400, "BAD_REQUEST".into()), "{path}?{query}");
            assert!(answer.message().contains(named), "{answer:?}");
        }
    }
    let answer = world.get("/v1/providers?cursor=x").await;
    assert!(answer.message().contains("next"), "{answer:?}");
    assert_eq!(
        world.get("/v1/providers?cursor=77").await.json()["providers"],
        json!([])
    );
}
