//! `gatepath inspect`.

use super::args::{Common, Format, InspectArgs};
use super::{CliError, Io, exit, load, look};
use crate::compile::Network;
use crate::ingest::Loaded;
use crate::report::inspect::{InspectReport, json, text};
use crate::solve::coverage;

/// Exits 0 for every file that is recognised, also one without network resources; 2 where nothing is.
pub(super) fn run(args: &InspectArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let loaded = load::load(&args.common, &[], io)?;
    show(&loaded, &args.common, io)
}

/// Prints what was understood of a loaded input.
pub(super) fn show(loaded: &Loaded, common: &Common, io: &mut Io<'_>) -> Result<u8, CliError> {
    let network = Network::compile(&loaded.snapshot, load::assumptions(common));
    let needs = coverage::needs(&network);
    let report = InspectReport {
        files: &loaded.files,
        snapshot: &loaded.snapshot,
        health: &loaded.health,
        needs: &needs,
        findings: &loaded.findings,
        sources: &loaded.sources,
    };
    match common.output.format {
        Format::Json => json(&report, io.out)?,
        Format::Text => text(&report, look(common.output.color, io), io.out)?,
        other @ (Format::AzureDiag | Format::AzureIpflow | Format::Md) => return Err(super::no_format(other)),
        Format::Csv => return Err(CliError::Usage("inspect prints text or json".to_owned())),
    }
    if loaded.is_usable() {
        return Ok(exit::OK);
    }
    writeln!(io.err, "gatepath: {}", CliError::NothingUsable)?;
    Ok(exit::COULD_NOT_RUN)
}
