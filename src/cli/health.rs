//! `gatepath health`.
use super::args::HealthArgs;
use super::{CliError, Io};
pub(super) fn run(_args: &HealthArgs, _io: &mut Io<'_>) -> Result<u8, CliError> {
    Err(CliError::NothingUsable)
}
