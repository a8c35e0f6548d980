//! Idempotency keys: fresh ones, derived ones, and their encoding in metadata. Spec: router section 9.

use std::collections::BTreeMap;
use std::sync::Arc;

use squall_platform::Platform;
use xxhash_rust::xxh3::xxh3_128;

use crate::{Context, Error};

/// Keys of a message's metadata.
const IDEMPOTENCY_KEY: &str = "x-idempotency-key";
/// The number of the attempt, from 1; 1 when absent.
const ATTEMPT: &str = "x-attempt";

/// Adds the key and the number of the attempt to the metadata.
pub(crate) fn write(context: &Context, metadata: &mut BTreeMap<String, String>) {
    if let Some(key) = &context.key {
        metadata.insert(IDEMPOTENCY_KEY.to_owned(), key.to_string());
    }
    if context.retries > 0 {
        let attempt = context.retries.saturating_add(1);
        metadata.insert(ATTEMPT.to_owned(), attempt.to_string());
    }
}

/// Removes both from received metadata: the key, and the number of earlier attempts.
///
/// # Errors
/// [`Error::Serialization`] when the attempt is no number.
pub(crate) fn take(metadata: &mut BTreeMap<String, String>) -> Result<(Option<Arc<str>>, u32), Error> {
    let key = metadata.remove(IDEMPOTENCY_KEY).filter(|key| !key.is_empty());
    let attempt = match metadata.remove(ATTEMPT) {
        None => 1,
        Some(text) => text.parse().map_err(|_| {
            Error::serialization(format_args!("the metadata {ATTEMPT:?} cannot be read: {text:?}"))
        })?,
    };
    Ok((key.map(Arc::from), u32::saturating_sub(attempt, 1)))
}

/// A unique key.
pub(crate) fn fresh<P: Platform>(platform: &P) -> Arc<str> {
    let high = platform.random_u64();
    written(u128::from(high) << 64 | u128::from(platform.random_u64()))
}

/// The key of the `ordinal`-th message from `from` to `to` that the handling of `parent` sends. It depends on nothing
/// else, so that another execution of `parent` derives the same keys. It is 32 characters long at any depth.
pub(crate) fn derived(parent: &str, from: &str, to: &str, ordinal: u64) -> Arc<str> {
    let mut step = Vec::with_capacity(parent.len() + from.len() + to.len() + 32);
    // With their lengths, so that two different steps never give the same bytes.
    for part in [parent, from, to] {
        step.extend((part.len() as u64).to_le_bytes());
        step.extend(part.as_bytes());
    }
    step.extend(ordinal.to_le_bytes());
    written(xxh3_128(&step))
}

fn written(key: u128) -> Arc<str> {
    format!("{key:032x}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_depends_on_each_part_of_the_step_and_on_where_it_ends() {
        let step = derived("p", "a.out", "b.in", 0);
        assert_eq!(step.len(), 32);
        assert_eq!(step, derived("p", "a.out", "b.in", 0));
        let others = [
            derived("q", "a.out", "b.in", 0),
            derived("p", "a.other", "b.in", 0),
            derived("p", "a.out", "c.in", 0),
            derived("p", "a.out", "b.in", 1),
            derived("pa", ".out", "b.in", 0),
            derived("p", "a.outb", ".in", 0),
        ];
        for other in others {
            assert_ne!(step, other);
        }
    }

    #[test]
    fn the_key_and_the_attempt_read_back_and_are_gone_from_the_metadata() {
        for (key, retries) in [
            (None, 0),
            (Some("k".into()), 0),
            (Some("k".into()), 2),
            (None, u32::MAX),
        ] {
            let context = Context {
                key: key.clone(),
                retries,
                ..Context::default()
            };
            let mut metadata = BTreeMap::new();
            write(&context, &mut metadata);
            let before = (key, retries.min(u32::MAX - 1));
            assert_eq!(take(&mut metadata).expect("it was written so"), before);
            assert!(metadata.is_empty());
        }
        let mut metadata = BTreeMap::from([(ATTEMPT.to_owned(), "second".to_owned())]);
        let error = take(&mut metadata).expect_err("that is no number");
        assert_eq!(
            error.to_string(),
            r#"serialization failed: the metadata "x-attempt" cannot be read: "second""#
        );
    }

    #[test]
    fn keys_are_the_same_from_release_to_release() {
        let known = derived("parent", "node.out", "other.in", 3);
        assert_eq!(&*known, "03846937a52abe63859e2cc6b018c978");
    }
}
