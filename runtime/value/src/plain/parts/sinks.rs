//! Serde's seven interfaces for compound data: they are reduced to elements, keys with values, and fields.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::Parts;
use crate::CValue;
use crate::mismatch::Mismatch;

impl SerializeSeq for Parts<'_> {
    type Ok = CValue;
    type Error = Mismatch;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), Mismatch> {
        self.element(it)
    }

    fn end(self) -> Result<CValue, Mismatch> {
        self.end()
    }
}

impl SerializeTuple for Parts<'_> {
    type Ok = CValue;
    type Error = Mismatch;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), Mismatch> {
        self.element(it)
    }

    fn end(self) -> Result<CValue, Mismatch> {
        self.end()
    }
}

impl SerializeTupleStruct for Parts<'_> {
    type Ok = CValue;
    type Error = Mismatch;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), Mismatch> {
        self.element(it)
    }

    fn end(self) -> Result<CValue, Mismatch> {
        self.end()
    }
}

impl SerializeTupleVariant for Parts<'_> {
    type Ok = CValue;
    type Error = Mismatch;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), Mismatch> {
        self.element(it)
    }

    fn end(self) -> Result<CValue, Mismatch> {
        self.end()
    }
}

impl SerializeMap for Parts<'_> {
    type Ok = CValue;
    type Error = Mismatch;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Mismatch> {
        self.key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, it: &T) -> Result<(), Mismatch> {
        self.value(it)
    }

    fn end(self) -> Result<CValue, Mismatch> {
        self.end()
    }
}

impl SerializeStruct for Parts<'_> {
    type Ok = CValue;
    type Error = Mismatch;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, it: &T) -> Result<(), Mismatch> {
        self.field(name, it)
    }

    fn end(self) -> Result<CValue, Mismatch> {
        self.end()
    }
}

impl SerializeStructVariant for Parts<'_> {
    type Ok = CValue;
    type Error = Mismatch;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, it: &T) -> Result<(), Mismatch> {
        self.field(name, it)
    }

    fn end(self) -> Result<CValue, Mismatch> {
        self.end()
    }
}
