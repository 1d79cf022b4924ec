//! `gatepath lint`.

use super::args::{FailOn, Format, LintArgs};
use super::{CliError, Io, exit, load, look};
use crate::compile::Network;
use crate::diagnostic::Severity;
use crate::report::lint::{csv, json, text};
use crate::solve::anomaly;

/// Exit 1 where a finding has the failing severity.
pub(super) fn run(args: &LintArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let loaded = load::load(&args.common, &[], io)?;
    load::require_usable(&loaded, io)?;
    let network = Network::compile(&loaded.snapshot, load::assumptions(&args.common));
    let mut findings = loaded.findings.clone();
    findings.extend(anomaly::lint(&network));
    crate::diagnostic::sort(&mut findings);
    match args.common.output.format {
        Format::Json => json(&findings, &loaded.sources, io.out)?,
        Format::Csv => csv(&findings, &loaded.sources, io.out)?,
        other @ (Format::AzureDiag | Format::AzureIpflow | Format::Md) => return Err(super::no_format(other)),
        Format::Text => text(&findings, &loaded.sources, look(args.common.output.color, io), io.out)?,
    }
    let worst = match args.fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Note => Severity::Note,
    };
    let fails = findings.iter().any(|finding| finding.severity <= worst);
    Ok(if fails { exit::FINDINGS } else { exit::OK })
}
