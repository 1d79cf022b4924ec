//! `gatepath explain CODE`.

use super::args::ExplainArgs;
use super::{CliError, Io, exit};
use crate::compile::Stage;
use crate::diagnostic::{CODES, code_named};

/// Prints what a finding, stage, message or class means.
pub(super) fn run(args: &ExplainArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let text = args.code.trim();
    if text.eq_ignore_ascii_case("all") {
        for code in CODES {
            writeln!(io.out, "{}  {:<34} {}", code.code, code.name, code.title)?;
        }
        for stage in Stage::ALL {
            writeln!(io.out, "stage  {}", stage.name())?;
        }
        return Ok(exit::OK);
    }
    if let Some(code) = code_named(text) {
        writeln!(io.out, "{} {} ({})\n", code.code, code.name, code.severity.word())?;
        writeln!(io.out, "{}\n", code.title)?;
        writeln!(io.out, "why   {}", code.why)?;
        writeln!(io.out, "fix   {}", code.fix)?;
        if let Some(azure) = code.azure_error {
            writeln!(io.out, "Azure {azure}")?;
        }
        return Ok(exit::OK);
    }
    if let Some(stage) = Stage::ALL.iter().find(|stage| stage.name().eq_ignore_ascii_case(text)) {
        let number = Stage::ALL.iter().position(|other| other == stage).unwrap_or(0) + 1;
        writeln!(io.out, "{} (stage {number} of {})\n\n{}", stage.name(), Stage::ALL.len(), stage.manual())?;
        return Ok(exit::OK);
    }
    let known = CODES.iter().flat_map(|code| [code.code, code.name]).chain(Stage::ALL.iter().map(|stage| stage.name()));
    Err(CliError::Usage(super::load::unknown("code", text, known)))
}
