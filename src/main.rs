//! The `gatepath` command: streams, colours, exit code.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
        || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let (mut stdin, mut err) = (io::stdin().lock(), io::stderr());
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut streams = gatepath::cli::Io {
        stdin: &mut stdin,
        color: !plain && io::stdout().is_terminal(),
        progress: err.is_terminal(),
        out: &mut out,
        err: &mut err,
    };
    // A panic is a bug of ours: say so without the input's data, and exit 70.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            io::stderr(),
            "gatepath {}: internal error at {place}; please report it",
            env!("CARGO_PKG_VERSION")
        );
    }));
    let run = std::panic::AssertUnwindSafe(|| gatepath::cli::run(std::env::args_os(), &mut streams));
    let code = std::panic::catch_unwind(run).unwrap_or(gatepath::cli::exit::BUG);
    ExitCode::from(code)
}
