//! The contents of a request, counted in its bytes before it is decoded: four megabytes of empty modules become 200
//! when decoded, and occupy the thread for a tenth of a second.
//!
//! Only lengths are read. Malformed bytes are counted up to the mistake, as they would be decoded up to there; the
//! decoder reports the mistake.

/// The maximum number of types and record fields in all schemas of one registration. A thousand modules with sixty
/// each are read within a few milliseconds.
pub(crate) const TYPES_MAX: usize = 65_536;
/// prost's maximum depth.
const DEPTH_MAX: usize = 100;

/// The number of the repeated field, in both requests.
const MODULES: u64 = 2;

/// The counted contents of a registration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Declares {
    /// The size of the request, on the wire.
    pub(crate) bytes: usize,
    pub(crate) modules: usize,
    /// Types, and fields of records: counted to at most one beyond [`TYPES_MAX`].
    pub(crate) types: usize,
}

/// Counts the contents of a `RegisterRequest` in its bytes, some fields at a time.
pub(crate) struct Counter<'a> {
    /// The remaining fields of the request, of the current module, of its type, and so on.
    within: Vec<(Kind, Fields<'a>)>,
    declares: Declares,
}

impl<'a> Counter<'a> {
    pub(crate) fn of(request: &'a [u8]) -> Self {
        Counter {
            within: vec![(Kind::Request, Fields(request))],
            declares: Declares {
                bytes: request.len(),
                ..Declares::default()
            },
        }
    }

    /// Reads at most this many fields. Returns the totals once the last field was read.
    pub(crate) fn go_on(&mut self, fields: usize) -> Option<Declares> {
        for _ in 0..fields {
            let depth = self.within.len();
            let Some((kind, rest)) = self.within.last_mut() else {
                return Some(self.declares);
            };
            let Some(field) = rest.next() else {
                self.within.pop();
                continue;
            };
            let Some(kind) = kind.field(field.number).filter(|_| field.wire == WITH_LENGTH) else {
                continue;
            };
            match kind {
                Kind::Module => self.declares.modules += 1,
                Kind::Type | Kind::Entry => self.declares.types += 1,
                _ => {}
            }
            if self.declares.types > TYPES_MAX {
                // Modules are counted to their end.
                self.within.truncate(1);
            } else if depth <= 1 + DEPTH_MAX {
                self.within.push((kind, Fields(field.inner)));
            }
        }
        None
    }
}

/// The bytes of a request, in pieces that are decoded one by one.
pub(crate) struct Pieces<'a> {
    rest: Fields<'a>,
    /// The number of groups that begin before the rest and do not end there.
    groups: usize,
}

/// One field of a request.
pub(crate) enum Piece<'a> {
    /// A module, or a name.
    Module(&'a [u8]),
    /// Another field, with its key; or malformed bytes, to the end.
    Other(&'a [u8]),
}

impl Piece<'_> {
    /// Its amount of work, in bytes: a short piece also takes some.
    pub(crate) fn bytes(&self) -> usize {
        let (Piece::Module(bytes) | Piece::Other(bytes)) = self;
        8 + bytes.len()
    }
}

impl<'a> Pieces<'a> {
    pub(crate) fn of(request: &'a [u8]) -> Self {
        Pieces {
            rest: Fields(request),
            groups: 0,
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let before = self.rest.0;
        let field = self.rest.next();
        let piece = &before[..before.len() - self.rest.0.len()];
        match field {
            None if piece.is_empty() => return None,
            None => {}
            Some(it) => match it.wire {
                GROUP_BEGINS => self.groups += 1,
                GROUP_ENDS => self.groups = self.groups.saturating_sub(1),
                WITH_LENGTH if it.number == MODULES && self.groups == 0 => {
                    return Some(Piece::Module(it.inner));
                }
                _ => {}
            },
        }
        Some(Piece::Other(piece))
    }
}

/// Types, and the messages that contain them.
#[derive(Clone, Copy)]
enum Kind {
    Request,
    Module,
    Type,
    Record,
    Entry,
    /// A list, a map, a union or an option: each has types in at most its first two fields.
    Of,
}

impl Kind {
    /// The message in a field of this number.
    fn field(self, number: u64) -> Option<Kind> {
        match (self, number) {
            (Kind::Request, MODULES) => Some(Kind::Module),
            (Kind::Module, 2 | 3) | (Kind::Entry, 2) | (Kind::Of, 1 | 2) => Some(Kind::Type),
            (Kind::Type, 2) => Some(Kind::Record),
            (Kind::Type, 3..=6) => Some(Kind::Of),
            (Kind::Record, 1) => Some(Kind::Entry),
            _ => None,
        }
    }
}

/// One field of a message.
struct Field<'a> {
    number: u64,
    /// Its wire type.
    wire: u64,
    /// Its content, if it has a length.
    inner: &'a [u8],
}

const WITH_LENGTH: u64 = 2;
const GROUP_BEGINS: u64 = 3;
const GROUP_ENDS: u64 = 4;

/// The fields of a message. It ends at the first malformed byte. The start and end markers of groups, which no peer
/// sends, are fields of their own: their content counts as if they were not there.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.varint()?;
        let (number, wire) = (key >> 3, key & 7);
        let length = match wire {
            0 => {
                self.varint()?;
                0
            }
            1 => 8,
            WITH_LENGTH => usize::try_from(self.varint()?).ok()?,
            GROUP_BEGINS | GROUP_ENDS => 0,
            5 => 4,
            _ => return self.end(),
        };
        let Some((inner, rest)) = self.0.split_at_checked(length) else {
            return self.end();
        };
        self.0 = rest;
        Some(Field { number, wire, inner })
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
