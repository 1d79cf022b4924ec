//! `gatepath demo`.
use super::args::DemoArgs;
use super::{CliError, Io};
pub(super) fn run(_args: &DemoArgs, _io: &mut Io<'_>) -> Result<u8, CliError> {
    Err(CliError::NothingUsable)
}
