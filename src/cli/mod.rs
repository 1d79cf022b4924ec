//! The command line: one file a subcommand. Data goes to standard output, messages to standard error.

mod args;
mod azure;
mod bisect;
mod changes;
mod check;
mod demo;
mod endpoint;
mod explain;
mod guide;
mod health;
mod inspect;
mod lint;
mod load;
mod matrix;
mod progress;
mod replay;
mod tables;

use args::{Cli, Color, Command, OnUnknown};
use clap::FromArgMatches as _;
use std::ffi::OsString;
use std::io::{self, Read, Write};

/// Streams and surroundings of a run; tests give their own.
pub struct Io<'a> {
    /// Standard input.
    pub stdin: &'a mut dyn Read,
    /// Standard output: data.
    pub out: &'a mut dyn Write,
    /// Standard error: messages.
    pub err: &'a mut dyn Write,
    /// Colours are wanted where `--color auto` decides.
    pub color: bool,
    /// Standard error is a terminal: a progress bar may be drawn.
    pub progress: bool,
}

impl std::fmt::Debug for Io<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Io").field("color", &self.color).finish_non_exhaustive()
    }
}

/// Why a run could not be done.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// The question cannot be asked like this.
    #[error("{0}")]
    Usage(String),
    /// Nothing given is in a known format.
    #[error("nothing to analyse: no input is in a format that is read here")]
    NothingUsable,
    /// An output could not be written, or an input not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Exit codes (design.md, output contract).
pub mod exit {
    /// Asked and all is well.
    pub const OK: u8 = 0;
    /// Findings.
    pub const FINDINGS: u8 = 1;
    /// Could not run.
    pub const COULD_NOT_RUN: u8 = 2;
    /// No finding, but an asked answer is unknown.
    pub const UNKNOWN: u8 = 3;
    /// A bug of gatepath.
    pub const BUG: u8 = 70;
    /// The reader closed the pipe.
    pub const CLOSED_PIPE: u8 = 141;
}

/// Runs one command line and returns its exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>, io: &mut Io<'_>) -> u8 {
    let parsed = Cli::with_formats().try_get_matches_from(arguments).and_then(|found| Cli::from_arg_matches(&found));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage(&error, io),
    };
    match dispatch(cli, io).and_then(|code| io.out.flush().map(|()| code).map_err(CliError::Io)) {
        Ok(code) => code,
        Err(CliError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => exit::CLOSED_PIPE,
        Err(error) => {
            let _ = writeln!(io.err, "gatepath: {}", crate::report::text::printable(&error.to_string()));
            exit::COULD_NOT_RUN
        }
    }
}

/// Help and version go to standard output with exit 0, mistakes to standard error with exit 2.
fn usage(error: &clap::Error, io: &mut Io<'_>) -> u8 {
    let text = error.render();
    if error.use_stderr() {
        let _ = write!(io.err, "{text}");
        exit::COULD_NOT_RUN
    } else {
        let _ = write!(io.out, "{text}");
        exit::OK
    }
}

fn dispatch(cli: Cli, io: &mut Io<'_>) -> Result<u8, CliError> {
    match cli.command {
        None if cli.paths.is_empty() => guide::print(io),
        None => guide::answer(cli.paths, io),
        Some(Command::Inspect(args)) => inspect::run(&args, io),
        Some(Command::Check(args)) => check::run(&args, io),
        Some(Command::Matrix(args)) => matrix::run(&args, io),
        Some(Command::Health(args)) => health::run(&args, io),
        Some(Command::Bisect(args)) => bisect::run(&args, io),
        Some(Command::Replay(args)) => replay::run(&args, io),
        Some(Command::Lint(args)) => lint::run(&args, io),
        Some(Command::Explain(args)) => explain::run(&args, io),
        Some(Command::Demo(args)) => demo::run(&args, io),
    }
}

/// A format that belongs to another question.
fn no_format(format: args::Format) -> CliError {
    CliError::Usage(match format {
        args::Format::Md => "md is a format of health".to_owned(),
        _ => "azure-diag and azure-ipflow are for one question: check --from A --to B:PORT".to_owned(),
    })
}

/// How text is to look.
fn look(color: Color, io: &Io<'_>) -> crate::report::text::Look {
    let color = match color {
        Color::Auto => io.color,
        Color::Always => true,
        Color::Never => false,
    };
    crate::report::text::Look { color }
}

/// Exit code of an answering command.
fn exit_code(findings: bool, unknown: bool, on_unknown: OnUnknown) -> u8 {
    match (findings, unknown, on_unknown) {
        (true, _, _) | (false, true, OnUnknown::Error) => exit::FINDINGS,
        (false, true, OnUnknown::Unknown) => exit::UNKNOWN,
        _ => exit::OK,
    }
}
