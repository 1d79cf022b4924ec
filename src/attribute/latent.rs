//! Backends that are healthy now and whose path is blocked or partly blocked: what will happen at the next probe, request
//! or scale-out (interface.md A5c).

use super::class::Class;
use super::explain::{blocker, denied_prefixes, listed};
use super::finding::Recorded;
use super::input::Path;
use super::join::Case;
use super::table::{Conclusion, Coverage};
use std::fmt::Write as _;

/// What will happen, in a sentence; `None` where nothing waits, or the server is not healthy now.
pub(super) fn prediction(case: &Case<'_>, conclusion: &Conclusion) -> Option<String> {
    if case.recorded != Recorded::Up || case.joined.coverage != Coverage::Probed {
        return None;
    }
    let by = |answer: &super::combine::Combined| answer.decision.as_ref().map_or("a deny".to_owned(), blocker);
    let mut out = match case.probe.path {
        Path::Deny | Path::Asymmetric => {
            let lost = if case.probe.path == Path::Deny { "is denied by" } else { "loses its reply to" };
            let mut text = format!("its path {lost} {}", by(&case.probe));
            text.push_str(match conclusion.class {
                Class::ContradictionBlockedButAnswered | Class::ContradictionBlockedButHealthy => {
                    ": if that is in force now, it goes Down when the next probes fail; the record says that it was not"
                }
                Class::HealthyConsistent => ": tolerated until a stateful device stands in the way",
                _ => ": it goes Down when the next probes have failed",
            });
            if let Some(setting) = case.setting.filter(|setting| setting.min_servers > 0) {
                let _ = write!(text, "; minServers {} may keep it in rotation all the same", setting.min_servers);
            }
            text
        }
        Path::Partial => {
            let denied = listed(&denied_prefixes(case, &case.probe));
            let from = denied.map_or("a denied address".to_owned(), |denied| format!("an address in {denied}"));
            format!(
                "it fails from a gateway instance at {from}, after a scale-out or a platform upgrade: {}",
                by(&case.probe)
            )
        }
        Path::Allow | Path::Unknown => String::new(),
    };
    if let (Some(data), Some(setting)) = (&case.data, case.setting)
        && matches!(data.path, Path::Deny | Path::Partial | Path::Asymmetric)
        // A request that was answered there says otherwise.
        && case.history.is_none_or(|history| history.proof_port != Some(setting.data_port))
    {
        let some = if data.path == Path::Partial { " from some gateway instances" } else { "" };
        let sep = if out.is_empty() { "" } else { "; " };
        let _ = write!(
            out,
            "{sep}requests to port {} fail{some} although the probe is answered: {}",
            setting.data_port,
            by(data)
        );
    }
    (!out.is_empty()).then_some(out)
}
