//! `squall schema`

use std::io::{self, Write};

use super::{Console, Exit, SchemaKind};
use crate::Harness;
use crate::file::Kind;

pub(super) fn schema<O: Write, E: Write>(
    harness: &Harness,
    kind: SchemaKind,
    console: &mut Console<O, E>,
) -> io::Result<Exit> {
    let kind = match kind {
        SchemaKind::Topology => Kind::Topology,
        SchemaKind::Scenario => Kind::Scenario,
    };
    writeln!(console.out, "{:#}", harness.schema(kind))?;
    Ok(Exit::Held)
}
