//! The OpenAPI document.

use crate::support::world;

#[tokio::test(start_paused = true)]
async fn the_document_names_every_path_and_what_each_answers() {
    let world = world().await;
    let document = world.get("/openapi.json").await.json();
    let (mut lines, mut ids) = (vec![], vec![]);
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            let codes: Vec<_> = responses.keys().map(String::as_str).collect();
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
            let summary = operation["summary"].as_str().unwrap();
            lines.push(format!("{method} {path}: {summary} {}", codes.join(" ")));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
    let ids: Vec<_> = ids.iter().collect();
    let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(ids.len(), distinct.len(), "{ids:?}");
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for schema in ["ModuleBody", "ProviderBody", "CallBody", "ErrorBody", "RunAnswer"] {
        assert!(schemas.contains_key(schema), "{schema}");
    }
}
