//! Compares the counted contents with the decoded ones.

use proptest::prelude::*;
use prost::Message;
use squall_proto::provider::type_schema::Type;
use squall_proto::provider::{DeregisterRequest, ModuleDeclaration, RegisterRequest, TypeSchema};
use squall_value::CType;

use super::*;

fn counted(request: &[u8]) -> Declares {
    let whole = Counter::of(request).go_on(usize::MAX).unwrap();
    let mut counter = Counter::of(request);
    let in_pieces = std::iter::repeat_with(|| counter.go_on(1)).find_map(|it| it);
    assert_eq!(in_pieces, Some(whole));
    whole
}

/// The decoded request, with its modules decoded one by one.
fn decoded(request: &[u8]) -> Result<RegisterRequest, prost::DecodeError> {
    let (mut rest, mut modules) = (vec![], vec![]);
    for piece in Pieces::of(request) {
        match piece {
            Piece::Module(bytes) => modules.push(ModuleDeclaration::decode(bytes)?),
            Piece::Other(bytes) => rest.extend_from_slice(bytes),
        }
    }
    let rest = RegisterRequest::decode(&*rest)?;
    assert!(rest.modules.is_empty());
    Ok(RegisterRequest { modules, ..rest })
}

/// Bytes that are mostly valid fields.
fn fields() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        4 => (1..8u8, prop::collection::vec(any::<u8>(), 0..6)).prop_map(|(number, inner)| {
            let length = u8::try_from(inner.len()).unwrap();
            [vec![number << 3 | 2, length], inner].concat()
        }),
        1 => (1..8u8, 0..6u8).prop_map(|(number, wire)| vec![number << 3 | wire]),
        1 => any::<u8>().prop_map(|it| vec![it]),
        1 => Just(vec![3 << 3, 1]),
        1 => Just([vec![7 << 3 | 3], vec![0x12, 0], vec![7 << 3 | 4]].concat()),
    ];
    prop::collection::vec(field, 0..8).prop_map(|it| it.concat())
}

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
        let bytes = request.encode_to_vec();
        let expected = Declares {
            bytes: bytes.len(),
            modules: request.modules.len(),
            types: all.flatten().map(types).sum(),
        };
        prop_assert_eq!(counted(&bytes), expected);
        prop_assert_eq!(decoded(&bytes).unwrap(), request);
    }

    #[test]
    fn of_any_bytes_in_pieces_the_same_is_decoded_and_no_more_than_was_counted(bytes in fields()) {
        let counted = counted(&bytes);
        prop_assert_eq!(decoded(&bytes).ok(), RegisterRequest::decode(&*bytes).ok());
        if let Ok(request) = RegisterRequest::decode(&*bytes) {
            prop_assert!(request.modules.len() <= counted.modules);
        }
        if let Ok(request) = DeregisterRequest::decode(&*bytes) {
            let names = Pieces::of(&bytes).filter(|it| matches!(it, Piece::Module(_)));
            prop_assert_eq!(request.module_names.len(), names.count());
        }
    }
}

#[test]
fn what_is_cut_off_counts_as_far_as_it_goes() {
    let bytes = registration(&[(CType::Int, CType::Int), (CType::Int, CType::Int)]).encode_to_vec();
    let of = |bytes: &[u8]| {
        let counted = counted(bytes);
        (counted.modules, counted.types)
    };
    assert_eq!(of(&bytes), (2, 4));
    assert_eq!(of(&[&bytes[..], &[0x12, 0xff]].concat()), (2, 4));
    let first = 4 + 2 + usize::from(bytes[5]);
    assert_eq!(of(&bytes[..first + 5]), (1, 2));
}

#[test]
fn counting_ends_with_the_first_type_too_many() {
    let variants = vec![CType::Int.to_schema(); TYPES_MAX + 10];
    let mut request = registration(&[(CType::Int, CType::Int), (CType::Int, CType::Int)]);
    let union = squall_proto::provider::UnionType { variants };
    request.modules[0].input_schema = Some(TypeSchema {
        r#type: Some(Type::Union(union)),
    });
    let declares = counted(&request.encode_to_vec());
    assert_eq!(declares.modules, 2);
    assert_eq!(declares.types, TYPES_MAX + 1);
}
