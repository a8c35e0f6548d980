//! What is counted, against what is decoded.

use proptest::prelude::*;
use prost::Message;
use squall_proto::provider::type_schema::Type;
use squall_proto::provider::{DeregisterRequest, ModuleDeclaration, RegisterRequest, TypeSchema};
use squall_value::CType;

use super::*;

fn types(schema: &TypeSchema) -> usize {
    let inner = match &schema.r#type {
        None | Some(Type::Primitive(_)) => 0,
        Some(Type::Record(it)) => it.fields.values().map(|it| 1 + types(it)).sum(),
        Some(Type::List(it)) => it.element_type.as_deref().map_or(0, types),
        Some(Type::Map(it)) => [&it.key_type, &it.value_type]
            .into_iter()
            .flatten()
            .map(|it| types(it))
            .sum(),
        Some(Type::Union(it)) => it.variants.iter().map(types).sum(),
        Some(Type::Option(it)) => it.inner_type.as_deref().map_or(0, types),
    };
    1 + inner
}

fn some_type() -> impl Strategy<Value = CType> {
    let leaf = prop::sample::select(vec![CType::String, CType::Int, CType::Float, CType::Boolean]);
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(CType::list),
            inner.clone().prop_map(CType::optional),
            inner.clone().prop_map(|it| CType::map(CType::String, it)),
            prop::collection::btree_map("[a-z]{1,3}", inner.clone(), 1..4).prop_map(CType::product),
            prop::collection::btree_map("[a-z]{1,3}", inner, 1..4).prop_map(CType::union),
        ]
    })
}

fn registration(schemas: &[(CType, CType)]) -> RegisterRequest {
    let module = |(input, output): &(CType, CType)| ModuleDeclaration {
        name: "A".to_owned(),
        input_schema: Some(input.to_schema()),
        output_schema: Some(output.to_schema()),
        version: "1".to_owned(),
        description: "two".to_owned(),
    };
    RegisterRequest {
        namespace: "ml".to_owned(),
        modules: schemas.iter().map(module).collect(),
        protocol_version: 1,
        executor_url: "localhost:1".to_owned(),
        group_id: "pool".to_owned(),
    }
}

proptest! {
    #[test]
    fn as_much_is_counted_as_is_decoded(schemas in prop::collection::vec((some_type(), some_type()), 0..5)) {
        let request = registration(&schemas);
        let all = request.modules.iter().flat_map(|it| [&it.input_schema, &it.output_schema]);
        let expected = Declares {
            modules: request.modules.len(),
            types: all.flatten().map(types).sum(),
        };
        let bytes = request.encode_to_vec();
        prop_assert_eq!(Declares::of(&bytes), expected);
        let rest = RegisterRequest::decode(without_modules(&bytes)).unwrap();
        prop_assert_eq!(rest, RegisterRequest { modules: vec![], ..request });
    }

    #[test]
    fn of_any_bytes_no_more_is_decoded_than_was_counted(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let counted = Declares::of(&bytes);
        if let Ok(request) = RegisterRequest::decode(&*bytes) {
            prop_assert!(request.modules.len() <= counted.modules);
        }
        if let Ok(request) = DeregisterRequest::decode(&*bytes) {
            prop_assert!(request.module_names.len() <= names(&bytes));
        }
    }
}

#[test]
fn what_is_cut_off_counts_as_far_as_it_goes() {
    let bytes = registration(&[(CType::Int, CType::Int), (CType::Int, CType::Int)]).encode_to_vec();
    let both = Declares { modules: 2, types: 4 };
    assert_eq!(Declares::of(&bytes), both);
    assert_eq!(Declares::of(&[&bytes[..], &[0x12, 0xff]].concat()), both);
    let first = 4 + 2 + usize::from(bytes[5]);
    assert_eq!(
        Declares::of(&bytes[..first + 5]),
        Declares { modules: 1, types: 2 }
    );
}

#[test]
fn counting_ends_with_the_first_type_too_many() {
    let variants = vec![CType::Int.to_schema(); TYPES_MAX + 10];
    let mut request = registration(&[(CType::Int, CType::Int), (CType::Int, CType::Int)]);
    let union = squall_proto::provider::UnionType { variants };
    request.modules[0].input_schema = Some(TypeSchema {
        r#type: Some(Type::Union(union)),
    });
    let declares = Declares::of(&request.encode_to_vec());
    assert_eq!(declares.modules, 2);
    assert_eq!(declares.types, TYPES_MAX + 1);
}
