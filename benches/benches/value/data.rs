//! One thousand leaves: a hundred orders of ten fields, as a value and as structs.

use serde::{Deserialize, Serialize};
use squall_value::{CType, CValue, Limits};

const ORDERS: usize = 100;

/// What a user would write, in plain JSON.
pub(crate) type Plain = Vec<Order>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    amount: i64,
    city: String,
    customer: String,
    discount: f64,
    express: bool,
    id: i64,
    note: String,
    price: f64,
    product: String,
    weight: i64,
}

/// The same, written by serde in the protocol's JSON: with tags and types.
pub(crate) type Tagged = List<Product>;

#[derive(Serialize, Deserialize)]
pub(crate) struct List<T> {
    tag: Tag,
    value: Vec<T>,
    subtype: Structured,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Product {
    tag: Tag,
    value: Fields,
    structure: Types,
}

#[derive(Serialize, Deserialize)]
struct Structured {
    tag: Tag,
    structure: Types,
}

#[derive(Serialize, Deserialize)]
struct Leaf<T> {
    tag: Tag,
    value: T,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Type {
    tag: Tag,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[expect(clippy::enum_variant_names, reason = "they are the protocol's")]
enum Tag {
    CList,
    CProduct,
    CString,
    CInt,
    CFloat,
    CBoolean,
}

#[derive(Serialize, Deserialize)]
struct Fields {
    amount: Leaf<i64>,
    city: Leaf<String>,
    customer: Leaf<String>,
    discount: Leaf<f64>,
    express: Leaf<bool>,
    id: Leaf<i64>,
    note: Leaf<String>,
    price: Leaf<f64>,
    product: Leaf<String>,
    weight: Leaf<i64>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
struct Types {
    amount: Type,
    city: Type,
    customer: Type,
    discount: Type,
    express: Type,
    id: Type,
    note: Type,
    price: Type,
    product: Type,
    weight: Type,
}

pub(crate) fn plain() -> Plain {
    let cities = ["Prague", "Reykjavik", "Ulan Bator", "Sao Paulo"];
    let order = |index: usize| Order {
        amount: index as i64 % 7 + 1,
        city: cities[index % cities.len()].into(),
        customer: format!("customer number {}", index * 37),
        discount: index as f64 / 64.0,
        express: index.is_multiple_of(3),
        id: 1_000_000_007 * index as i64,
        note: "leave it with the \"neighbours\" if nobody is at home".into(),
        price: index as f64 * 1.19,
        product: format!("SKU-{:08}", index * 7919),
        weight: index as i64 * 250,
    };
    (0..ORDERS).map(order).collect()
}

pub(crate) fn value() -> CValue {
    let order = CType::product([
        ("amount", CType::Int),
        ("city", CType::String),
        ("customer", CType::String),
        ("discount", CType::Float),
        ("express", CType::Boolean),
        ("id", CType::Int),
        ("note", CType::String),
        ("price", CType::Float),
        ("product", CType::String),
        ("weight", CType::Int),
    ]);
    CValue::from_serialize(&plain(), &CType::list(order)).expect("the type is that of the struct")
}

/// The same value, whose records have their types each for itself in memory.
pub(crate) fn unshared() -> CValue {
    match value() {
        CValue::List { value, subtype } => CValue::List {
            value: value.into_iter().map(rebuilt).collect(),
            subtype,
        },
        it => it,
    }
}

fn rebuilt(record: CValue) -> CValue {
    match record {
        CValue::Product { value, .. } => CValue::product(value),
        it => it,
    }
}

pub(crate) fn tagged() -> Tagged {
    let of = |tag| Type { tag };
    let structure = Types {
        amount: of(Tag::CInt),
        city: of(Tag::CString),
        customer: of(Tag::CString),
        discount: of(Tag::CFloat),
        express: of(Tag::CBoolean),
        id: of(Tag::CInt),
        note: of(Tag::CString),
        price: of(Tag::CFloat),
        product: of(Tag::CString),
        weight: of(Tag::CInt),
    };
    let product = |order: Order| Product {
        tag: Tag::CProduct,
        value: Fields {
            amount: leaf(Tag::CInt, order.amount),
            city: leaf(Tag::CString, order.city),
            customer: leaf(Tag::CString, order.customer),
            discount: leaf(Tag::CFloat, order.discount),
            express: leaf(Tag::CBoolean, order.express),
            id: leaf(Tag::CInt, order.id),
            note: leaf(Tag::CString, order.note),
            price: leaf(Tag::CFloat, order.price),
            product: leaf(Tag::CString, order.product),
            weight: leaf(Tag::CInt, order.weight),
        },
        structure,
    };
    List {
        tag: Tag::CList,
        value: plain().into_iter().map(product).collect(),
        subtype: Structured {
            tag: Tag::CProduct,
            structure,
        },
    }
}

fn leaf<T>(tag: Tag, value: T) -> Leaf<T> {
    Leaf { tag, value }
}

/// The same JSON with the members of each object in reverse, so that no tag is seen before what it is of.
pub(crate) fn tags_last(json: &[u8]) -> Vec<u8> {
    use serde_json::Value;
    fn reversed(it: Value) -> Value {
        match it {
            Value::Object(members) => {
                let members = members.into_iter().rev();
                members.map(|(name, it)| (name, reversed(it))).collect()
            }
            Value::Array(items) => items.into_iter().map(reversed).collect(),
            it => it,
        }
    }
    let json = serde_json::from_slice(json).expect("a value's JSON is JSON");
    let reversed = reversed(json).to_string().into_bytes();
    CValue::from_json(&reversed, &Limits::default()).expect("members may come in any order");
    reversed
}
