//! Everything that the runtime says about itself for machines, as `tracing` events. Each is defined once: here, with its
//! name, its target, its level and its fields. Who says it and who reads it share the definition.
//!
//! | subject | file |
//! |---|---|
//! | what a definition makes | here |
//! | the kinds of fields | `kind` |
//! | reading an event back | `read` |
//! | what modules say | `router` |
//! | what managers and providers say | `provider` |
//! | what services of a user's own say | `site` |
//!
//! Digests are xxh3-64 of bytes, 0 for none; a `trace` and an `execution` is the low half of its identifier; durations are
//! nanoseconds. Payloads are never part of an event, for they may hold secrets.
//!
//! Lines for people are not among them: they are said where something happens, and their names begin with [`LINES`].

pub mod kind;
pub mod provider;
pub mod read;
pub mod router;
pub mod site;

use std::borrow::Cow;

pub use read::{Fields, Misfit, Problem};

/// How the names of events begin that are lines of a log, and of which no machine reads more.
pub const LINES: &str = "log.";

/// A text of an event that is about to be said.
pub type Text<'a> = Cow<'a, str>;

/// Defines the events of one target, and an enum of all of them. A field is of a [kind].
///
/// Of each event this makes a struct, which its `say` says, and `read` reads back. What an event that nobody listens to
/// would say is not computed.
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
                /// What it is called.
                pub const NAME: &'static str = $name;
                /// Its fields, in their order.
                pub const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];
                /// Whether a line for people goes with it.
                const HAS_LINE: bool = $crate::has_line!($($line)?);
            }

            impl<'a> $Event<$crate::Text<'a>> {
                /// Says it, if anybody listens: only then it is made.
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
                /// When a field is missing, is of another kind, or is not one of its own.
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
            /// Reads an event of this name. Nothing when it is a [line](crate::LINES) for people.
            ///
            /// # Errors
            /// When there is no event of this name, and when the fields are not its own.
            pub fn read(name: &'static str, fields: &$crate::Fields<T>) -> Result<Option<Self>, $crate::Misfit> {
                match name {
                    $( $name => $Event::read(fields).map(|it| Some($All::$Event(it))), )*
                    name if name.starts_with($crate::LINES) => Ok(None),
                    name => Err($crate::Misfit::unknown_event(name)),
                }
            }
        }

        /// One of each, and what says it.
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
