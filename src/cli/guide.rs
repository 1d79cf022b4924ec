//! Bare `gatepath`, and `gatepath PATH`.

use super::args::Common;
use super::{CliError, Io, exit, health, inspect, load, matrix};
use std::path::PathBuf;

const GUIDE: &str = "\
gatepath: can this Azure Application Gateway reach its backends, which rule decides,
and is the network why a backend is unhealthy? From exported files, with no cloud access.

  gatepath demo                                        see it on a built-in sample
  gatepath snap/                                       a folder of `az ... -o json` exports
  gatepath matrix snap/                                every gateway -> backend path
  gatepath check snap/ --from agw --to 10.1.2.4:443    one path, hop by hop
  gatepath health snap/ --record health.json           why is it unhealthy?
  gatepath inspect snap/                               what was understood, what is missing
  gatepath lint snap/                                  what Azure would refuse

exit codes: 0 all is well, 1 findings, 2 could not run, 3 unknown    more: gatepath --help
";

/// Twelve helpful lines.
pub(super) fn print(io: &mut Io<'_>) -> Result<u8, CliError> {
    write!(io.out, "{GUIDE}")?;
    Ok(exit::OK)
}

/// Inspection, then the most telling answer: attribution where there is a health record, else the matrix.
pub(super) fn answer(paths: Vec<PathBuf>, io: &mut Io<'_>) -> Result<u8, CliError> {
    let common = Common::quiet(paths);
    let loaded = load::load(&common, &[], io)?;
    let code = inspect::show(&loaded, &common, io)?;
    if code != exit::OK || loaded.snapshot.application_gateways.is_empty() {
        return Ok(code);
    }
    writeln!(io.out)?;
    if loaded.health.is_empty() {
        matrix::show(&loaded, &common, None, io)
    } else {
        health::show(&loaded, &common, health::Asked::default(), io)
    }
}
