//! The keys of a struct, obtained from its `Deserialize`: derived implementations pass them before they read.

use serde::de::{self, DeserializeOwned, Deserializer, Visitor};
use serde::forward_to_deserialize_any;

/// The keys of `S`; `None` if it is not a struct, or accepts any key (`#[serde(flatten)]`, a map).
pub(crate) fn of<S: DeserializeOwned>() -> Option<&'static [&'static str]> {
    let mut keys = None;
    // The deserializer for keys always fails, so there is no value to drop.
    drop(S::deserialize(Ask { keys: &mut keys }));
    keys
}

struct Ask<'k> {
    keys: &'k mut Option<&'static [&'static str]>,
}

#[derive(Debug)]
struct Asked;

impl<'de> Deserializer<'de> for Ask<'_> {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        keys: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        *self.keys = Some(keys);
        Err(Asked)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Asked> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("asked for its keys")
    }
}

impl std::error::Error for Asked {}

impl de::Error for Asked {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Asked
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its keys are of interest")]
    struct Named {
        marks: usize,
        #[serde(alias = "loudness")]
        volume: Option<u8>,
        #[serde(skip)]
        count: u64,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its keys are of interest")]
    struct Open {
        marks: usize,
        #[serde(flatten)]
        rest: BTreeMap<String, String>,
    }

    #[derive(Deserialize)]
    #[expect(dead_code, reason = "only its keys are of interest")]
    struct Wrapped(Named);

    #[test]
    fn a_struct_has_its_keys_and_what_takes_any_key_has_none() {
        let keys = of::<Named>().expect("a struct");
        assert!(
            ["marks", "volume", "loudness"].iter().all(|it| keys.contains(it)),
            "{keys:?}"
        );
        assert!(!keys.contains(&"count"), "{keys:?}");
        assert_eq!(of::<Wrapped>(), Some(keys));
        assert_eq!(of::<Open>(), None);
        assert_eq!(of::<serde_json::Value>(), None);
    }
}
