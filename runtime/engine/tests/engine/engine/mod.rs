//! What an engine with modules of its own process promises. Lines are those of the specification's checklist (provider,
//! section 4).

mod calls;
mod modules;
mod support;
