//! The responses of every operation, for the document: refusals before the handler.

use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, Response, ResponseBuilder};

/// Of all of them.
const ALL: [(&str, &str); 2] = [
    ("400", "the request does not say which one host it names"),
    ("421", "the request names another host than this one"),
];
/// Of those that have something in their path.
const WITH_NAME: [(&str, &str); 1] = [(
    "400",
    "what is in the path is no text, or the body cannot be read",
)];
/// Of those that take a body.
const WITH_BODY: [(&str, &str); 6] = [
    ("400", "the body is no JSON"),
    ("408", "the body did not come in time"),
    ("413", "the body is too large"),
    ("415", "the body is not said to be JSON"),
    ("422", "the body is not as it is described"),
    ("503", "too much is on its way already"),
];

/// Adds them to what the operations say of themselves, which stands.
pub(crate) fn add(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        let PathItem { get, post, .. } = item;
        for operation in [get, post].into_iter().flatten() {
            if path.contains('{') {
                add_to(operation, &WITH_NAME);
            }
            if operation.request_body.is_some() {
                add_to(operation, &WITH_BODY);
            }
            add_to(operation, &ALL);
        }
    }
}

fn add_to(operation: &mut Operation, answers: &[(&str, &str)]) {
    for (status, description) in answers {
        let described = &mut operation.responses.responses;
        described
            .entry((*status).to_owned())
            .or_insert_with(|| error(description).into());
    }
}

fn error(description: &str) -> Response {
    let body = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody")));
    ResponseBuilder::new()
        .description(description)
        .content("application/json", body.build())
        .build()
}
