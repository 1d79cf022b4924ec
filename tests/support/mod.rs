//! What several test programs need: running the command line in this process.

#![allow(dead_code, unreachable_pub, reason = "not every test program needs everything")]

use std::ffi::OsString;

/// The result of one command line.
#[derive(Debug)]
pub struct Ran {
    /// Exit code.
    pub code: u8,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `gatepath ARGUMENTS` with the given standard input.
pub fn gatepath_with(arguments: &[&str], stdin: &[u8]) -> Ran {
    let (mut out, mut err, mut stdin) = (Vec::new(), Vec::new(), stdin);
    let mut io = gatepath::cli::Io { stdin: &mut stdin, out: &mut out, err: &mut err, color: false, progress: false };
    let line = std::iter::once("gatepath").chain(arguments.iter().copied()).map(OsString::from);
    let code = gatepath::cli::run(line, &mut io);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code, out: text(out), err: text(err) }
}

/// Runs `gatepath ARGUMENTS`.
pub fn gatepath(arguments: &[&str]) -> Ran {
    gatepath_with(arguments, b"")
}

/// Says that a test was skipped, past the capture of test output.
pub fn skipped(test: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "skipped: {test} (GATEPATH_SHARED is not set)");
}
