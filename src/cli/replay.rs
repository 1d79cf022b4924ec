//! `gatepath replay`.

use super::args::{Format, ReplayArgs};
use super::{CliError, Io, exit_code, load, look};
use crate::compile::Network;
use crate::ingest;
use crate::report::replay::{ReplayReport, json, text};
use crate::solve::replay::replay;

/// Exit 1 where a recorded answer is another one than ours, 3 where one cannot be compared.
pub(super) fn run(args: &ReplayArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let output = &args.common.output;
    let (records, unread) = ingest::gather(&args.record, io.stdin, output.limit_bytes);
    let mut loaded = load::load_but(&args.common, &args.common.paths, &records, io)?;
    load::require_usable(&loaded, io)?;
    let records = ingest::load_records(&mut loaded, records);
    loaded.findings.extend(unread);
    crate::diagnostic::sort(&mut loaded.findings);
    loaded.snapshot.add_unknown_subnets();
    if !output.quiet {
        load::messages(&loaded.findings, &loaded, io)?;
    }
    if records.is_empty() {
        return Err(CliError::Usage("no --record file holds a recorded question".to_owned()));
    }
    let network = Network::compile(&loaded.snapshot, load::assumptions(&args.common));
    let replayed = replay(&network, &records);
    let report = ReplayReport { replay: &replayed, sources: &loaded.sources, findings: &loaded.findings };
    match output.format {
        Format::Text => text(&report, look(output.color, io), io.out)?,
        Format::Json => json(&report, io.out)?,
        other @ (Format::AzureDiag | Format::AzureIpflow | Format::Md) => return Err(super::no_format(other)),
        Format::Csv => return Err(CliError::Usage("replay prints text or json".to_owned())),
    }
    Ok(exit_code(!replayed.disagreements.is_empty(), !replayed.undecided.is_empty(), args.common.on_unknown))
}
