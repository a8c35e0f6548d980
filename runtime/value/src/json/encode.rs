//! Encodes values and types as JSON: strict, and fast. Spec: provider 2.15.
//!
//! Text is assembled by hand. Only names, scalars and types vary, and the types of equal values mostly share memory:
//! such types are written once and then copied.

use std::ops::Range;
use std::sync::Arc;

use serde_json::ser::{CompactFormatter, Formatter};

use super::scan::first_special;
use crate::{CType, CValue, Fields};

/// Appends a value.
pub(super) fn value(value: &CValue, out: &mut Vec<u8>) {
    let mut encoder = Encoder {
        out,
        written: [const { None }; REMEMBERED],
        oldest: 0,
    };
    encoder.value(value);
}

/// Appends a type.
pub(super) fn ctype(ctype: &CType, out: &mut Vec<u8>) {
    match ctype {
        CType::String => put(out, r#"{"tag":"CString"}"#),
        CType::Int => put(out, r#"{"tag":"CInt"}"#),
        CType::Float => put(out, r#"{"tag":"CFloat"}"#),
        CType::Boolean => put(out, r#"{"tag":"CBoolean"}"#),
        CType::Product(fields) => {
            put(out, r#"{"tag":"CProduct","structure":"#);
            structure(fields, out);
            put(out, "}");
        }
        CType::List(element) => {
            put(out, r#"{"tag":"CList","valuesType":"#);
            self::ctype(element, out);
            put(out, "}");
        }
        CType::Map(keys, values) => {
            put(out, r#"{"tag":"CMap","keysType":"#);
            self::ctype(keys, out);
            put(out, r#","valuesType":"#);
            self::ctype(values, out);
            put(out, "}");
        }
        CType::Union(variants) => {
            put(out, r#"{"tag":"CUnion","structure":"#);
            structure(variants, out);
            put(out, "}");
        }
        CType::Optional(inner) => {
            put(out, r#"{"tag":"COptional","innerType":"#);
            self::ctype(inner, out);
            put(out, "}");
        }
    }
}

fn structure(types: &Fields<CType>, out: &mut Vec<u8>) {
    let mut between = "{";
    for (name, it) in types {
        put(out, between);
        string(name, out);
        put(out, ":");
        ctype(it, out);
        between = ",";
    }
    put(out, if types.is_empty() { "{}" } else { "}" });
}

/// The number of cached types.
const REMEMBERED: usize = 4;

struct Encoder<'o> {
    out: &'o mut Vec<u8>,
    /// Recently written types, by their address, and the position of their text. Addresses are stable, because the
    /// value being written holds them.
    written: [Option<(*const (), Range<usize>)>; REMEMBERED],
    oldest: usize,
}

impl Encoder<'_> {
    fn value(&mut self, value: &CValue) {
        match value {
            CValue::String(text) => {
                self.put(r#"{"tag":"CString","value":"#);
                string(text, self.out);
            }
            CValue::Int(integer) => {
                self.put(r#"{"tag":"CInt","value":"#);
                written(CompactFormatter.write_i64(self.out, *integer));
            }
            CValue::Float(float) => {
                self.put(r#"{"tag":"CFloat","value":"#);
                match float.is_finite() {
                    true => written(CompactFormatter.write_f64(self.out, *float)),
                    false => self.put("null"),
                }
            }
            CValue::Boolean(true) => self.put(r#"{"tag":"CBoolean","value":true"#),
            CValue::Boolean(false) => self.put(r#"{"tag":"CBoolean","value":false"#),
            CValue::Product { value, structure } => {
                self.put(r#"{"tag":"CProduct","value":"#);
                self.fields(value);
                self.structure(structure);
            }
            CValue::List { value, subtype } => {
                self.put(r#"{"tag":"CList","value":"#);
                self.items(value, Self::value);
                self.put(r#","subtype":"#);
                self.ctype(subtype);
            }
            CValue::Map { value, keys, values } => {
                self.put(r#"{"tag":"CMap","value":"#);
                self.items(value, Self::entry);
                self.put(r#","keysType":"#);
                self.ctype(keys);
                self.put(r#","valuesType":"#);
                self.ctype(values);
            }
            CValue::Union {
                value,
                structure,
                tag,
            } => {
                self.put(r#"{"tag":"CUnion","value":"#);
                self.value(value);
                self.structure(structure);
                self.put(r#","unionTag":"#);
                string(tag, self.out);
            }
            CValue::Some { value, inner } => {
                self.put(r#"{"tag":"CSome","value":"#);
                self.value(value);
                self.put(r#","innerType":"#);
                self.ctype(inner);
            }
            CValue::None { inner } => {
                self.put(r#"{"tag":"CNone","innerType":"#);
                self.ctype(inner);
            }
        }
        self.put("}");
    }

    fn fields(&mut self, fields: &Fields<CValue>) {
        let mut between = "{";
        for (name, value) in fields {
            self.put(between);
            string(name, self.out);
            self.put(":");
            self.value(value);
            between = ",";
        }
        self.put(if fields.is_empty() { "{}" } else { "}" });
    }

    fn items<T>(&mut self, items: &[T], write: fn(&mut Self, &T)) {
        self.put("[");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.put(",");
            }
            write(self, item);
        }
        self.put("]");
    }

    fn entry(&mut self, (key, value): &(CValue, CValue)) {
        self.put(r#"{"key":"#);
        self.value(key);
        self.put(r#","value":"#);
        self.value(value);
        self.put("}");
    }

    fn structure(&mut self, types: &Arc<Fields<CType>>) {
        self.put(r#","structure":"#);
        self.once(Arc::as_ptr(types).cast(), |out| structure(types, out));
    }

    fn ctype(&mut self, it: &Arc<CType>) {
        self.once(Arc::as_ptr(it).cast(), |out| ctype(it, out));
    }

    /// Writes the item at this address, or copies it if it was written recently.
    fn once(&mut self, place: *const (), write: impl FnOnce(&mut Vec<u8>)) {
        let mut known = self.written.iter().flatten();
        if let Some((_, text)) = known.find(|(known, _)| *known == place) {
            self.out.extend_from_within(text.clone());
            return;
        }
        let start = self.out.len();
        write(self.out);
        self.written[self.oldest] = Some((place, start..self.out.len()));
        self.oldest = (self.oldest + 1) % REMEMBERED;
    }

    fn put(&mut self, text: &str) {
        put(self.out, text);
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn written(result: std::io::Result<()>) {
    result.expect("a vector takes all that is written to it");
}

/// Appends text in quotes.
fn string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some(length) = first_special(rest) {
        out.extend_from_slice(&rest[..length]);
        match rest[length] {
            b'\n' => put(out, r"\n"),
            b'\r' => put(out, r"\r"),
            b'\t' => put(out, r"\t"),
            0x08 => put(out, r"\b"),
            0x0C => put(out, r"\f"),
            byte @ ..0x20 => {
                put(out, r"\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 0xF)]);
            }
            byte => out.extend_from_slice(&[b'\\', byte]),
        }
        rest = &rest[length + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}
