//! `squall schema`

use std::io::{self, Write};

use super::{Console, Exit, SchemaKind};
use crate::file::Kind;

pub(super) fn schema<O: Write, E: Write>(kind: SchemaKind, console: &mut Console<O, E>) -> io::Result<Exit> {
    let kind = match kind {
        SchemaKind::Topology => Kind::Topology,
        SchemaKind::Scenario => Kind::Scenario,
    };
    writeln!(console.out, "{:#}", crate::schema::schema(kind))?;
    Ok(Exit::Held)
}
