//! `gatepath inspect`.

use super::args::{Format, InspectArgs};
use super::{CliError, Io, exit, load, look};
use crate::compile::Network;
use crate::report::inspect::{InspectReport, json, text};
use crate::solve::coverage;

/// Exits 0 for every file that is recognised, also one without network resources; 2 where nothing is.
pub(super) fn run(args: &InspectArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let loaded = load::load(&args.common, &[], io)?;
    let network = Network::compile(&loaded.snapshot, load::assumptions(&args.common));
    let needs = coverage::needs(&network);
    let report = InspectReport {
        files: &loaded.files,
        snapshot: &loaded.snapshot,
        health: &loaded.health,
        needs: &needs,
        findings: &loaded.findings,
        sources: &loaded.sources,
    };
    match args.common.output.format {
        Format::Json => json(&report, io.out)?,
        Format::Text => text(&report, look(args.common.output.color, io), io.out)?,
        Format::Csv => return Err(CliError::Usage("inspect prints text or json".to_owned())),
    }
    if loaded.is_usable() {
        return Ok(exit::OK);
    }
    writeln!(io.err, "gatepath: {}", CliError::NothingUsable)?;
    Ok(exit::COULD_NOT_RUN)
}
