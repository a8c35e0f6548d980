//! All machine-readable `tracing` events of the runtime. Each is defined once, here, with its name, its target, its
//! level and its fields. Emitter and reader share the definition.
//!
//! | subject | file |
//! |---|---|
//! | the code that a definition generates | here |
//! | the kinds of fields | `kind` |
//! | reading an event back | `read` |
//! | events of modules | `router` |
//! | events of managers and providers | `provider` |
//! | events of user-defined services | `site` |
//! | events of actors | `cluster` |
//!
//! Digests are xxh3-64 of bytes, 0 for none; a `trace` and an `execution` is the low half of its identifier;
//! durations are nanoseconds. Payloads are never part of an event, because they may hold secrets.
//!
//! Log lines for people are not defined here: they are emitted in place, and their names begin with [`LINES`].

pub mod cluster;
pub mod kind;
pub mod provider;
pub mod read;
pub mod router;
pub mod site;

use std::borrow::Cow;

pub use read::{Fields, Misfit, Problem};

/// The prefix of the names of log lines, which no machine reads.
pub const LINES: &str = "log.";

/// A text of an event that is about to be emitted.
pub type Text<'a> = Cow<'a, str>;

/// Defines the events of one target, and an enum of all of them. Each field has a [kind].
///
/// Each event becomes a struct, which `say` emits, and `read` reads back. The fields of an event without a subscriber
/// are not computed.
macro_rules! events {
    (
        $(#[$all_doc:meta])* $All:ident at $target:literal;
        $(
            $(#[$doc:meta])* $Event:ident = $name:literal at $LEVEL:ident
            { $( $(#[$field_doc:meta])* $field:ident : $kind:ident ),* $(,)? }
            $(says ($line:literal $(, $part:ident)*))? ;
        )*
    ) => {
        /// The target of all of these.
        pub const TARGET: &str = $target;

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            #[expect(missing_docs, reason = "the names of fields say what they are, where nothing else does")]
            pub struct $Event<T> {
                $( $(#[$field_doc])* pub $field: <$crate::kind::$kind as $crate::kind::Kind<T>>::Value, )*
            }

            impl<T> $Event<T> {
                /// Its name.
                pub const NAME: &'static str = $name;
                /// Its fields, in their order.
                pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
                /// Whether a log line for people goes with it.
                const HAS_LINE: bool = $crate::has_line!($($line)?);
            }

            impl<'a> $Event<$crate::Text<'a>> {
                /// Emits it, if there is a subscriber: only then it is created.
                #[inline]
                pub fn say(make: impl FnOnce() -> Self) {
                    let it = std::cell::LazyCell::new(make);
                    tracing::event!(
                        name: $name,
                        target: $target,
                        tracing::Level::$LEVEL,
                        $( $field = $crate::said!($kind, it.$field), )*
                        $( $line, $( $part = it.$part ),* )?
                    );
                }
            }

            impl<T: Clone> $Event<T> {
                /// Reads it from its fields.
                ///
                /// # Errors
                /// When a field is missing, is of another kind, or is not defined.
                pub fn read(fields: &$crate::Fields<T>) -> Result<Self, $crate::Misfit> {
                    let fields = fields.of(Self::NAME);
                    let it = $Event {
                        $( $field: <$crate::kind::$kind as $crate::kind::Readable<T>>::read(&fields, stringify!($field))?, )*
                    };
                    fields.no_others(Self::FIELDS, Self::HAS_LINE)?;
                    Ok(it)
                }
            }
        )*

        $(#[$all_doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $All<T> {
            $( $(#[$doc])* $Event($Event<T>), )*
        }

        impl<T: Clone> $All<T> {
            /// Reads an event of this name. `None` when it is a [line](crate::LINES) for people.
            ///
            /// # Errors
            /// When there is no event of this name, or its fields are wrong.
            pub fn read(name: &'static str, fields: &$crate::Fields<T>) -> Result<Option<Self>, $crate::Misfit> {
                match name {
                    $( $name => $Event::read(fields).map(|it| Some($All::$Event(it))), )*
                    name if name.starts_with($crate::LINES) => Ok(None),
                    name => Err($crate::Misfit::unknown_event(name)),
                }
            }
        }

        /// One of each event, and the code that emits it.
        #[cfg(test)]
        pub(crate) fn samples(numbers: &mut dyn FnMut() -> u64) -> Vec<(Box<dyn Fn()>, $All<String>)> {
            use $crate::tests::Sampled;
            vec![$({
                let it = $Event { $( $field: <$crate::kind::$kind as Sampled>::sample(numbers), )* };
                let copy = it.clone();
                let say = move || $Event::say(|| $Event { $( $field: copy.$field.clone().into(), )* });
                (Box::new(say) as Box<dyn Fn()>, $All::$Event(it))
            }),*]
        }
    };
}

macro_rules! said {
    (Text, $it:ident.$field:ident) => {
        &*$it.$field
    };
    ($kind:ident, $it:ident.$field:ident) => {
        $it.$field
    };
}

macro_rules! has_line {
    () => {
        false
    };
    ($line:literal) => {
        true
    };
}

use {events, has_line, said};

#[cfg(test)]
mod tests;
