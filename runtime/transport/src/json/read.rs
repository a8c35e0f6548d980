//! Reading into existing values, as leniently as Go.
//!
//! Names of members match in any case, unknown members are ignored, of several members of one name the last one counts,
//! and `null` leaves a value as it is (a byte string becomes empty). Numbers, texts and flags must be what they are to be.

use std::fmt;

use bytes::Bytes;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{base64, mend};

/// A record that is read member by member.
pub(crate) trait Fields: Default {
    /// Reads the member of this name, which is in lower case, with [`Member::read`].
    ///
    /// # Errors
    /// When the member is not what it is to be.
    fn field<'de, A: MapAccess<'de>>(&mut self, name: &str, member: Member<'_, A>) -> Result<(), A::Error>;
}

/// The value of a member, not yet read.
pub(crate) struct Member<'a, A>(&'a mut A);

impl<'de, A: MapAccess<'de>> Member<'_, A> {
    /// Reads it with this seed.
    ///
    /// # Errors
    /// When it is something else.
    pub(crate) fn read(self, seed: impl DeserializeSeed<'de, Value = ()>) -> Result<(), A::Error> {
        self.0.next_value_seed(seed)
    }

    /// Ignores it.
    ///
    /// # Errors
    /// When it is not JSON.
    pub(crate) fn ignore(self) -> Result<(), A::Error> {
        self.0.next_value::<IgnoredAny>().map(drop)
    }
}

/// Reads a record from a JSON object; `null` is the empty record.
///
/// # Errors
/// When the text is not one JSON value, or not such a record.
pub(crate) fn read<T: Fields>(text: &[u8]) -> Result<T, serde_json::Error> {
    let error = match exact(text) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    match mend::mended(text) {
        Some(text) => exact(&text),
        None => Err(error),
    }
}

fn exact<T: Fields>(text: &[u8]) -> Result<T, serde_json::Error> {
    let mut value = T::default();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Record(&mut value).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a record.
pub(crate) struct Record<'a, T>(pub(crate) &'a mut T);

impl<'de, T: Fields> Visitor<'de> for Record<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            self.0.field(&folded(&name), Member(&mut map))?;
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// In lower case, as Go folds names: two letters outside of ASCII have a lower case in it.
fn folded(name: &str) -> String {
    name.chars()
        .map(|c| match c {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            c => c.to_ascii_lowercase(),
        })
        .collect()
}

/// Reads a text.
pub(crate) struct Text<'a>(pub(crate) &'a mut String);

impl<'de> Visitor<'de> for Text<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        text.clone_into(self.0);
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a byte string: base64, or an array of numbers.
pub(crate) struct Octets<'a>(pub(crate) &'a mut Bytes);

impl<'de> Visitor<'de> for Octets<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a base64 string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        *self.0 = base64::read(text).map_err(E::custom)?;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<(), A::Error> {
        let mut octets = Vec::new();
        while let Some(octet) = numbers.next_element::<Option<u8>>()? {
            octets.push(octet.unwrap_or(0));
        }
        *self.0 = octets.into();
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        *self.0 = Bytes::new();
        Ok(())
    }
}

/// Reads an integer of 64 bits.
pub(crate) struct Integer<'a>(pub(crate) &'a mut i64);

impl<'de> Visitor<'de> for Integer<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer of 64 bits")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        *self.0 = number;
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        *self.0 = i64::try_from(number)
            .map_err(|_| E::custom(format_args!("the integer {number} does not fit into 64 bits")))?;
        Ok(())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        // serde_json's only form of `-0`, which is an integer to Go. `-0.0`, which is none to Go, looks the same.
        if number == 0.0 && number.is_sign_negative() {
            *self.0 = 0;
            return Ok(());
        }
        Err(E::custom(format_args!(
            "the number {number} is written with a fraction or an exponent, or does not fit into 64 bits"
        )))
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Reads a list of integers.
pub(crate) struct Integers<'a>(pub(crate) &'a mut Vec<i64>);

impl<'de> Visitor<'de> for Integers<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of integers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<(), A::Error> {
        self.0.clear();
        let mut number = 0;
        while numbers.next_element_seed(Integer(&mut number))?.is_some() {
            self.0.push(std::mem::take(&mut number));
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.clear();
        Ok(())
    }
}

/// Reads a flag.
pub(crate) struct Flag<'a>(pub(crate) &'a mut bool);

impl<'de> Visitor<'de> for Flag<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        *self.0 = flag;
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Each visitor above is also its own seed: whatever comes is shown to it.
macro_rules! seeds {
    ($([$($generics:tt)*] $seed:ty),*) => {$(
        impl<'de, $($generics)*> DeserializeSeed<'de> for $seed {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                deserializer.deserialize_any(self)
            }
        }
    )*};
}

seeds!(
    [T: Fields] Record<'_, T>,
    [] Text<'_>,
    [] Octets<'_>,
    [] Integer<'_>,
    [] Integers<'_>,
    [] Flag<'_>
);
