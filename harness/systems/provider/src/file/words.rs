//! Words of the provider protocol in scenario files.

use squall_core::file::choice::Choice;

use crate::plan::{CanaryEnd, ProviderState};

impl Choice for ProviderState {
    const WHAT: &'static str = "state of a provider";
    const EXPECTED: &'static str = "a state of a provider";
    const REMEDY: &'static str = r#"write "registered", "active", "draining" or "deregistered""#;
    const TITLE: &'static str = "ProviderState";
    const WORDS: &'static [(&'static str, Self)] = &ProviderState::NAMES;
}

impl Choice for CanaryEnd {
    const WHAT: &'static str = "end of a canary";
    const EXPECTED: &'static str = "an end of a canary";
    const REMEDY: &'static str = r#"write "promoted", "rolled_back" or "partial_failure""#;
    const TITLE: &'static str = "CanaryEnd";
    const WORDS: &'static [(&'static str, Self)] = &CanaryEnd::NAMES;
}
