//! `gatepath explain CODE`.

use super::args::ExplainArgs;
use super::{CliError, Io, exit};
use crate::attribute::{Class, entries, entry_named};
use crate::compile::Stage;
use crate::diagnostic::{CODES, code_named};

/// Prints what a finding, stage, message or class means.
pub(super) fn run(args: &ExplainArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let text = args.code.trim();
    if text.eq_ignore_ascii_case("all") {
        for code in CODES.iter() {
            writeln!(io.out, "{}  {:<34} {}", code.code, code.name, code.title)?;
        }
        for stage in Stage::ALL {
            writeln!(io.out, "stage  {}", stage.name())?;
        }
        for entry in entries() {
            writeln!(io.out, "{:<5}  {}", entry.code, entry.name)?;
        }
        for class in Class::ALL {
            writeln!(io.out, "class  {}", class.name())?;
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
    if let Some(entry) = entry_named(text) {
        writeln!(
            io.out,
            "{} {} (backend-health message, evidence: {})\n",
            entry.code,
            entry.name,
            entry.evidence.word()
        )?;
        writeln!(io.out, "{}\n", entry.manual)?;
        writeln!(io.out, "proves  {}", entry.proves)?;
        writeln!(io.out, "look at {}", entry.look_at)?;
        return Ok(exit::OK);
    }
    if let Some(class) = Class::named(text) {
        writeln!(io.out, "{} (conclusion of gatepath health)\n\n{}", class.name(), class.manual())?;
        return Ok(exit::OK);
    }
    let known = CODES
        .iter()
        .flat_map(|code| [code.code, code.name])
        .chain(Stage::ALL.iter().map(|stage| stage.name()))
        .chain(entries().iter().map(|entry| entry.code))
        .chain(Class::ALL.iter().map(|class| class.name()));
    Err(CliError::Usage(super::load::unknown("code", text, known)))
}
