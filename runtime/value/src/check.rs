//! Checks whether a value has a declared type, and whether two types are compatible.
//!
//! Only the contents of a value count, not its own type information: `structure`, `subtype` and the like are ignored,
//! as in upstream, because a provider whose unions have names cannot set them correctly. Before a value is passed on,
//! [`CValue::conformed`] corrects its type information.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::mismatch::{Kind, Mismatch, MismatchProblem};
use crate::path::Step;
use crate::schema::in_order;
use crate::{CType, CValue, Fields};

impl CValue {
    /// Checks whether this value has this type.
    ///
    /// - A record has exactly the declared fields. A missing optional field is a mismatch: on the wire an absent
    ///   value is a `CNone`, and a missing field is an error in upstream. Spec: provider 2.15.
    /// - A union's tag is one of the declared ones. Another tag is accepted if its value has the type of one of the
    ///   declared variants, since schemas do not carry names. Spec: provider 5, row 25.
    /// - A `CSome` is not accepted where a non-optional value is declared, nor the other way around; an `Int` is not
    ///   a `Float`.
    ///
    /// # Errors
    /// The first mismatch: fields in the order of their names, a key before its value.
    pub fn check(&self, declared: &CType) -> Result<(), Mismatch> {
        match (self, declared) {
            (CValue::String(_), CType::String)
            | (CValue::Int(_), CType::Int)
            | (CValue::Float(_), CType::Float)
            | (CValue::Boolean(_), CType::Boolean)
            | (CValue::None { .. }, CType::Optional(_)) => Ok(()),
            (CValue::Some { value, .. }, CType::Optional(inner)) => value.check(inner),
            (CValue::Product { value, .. }, CType::Product(fields)) => {
                check_fields(value, fields, CValue::check)
            }
            (CValue::List { value, .. }, CType::List(element)) => {
                for (index, item) in value.iter().enumerate() {
                    item.check(element).map_err(|it| it.within(Step::Index(index)))?;
                }
                Ok(())
            }
            (CValue::Map { value, .. }, CType::Map(keys, values)) => {
                for (index, (key, value)) in value.iter().enumerate() {
                    let checked = key
                        .check(keys)
                        .map_err(|it| it.within(Step::Member("key")))
                        .and_then(|()| value.check(values).map_err(|it| it.within(Step::Member("value"))));
                    checked.map_err(|it| it.within(Step::Index(index)))?;
                }
                Ok(())
            }
            (CValue::Union { value, tag, .. }, CType::Union(variants)) => match variants.get(tag) {
                Some(variant) => value.check(variant).map_err(|it| it.at(tag)),
                None => variant_that_fits(self, variants).map(drop),
            },
            _ => Err(other_kind(self.kind(), declared)),
        }
    }

    /// The same value with the declared type information: structures, subtypes, and tags of unions.
    ///
    /// An undeclared tag becomes that of the declared variant at its position (`variant2` is the third one, by
    /// [`CType::variants_in_order`]) or, when that does not fit, of the first one that does. This converts values of
    /// a provider whose variants have names to the server's, and the other way around.
    ///
    /// # Errors
    /// As [`CValue::check`].
    pub fn conformed(mut self, declared: &CType) -> Result<Self, Mismatch> {
        self.check(declared)?;
        self.tell(declared);
        Ok(self)
    }

    /// Rewrites the type information of a value that has passed the check.
    fn tell(&mut self, declared: &CType) {
        match (self, declared) {
            (CValue::Product { value, structure }, CType::Product(fields)) => {
                for (it, declared) in value.values_mut().zip(fields.values()) {
                    it.tell(declared);
                }
                structure.clone_from(fields);
            }
            (CValue::List { value, subtype }, CType::List(element)) => {
                for item in value {
                    item.tell(element);
                }
                subtype.clone_from(element);
            }
            (
                CValue::Map {
                    value,
                    keys: own_keys,
                    values: own_values,
                },
                CType::Map(keys, values),
            ) => {
                for (key, value) in value {
                    key.tell(keys);
                    value.tell(values);
                }
                own_keys.clone_from(keys);
                own_values.clone_from(values);
            }
            (CValue::Some { value, inner: own }, CType::Optional(inner)) => {
                value.tell(inner);
                own.clone_from(inner);
            }
            (CValue::None { inner: own }, CType::Optional(inner)) => own.clone_from(inner),
            (it @ CValue::Union { .. }, CType::Union(variants)) => it.tell_union(variants),
            _ => {}
        }
    }

