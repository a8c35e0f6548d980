//! Identifiers of connections and executions, from the platform's randomness.

use squall_platform::Platform;

/// A random UUID, in its usual spelling. Spec: provider 2.2.
pub(crate) fn connection(platform: &impl Platform) -> String {
    let random = u128::from(platform.random_u64()) << 64 | u128::from(platform.random_u64());
    // Version 4, variant 1: marks it as a random UUID.
    let uuid = random & !(0xf << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62;
    let text = format!("{uuid:032x}");
    let parts = [
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..],
    ];
    parts.join("-")
}

/// The id of one call. Unlike upstream's, no other call shares it. Spec: provider section 5, row 33.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExecutionId(u128);

impl ExecutionId {
    pub(crate) fn random(platform: &impl Platform) -> Self {
        ExecutionId(u128::from(platform.random_u64()) << 64 | u128::from(platform.random_u64()))
    }

    /// 32 hexadecimal digits.
    pub(crate) fn text(self) -> String {
        format!("{:032x}", self.0)
    }

    /// The low half, which identifies it in events.
    pub(crate) fn low(self) -> u64 {
        self.0 as u64
    }
}

#[cfg(test)]
mod tests {
    use squall_platform::TokioPlatform;

    use super::*;

    #[test]
    fn a_connection_is_a_random_uuid() {
        let uuid = connection(&TokioPlatform::new());
        assert_eq!(uuid.len(), 36);
        let at = |index: usize| uuid.as_bytes()[index];
        assert!([8, 13, 18, 23].iter().all(|index| at(*index) == b'-'), "{uuid}");
        assert_eq!(at(14), b'4', "{uuid}");
        assert!(b"89ab".contains(&at(19)), "{uuid}");
        assert_ne!(uuid, connection(&TokioPlatform::new()));
    }

    #[test]
    fn an_execution_is_known_by_its_low_half() {
        let id = ExecutionId::random(&TokioPlatform::new());
        let text = id.text();
        assert_eq!(text.len(), 32);
        assert_eq!(u64::from_str_radix(&text[16..], 16), Ok(id.low()));
    }
}
