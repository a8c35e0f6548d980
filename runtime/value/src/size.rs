//! The memory size of a value, for code that keeps received values.

use crate::CValue;

impl CValue {
    /// The approximate size in bytes, when copied or written as JSON: the value, its texts and the names of its
    /// fields, but not its types. `None` when it exceeds `limit`; the rest is then not visited.
    pub fn size_within(&self, limit: usize) -> Option<usize> {
        let mut left = limit;
        take(self, &mut left).map(|()| limit - left)
    }
}

fn take(value: &CValue, left: &mut usize) -> Option<()> {
    let own = match value {
        CValue::String(text) => text.len(),
        CValue::Product { value, .. } => value.keys().map(|name| name.len()).sum(),
        _ => 0,
    };
    *left = left.checked_sub(own.saturating_add(size_of::<CValue>()))?;
    match value {
        CValue::Product { value, .. } => value.values().try_for_each(|it| take(it, left)),
        CValue::List { value, .. } => value.iter().try_for_each(|it| take(it, left)),
        CValue::Map { value, .. } => value.iter().try_for_each(|(key, it)| {
            take(key, left)?;
            take(it, left)
        }),
        CValue::Union { value, .. } | CValue::Some { value, .. } => take(value, left),
        CValue::String(_) | CValue::Int(_) | CValue::Float(_) | CValue::Boolean(_) | CValue::None { .. } => {
            Some(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CType;

    #[test]
    fn a_value_is_as_large_as_its_parts_and_no_more_is_looked_at_than_the_limit() {
        let own = size_of::<CValue>();
        let text = CValue::string("hello");
        assert_eq!(text.size_within(usize::MAX), Some(own + 5));
        assert_eq!(text.size_within(own + 5), Some(own + 5));
        assert_eq!(text.size_within(own + 4), None);
        let record = CValue::product([("name", text.clone()), ("n", CValue::Int(1))]);
        assert_eq!(record.size_within(usize::MAX), Some(3 * own + 4 + 1 + 5));
        let map = CValue::map(CType::String, CType::Int, [(text, CValue::Int(1))]);
        assert_eq!(map.size_within(usize::MAX), Some(3 * own + 5));
        let list = CValue::list(CType::Int, (0..10).map(CValue::Int));
        assert_eq!(CValue::some(list.clone()).size_within(usize::MAX), Some(12 * own));
        assert_eq!(CValue::some(list).size_within(12 * own - 1), None);
    }
}
