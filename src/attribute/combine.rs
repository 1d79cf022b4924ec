//! One answer from several: a name with several addresses is one server of the record.

use super::input::Path;
use crate::net::AddressSet;
use crate::solve::{Answer, Decision, Missing, Translated};

/// The combined answer of all addresses of one server.
#[derive(Debug, Clone)]
pub(super) struct Combined {
    /// V.
    pub(super) path: Path,
    /// What decided.
    pub(super) decision: Option<Decision>,
    /// Sources asked about.
    pub(super) sources: AddressSet,
    /// Sources that are denied, of a partial answer.
    pub(super) denied: AddressSet,
    /// What would decide.
    pub(super) missing: Vec<Missing>,
    /// What the deciding rule saw behind a translation.
    pub(super) seen: Option<Translated>,
}

impl Combined {
    /// Nothing was simulated.
    pub(super) fn none() -> Self {
        Combined {
            path: Path::Unknown,
            decision: None,
            sources: AddressSet::default(),
            denied: AddressSet::default(),
            missing: Vec::new(),
            seen: None,
        }
    }

    /// Combines answers: denied only if all are, allowed only if all are; partial as soon as one address is certainly
    /// reached and one certainly not. The decision is that of the first answer with the combined outcome.
    pub(super) fn of(answers: &[&Answer]) -> Self {
        let paths: Vec<Path> = answers.iter().map(|answer| Path::of(answer)).collect();
        let path = combined_path(&paths);
        let decisive = |candidate: Path| match path {
            Path::Partial => matches!(candidate, Path::Partial | Path::Deny | Path::Asymmetric),
            other => candidate == other,
        };
        let chosen = answers.iter().zip(&paths).find(|(_, candidate)| decisive(**candidate)).map(|(answer, _)| *answer);
        let mut out = Combined::none();
        out.path = path;
        let Some(chosen) = chosen else { return out };
        out.decision.clone_from(&chosen.decision);
        out.seen.clone_from(&chosen.seen);
        out.sources = chosen.sources.clone();
        out.denied = if Path::of(chosen) == Path::Partial { chosen.denied.clone() } else { AddressSet::default() };
        out.missing = answers.iter().flat_map(|answer| answer.missing.iter().cloned()).collect();
        out.missing.sort();
        out.missing.dedup();
        out
    }
}

fn combined_path(paths: &[Path]) -> Path {
    let any = |wanted: &[Path]| paths.iter().any(|path| wanted.contains(path));
    let reached = any(&[Path::Allow, Path::Partial]);
    let lost = any(&[Path::Deny, Path::Asymmetric, Path::Partial]);
    match (reached, lost) {
        _ if paths.is_empty() => Path::Unknown,
        (true, true) => Path::Partial,
        _ if any(&[Path::Unknown]) => Path::Unknown,
        (true, false) => Path::Allow,
        _ if any(&[Path::Deny]) => Path::Deny,
        _ => Path::Asymmetric,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_partial_or_unknown() {
        use Path::{Allow, Asymmetric, Deny, Partial, Unknown};
        for (paths, expected) in [
            (&[][..], Unknown),
            (&[Allow, Allow], Allow),
            (&[Deny, Deny], Deny),
            (&[Asymmetric, Asymmetric], Asymmetric),
            (&[Deny, Asymmetric], Deny),
            (&[Allow, Deny], Partial),
            (&[Allow, Deny, Unknown], Partial),
            (&[Partial, Unknown], Partial),
            (&[Allow, Unknown], Unknown),
            (&[Deny, Unknown], Unknown),
            (&[Partial, Deny], Partial),
        ] {
            assert_eq!(combined_path(paths), expected, "{paths:?}");
        }
    }
}
