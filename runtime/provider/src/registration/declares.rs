//! How much a request declares, counted in its bytes before it is decoded: of four megabytes of modules without anything in
//! them decoding makes 200, and whoever waits for the thread meanwhile waits for a tenth of a second.
//!
//! Only lengths are looked at. What is not well formed is counted up to there, as it would be decoded up to there: the decoder
//! says what is wrong with it.

use bytes::Bytes;

/// How many types and fields of records the schemas of one registration may have together. A thousand modules with
/// sixty each are read within a few milliseconds.
pub(crate) const TYPES_MAX: usize = 65_536;
/// As deep as prost decodes.
const DEPTH_MAX: usize = 100;

/// The number of the field that repeats, in both requests.
const MODULES: u64 = 2;

/// What a registration declares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Declares {
    pub(crate) modules: usize,
    /// Types, and fields of records: not counted any further than one beyond [`TYPES_MAX`].
    pub(crate) types: usize,
}

impl Declares {
    /// What is in the bytes of a `RegisterRequest`.
    pub(crate) fn of(request: &[u8]) -> Self {
        let mut declares = Declares::default();
        for (number, module) in Fields(request) {
            if number == MODULES {
                declares.modules += 1;
                if declares.types <= TYPES_MAX {
                    count(Kind::Module, module, &mut declares.types, 0);
                }
            }
        }
        declares
    }
}

/// How many names are in the bytes of a `DeregisterRequest`.
pub(crate) fn names(request: &[u8]) -> usize {
    Fields(request).filter(|(number, _)| *number == MODULES).count()
}

/// The bytes of a `RegisterRequest` but for its modules: what is said of it when they are too many.
pub(crate) fn without_modules(request: &[u8]) -> Bytes {
    let mut kept = Vec::new();
    let mut rest = Fields(request);
    loop {
        let before = rest.0;
        let next = rest.next();
        if next.is_none_or(|(number, _)| number != MODULES) {
            kept.extend_from_slice(&before[..before.len() - rest.0.len()]);
        }
        if next.is_none() {
            return kept.into();
        }
    }
}

/// What holds types, and types themselves.
#[derive(Clone, Copy)]
enum Kind {
    Module,
    Type,
    Record,
    Entry,
    /// A list, a map, a union or an option: each has types in its first two fields at most.
    Of,
}

impl Kind {
    /// What a field of this number holds.
    fn field(self, number: u64) -> Option<Kind> {
        match (self, number) {
            (Kind::Module, 2 | 3) | (Kind::Entry, 2) | (Kind::Of, 1 | 2) => Some(Kind::Type),
            (Kind::Type, 2) => Some(Kind::Record),
            (Kind::Type, 3..=6) => Some(Kind::Of),
            (Kind::Record, 1) => Some(Kind::Entry),
            _ => None,
        }
    }
}

fn count(kind: Kind, bytes: &[u8], types: &mut usize, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    for (number, inner) in Fields(bytes) {
        if *types > TYPES_MAX {
            return;
        }
        let Some(kind) = kind.field(number) else { continue };
        if matches!(kind, Kind::Type | Kind::Entry) {
            *types += 1;
        }
        count(kind, inner, types, depth + 1);
    }
}

/// The fields of a message that have a length, by their numbers. It ends where the bytes are not well formed. The brackets of
/// groups, which nobody sends, are passed over: what is in them counts as if they were not there.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        const WITH_LENGTH: u64 = 2;
        loop {
            let key = self.varint()?;
            let length = match key & 7 {
                0 => {
                    self.varint()?;
                    continue;
                }
                1 => 8,
                WITH_LENGTH => usize::try_from(self.varint()?).ok()?,
                3 | 4 => 0,
                5 => 4,
                _ => return self.end(),
            };
            let Some((field, rest)) = self.0.split_at_checked(length) else {
                return self.end();
            };
            self.0 = rest;
            if key & 7 == WITH_LENGTH {
                return Some((key >> 3, field));
            }
        }
    }
}

impl Fields<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for (index, byte) in self.0.iter().take(10).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                self.0 = &self.0[index + 1..];
                return Some(number);
            }
        }
        self.end()
    }

    /// Nothing more is read.
    fn end<T>(&mut self) -> Option<T> {
        self.0 = &[];
        None
    }
}

#[cfg(test)]
mod tests;
