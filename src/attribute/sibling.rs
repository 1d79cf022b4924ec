//! Sibling contrast: what servers on the same hops say (health.md 6.6).

use super::catalogue::Evidence;
use super::finding::Recorded;
use super::input::Path;
use super::join::Case;
use super::table::Contrast;
use std::collections::BTreeMap;

/// Gateway, setting, subnet.
type Hops<'a> = (usize, &'a str, &'a str);

/// Servers that are up, by what they share with others.
#[derive(Debug, Default)]
pub(super) struct Siblings<'a> {
    /// Servers by gateway, setting (hence port) and subnet.
    by_hops: BTreeMap<Hops<'a>, Vec<&'a str>>,
    /// Probed ports by gateway and server.
    by_server: BTreeMap<(usize, String), Vec<u16>>,
    /// Pairs with an open path, whatever was recorded, by gateway and server.
    open: BTreeMap<(usize, String), Vec<String>>,
}

impl<'a> Siblings<'a> {
    /// Collects the servers that are up on an open path.
    pub(super) fn of(cases: &[Case<'a>]) -> Self {
        let mut out = Siblings::default();
        for case in cases.iter().filter(|case| case.probe.path == Path::Allow) {
            let Some(label) = case.joined.label.as_deref() else { continue };
            let pairs = out.open.entry((case.joined.pair.gateway, label.to_ascii_lowercase())).or_default();
            pairs.push(format!("{}/{}", case.pool_name(), case.setting_name()));
            pairs.sort_unstable();
        }
        for case in cases.iter().filter(|case| is_up(case)) {
            let Some(label) = case.joined.label.as_deref() else { continue };
            if let Some(hops) = hops(case) {
                out.by_hops.entry(hops).or_default().push(label);
            }
            if let Some(setting) = case.setting {
                let ports = out.by_server.entry((case.joined.pair.gateway, label.to_ascii_lowercase())).or_default();
                ports.push(setting.probe_port);
                ports.sort_unstable();
            }
        }
        out
    }

    /// Another server in the same subnet, probed through the same setting, that is up.
    pub(super) fn sibling_up(&self, case: &Case<'a>) -> Option<&'a str> {
        let own = case.joined.label.as_deref();
        self.by_hops.get(&hops(case)?)?.iter().copied().find(|label| Some(*label) != own)
    }

    /// Another port on which the same server is up.
    pub(super) fn other_port_up(&self, case: &Case<'a>) -> Option<u16> {
        let label = case.joined.label.as_deref()?.to_ascii_lowercase();
        let own = case.setting.map(|setting| setting.probe_port);
        self.by_server.get(&(case.joined.pair.gateway, label))?.iter().copied().find(|port| Some(*port) != own)
    }

    /// A pair under which the path of the same server is open.
    pub(super) fn open_pair(&self, case: &Case<'a>) -> Option<String> {
        let label = case.joined.label.as_deref()?.to_ascii_lowercase();
        self.open.get(&(case.joined.pair.gateway, label))?.first().cloned()
    }

    /// The contrast that row 24 asks for.
    pub(super) fn contrast(&self, case: &Case<'a>) -> Contrast {
        if self.sibling_up(case).is_some() {
            Contrast::SiblingUp
        } else if self.other_port_up(case).is_some() {
            Contrast::OtherPortUp
        } else {
            Contrast::None
        }
    }
}

/// Up by the state, and no newer failure in the message.
fn is_up(case: &Case<'_>) -> bool {
    let quiet = matches!(case.message.evidence(), Evidence::Success | Evidence::None);
    case.recorded == Recorded::Up && quiet && case.probe.path == Path::Allow
}

fn hops<'a>(case: &Case<'a>) -> Option<Hops<'a>> {
    let subnet = case.servers.iter().find_map(|server| server.subnet.as_deref())?;
    Some((case.joined.pair.gateway, case.joined.pair.setting.key(), subnet))
}
