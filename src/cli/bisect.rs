//! `gatepath bisect`: the first snapshot in which a path's verdict is another one, and the edit that made it so.

use super::args::{BisectArgs, Format};
use super::{CliError, Io, changes, endpoint, exit_code, load, look};
use crate::compile::Network;
use crate::compile::cuts::{Cuts, Side};
use crate::model::Snapshot;
use crate::net::Protocol;
use crate::report::bisect::{BisectReport, State, json, text};
use crate::solve::bisect::culprits;
use crate::solve::path::{Options, Sources, Target, decide};
use crate::solve::{Answer, Verdict};

/// Exit codes are those of `check` for the newest snapshot: 1 where the path is blocked or partial, 3 where it is unknown.
pub(super) fn run(args: &BisectArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let mut loaded = load::load(&args.common, &[], io)?;
    load::require_usable(&loaded, io)?;
    let past = changes::read(&args.common, (&args.before, &[]), &mut loaded, io)?;
    if !args.common.output.quiet {
        load::messages(&loaded.findings, &loaded, io)?;
    }
    let assumptions = load::assumptions(&args.common);
    let network = Network::compile(&loaded.snapshot, assumptions);
    let to = endpoint::to(&network, &args.to)?;
    let port = to.port.ok_or_else(|| CliError::Usage(format!("--to needs a port: {}:443", to.address)))?;
    let from = endpoint::from(&network, args.from.as_deref(), to.address.is_ipv4())?;
    let target = Target { destination: to.address, protocol: Protocol::Tcp, port, model: None };
    // A source that another snapshot does not hold has no answer there.
    let ask = |snapshot: &Snapshot| -> Option<Answer> {
        let network = Network::compile(snapshot, assumptions);
        let from = endpoint::from(&network, args.from.as_deref(), to.address.is_ipv4()).ok()?;
        let sources = Sources::cut(&Cuts::of(&network, Side::Source), &from.groups, None);
        Some(decide(&network, &sources, target, Options::default()).answer)
    };
    let snapshots: Vec<&Snapshot> = past.earlier.iter().map(|(_, s)| s).chain([&loaded.snapshot]).collect();
    let times = past.earlier.iter().map(|(time, _)| *time).chain([None]);
    let current = args.common.paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let names = past.names.iter().cloned().chain([current]);
    let states: Vec<State> = snapshots
        .iter()
        .zip(names)
        .zip(times)
        .map(|((snapshot, name), time)| State { name, time, answer: ask(snapshot) })
        .collect();
    let verdict = |state: &State| state.answer.as_ref().map(|answer| answer.verdict);
    // A snapshot that does not say it is passed over.
    let known = |state: &State| verdict(state).filter(|verdict| *verdict != Verdict::Unknown);
    let said: Vec<(usize, Verdict)> =
        states.iter().enumerate().filter_map(|(at, state)| Some((at, known(state)?))).collect();
    let turn = said.iter().zip(said.iter().skip(1)).find(|((_, before), (_, after))| before != after);
    let turned = turn.and_then(|((before, wanted), (after, _))| {
        Some((*after, culprits(snapshots.get(*before)?, snapshots.get(*after)?, *wanted, &ask)))
    });
    let shown = format!("{} tcp/{port}", to.shown);
    let report = BisectReport { from: &from.shown, to: &shown, states: &states, turned, sources: &loaded.sources };
    match args.common.output.format {
        Format::Text => text(&report, look(args.common.output.color, io), io.out)?,
        Format::Json => json(&report, io.out)?,
        other @ (Format::AzureDiag | Format::AzureIpflow | Format::Md) => return Err(super::no_format(other)),
        Format::Csv => return Err(CliError::Usage("bisect prints text or json".to_owned())),
    }
    let last = states.last().and_then(verdict);
    let blocked = matches!(last, Some(Verdict::Deny | Verdict::Partial));
    Ok(exit_code(blocked, last.is_none_or(|verdict| verdict == Verdict::Unknown), args.common.on_unknown))
}