    fn tell_union(&mut self, variants: &Arc<Fields<CType>>) {
        let declared = match self {
            CValue::Union { tag, .. } => variants.get_key_value(tag),
            _ => None,
        };
        let found = declared
            .map(|(name, it)| (&**name, it))
            .or_else(|| variant_that_fits(self, variants).ok())
            .map(|(name, it)| (Arc::from(name), it));
        if let (
            CValue::Union {
                value,
                structure,
                tag: own,
            },
            Some((tag, variant)),
        ) = (self, found)
        {
            value.tell(variant);
            structure.clone_from(variants);
            *own = tag;
        }
    }
}

impl CType {
    /// Whether values of `other` are accepted where this type is declared: the types have the same structure.
    /// Variants of unions are compared by position, since names do not cross the wire. Spec: provider 5, row 10.
    ///
    /// # Errors
    /// The first difference, fields in the order of their names; "found" refers to `other`.
    pub fn check_same_structure(&self, other: &CType) -> Result<(), Mismatch> {
        match (self, other) {
            (CType::Product(fields), CType::Product(others)) => {
                check_fields(others, fields, |other, it| it.check_same_structure(other))
            }
            (CType::List(it), CType::List(other)) => it
                .check_same_structure(other)
                .map_err(|it| it.within(Step::Member("element"))),
            (CType::Optional(it), CType::Optional(other)) => it.check_same_structure(other),
            (CType::Map(keys, values), CType::Map(other_keys, other_values)) => {
                keys.check_same_structure(other_keys)
                    .map_err(|it| it.within(Step::Member("key")))?;
                values
                    .check_same_structure(other_values)
                    .map_err(|it| it.within(Step::Member("value")))
            }
            (CType::Union(variants), CType::Union(others)) if variants.len() != others.len() => {
                Err(MismatchProblem::Variants {
                    expected: variants.len(),
                    found: others.len(),
                }
                .into())
            }
            (CType::Union(variants), CType::Union(others)) => {
                let pairs = in_order(variants).into_iter().zip(in_order(others));
                for ((name, it), (_, other)) in pairs {
                    it.check_same_structure(other).map_err(|it| it.at(&name.into()))?;
                }
                Ok(())
            }
            (it, other) if it.kind() == other.kind() => Ok(()),
            (it, other) => Err(other_kind(other.kind(), it)),
        }
    }
}

fn other_kind(found: Kind, declared: &CType) -> Mismatch {
    MismatchProblem::Kind {
        expected: declared.kind(),
        found,
    }
    .into()
}

/// Whether there are exactly the declared fields, and each of them passes.
fn check_fields<T>(
    found: &Fields<T>,
    declared: &Fields<CType>,
    check: impl Fn(&T, &CType) -> Result<(), Mismatch>,
) -> Result<(), Mismatch> {
    // Both are sorted, so one pass over both is enough.
    let (mut found, mut declared) = (found.iter().peekable(), declared.iter().peekable());
    loop {
        let order = match (found.peek(), declared.peek()) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((name, _)), Some((expected, _))) => name.cmp(expected),
        };
        let found = if order.is_le() { found.next() } else { None };
        let declared = if order.is_ge() { declared.next() } else { None };
        match (found, declared) {
            (Some((name, it)), Some((_, ctype))) => check(it, ctype).map_err(|it| it.at(name))?,
            (Some((name, _)), None) => return Err(Mismatch::from(MismatchProblem::UnknownField).at(name)),
            (None, Some((name, _))) => return Err(Mismatch::from(MismatchProblem::MissingField).at(name)),
            (None, None) => return Ok(()),
        }
    }
}

/// The declared variant of a union with an undeclared tag.
fn variant_that_fits<'t>(
    union: &CValue,
    variants: &'t Fields<CType>,
) -> Result<(&'t str, &'t CType), Mismatch> {
    let CValue::Union {
        value,
        structure,
        tag,
    } = union
    else {
        return Err(MismatchProblem::NotOneVariant.into());
    };
    let all = in_order(variants);
    let position = position_of(tag, structure).filter(|position| *position < all.len());
    // Each of them once: unions nest, and two checks on each level would be exponential in the depth.
    let others = (0..all.len()).filter(|other| Some(*other) != position);
    let mut candidates = position.into_iter().chain(others).map(|position| all[position]);
    let fitting = candidates.find(|(_, variant)| value.check(variant).is_ok());
    let problem = || MismatchProblem::NoVariantFits { tag: tag.clone() }.into();
    fitting.ok_or_else(problem)
}

/// The position in a tag's name, or among the tags in its value's type information.
fn position_of(tag: &str, structure: &Fields<CType>) -> Option<usize> {
    let said = tag.strip_prefix("variant").and_then(|number| number.parse().ok());
    said.or_else(|| in_order(structure).iter().position(|(name, _)| *name == tag))
}
