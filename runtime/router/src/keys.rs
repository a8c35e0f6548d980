//! Idempotency keys: fresh ones, and those of messages that follow from a message with a key. Spec: router
//! section 9.

use std::sync::Arc;

use squall_platform::Platform;
use xxhash_rust::xxh3::xxh3_128;

/// A key that nobody else has.
pub(crate) fn fresh<P: Platform>(platform: &P) -> Arc<str> {
    let high = platform.random_u64();
    written(u128::from(high) << 64 | u128::from(platform.random_u64()))
}

/// The key of the message that the handling of `parent` sends from `from` to `to`, for the `ordinal`-th
/// time. It depends on nothing else, so that whoever handles `parent` again makes the same keys; and it is
/// 32 characters long at any depth.
pub(crate) fn derived(parent: &str, from: &str, to: &str, ordinal: u64) -> Arc<str> {
    let mut step = Vec::with_capacity(parent.len() + from.len() + to.len() + 32);
    // With their lengths: two different steps never read the same.
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
    fn keys_are_the_same_from_release_to_release() {
        let known = derived("parent", "node.out", "other.in", 3);
        assert_eq!(&*known, "03846937a52abe63859e2cc6b018c978");
    }
}
