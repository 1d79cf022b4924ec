//! Results to text: each output one file. Functions of results only: no clock, no environment.

pub mod azure;
pub mod bisect;
pub mod check;
pub mod finding;
pub mod health;
pub mod inspect;
pub mod lint;
pub mod matrix;
pub mod replay;
pub mod text;
mod timeline;

use serde::Serialize;
use std::io::{self, Write};

/// Writes a JSON document with two-space indent and a line end.
fn write_json(document: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}
