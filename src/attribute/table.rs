//! The decision table of health.md 6.3: path, recorded state, evidence and time to a class. First match wins.
//!
//! Rule zero: positive proof of L4 outranks the simulation. No row that sees such proof concludes `NETWORK_BLOCK`.
//! Where the table has no row, a row `gap` stands at the place where it would be, and says why.

use super::catalogue::{Cause, Evidence, Message};
use super::class::{Class, Confidence, Grade};
use super::finding::Recorded;
use super::input::{ManagementVerdict, NameState, Path, TimeRelation};
use crate::model::Generation;

/// Is the server one that the gateway probes, as far as the configuration says (row 2)?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coverage {
    /// Pair used by a rule, server in the pool.
    Probed,
    /// No rule uses the pair.
    PairNotUsed,
    /// The record names a server that the pool does not hold.
    NotInPool,
}

/// What siblings say (health.md 6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Contrast {
    /// Nothing.
    None,
    /// A server in the same subnet, same port and setting, is up.
    SiblingUp,
    /// The same server is up on another port.
    OtherPortUp,
}

/// Input of the table, one (pair, server).
#[derive(Debug, Clone)]
pub struct Facts {
    /// V.
    pub path: Path,
    /// S.
    pub recorded: Recorded,
    /// E.
    pub message: Message,
    /// T.
    pub time: TimeRelation,
    /// V on the configuration before the newest change, where that is given (row 13).
    pub earlier: Option<Path>,
    /// T is that of the first failure that a history shows.
    pub history: bool,
    /// Is it probed at all?
    pub coverage: Coverage,
    /// The member's name.
    pub name: NameState,
    /// M.
    pub management: ManagementVerdict,
    /// Isolated gateway.
    pub isolated: bool,
    /// v1 or v2.
    pub generation: Option<Generation>,
    /// The member is the name of a platform service (row 27).
    pub platform_service: bool,
    /// A hop was assumed to be transparent (row 25).
    pub opaque_hop: bool,
    /// Sib.
    pub contrast: Contrast,
}

/// What a row concludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conclusion {
    /// Row of health.md 6.3, or `gap`.
    pub row: &'static str,
    /// Primary class.
    pub class: Class,
    /// Further classes.
    pub also: Vec<Class>,
    /// Confidence.
    pub confidence: Confidence,
    /// Grade of a `NETWORK_BLOCK`.
    pub grade: Option<Grade>,
}

impl Facts {
    fn evidence(&self) -> Evidence {
        self.message.evidence()
    }

    /// The probe reached TCP, for whatever it found there.
    fn proven(&self) -> bool {
        self.evidence().proves_layer4()
    }

    fn success(&self) -> bool {
        // A request that was answered is no probe: under Down it shows that something else than the path fails.
        let requested = self.evidence() == Evidence::AccessLog;
        self.evidence() == Evidence::Success || requested && self.recorded != Recorded::Down
    }

    /// TCP works and something above it does not.
    fn refused(&self) -> bool {
        self.proven() && !self.success()
    }

    fn tls(&self) -> bool {
        self.evidence() == Evidence::Tls
    }

    fn connect_fail(&self) -> bool {
        self.evidence() == Evidence::ConnectFail
    }

    fn timeout(&self) -> bool {
        self.evidence() == Evidence::Timeout
    }

    fn unreached(&self) -> bool {
        self.connect_fail() || self.timeout()
    }

    fn dns(&self) -> bool {
        self.evidence() == Evidence::Dns
    }

    fn mgmt(&self) -> bool {
        self.evidence() == Evidence::Mgmt
    }

    /// No message, or one that says nothing about this server.
    fn silent(&self) -> bool {
        matches!(self.evidence(), Evidence::None | Evidence::Unclassified)
    }

    /// Recorded Up, or Unknown with a newer success (health.md 3.1 fact 8: the message is newer than the state).
    fn up(&self) -> bool {
        self.recorded == Recorded::Up || self.recorded == Recorded::Unknown && self.success()
    }

    /// Recorded Down, or Unknown with a newer failure.
    fn down(&self) -> bool {
        let failed = self.refused() || self.unreached() || self.dns();
        self.recorded == Recorded::Down || self.recorded == Recorded::Unknown && failed
    }

    /// Health was not retrieved: state Unknown with nothing but the management text (E = Mgmt is "M23/Unknown").
    fn unanswered(&self) -> bool {
        self.recorded == Recorded::Unknown && (self.mgmt() || self.silent())
    }

    fn name_doubtful(&self) -> bool {
        matches!(self.name, NameState::Unresolved | NameState::ZoneNotLinked)
    }

    /// The class of a failure above TCP; status 403 of a platform service is its access restriction (row 27).
    fn refusal(&self) -> (Class, Confidence) {
        let high = |class| (class, Confidence::High);
        match self.message.entry.map(|entry| entry.cause) {
            Some(Cause::TlsTrust) => high(Class::TlsTrust),
            Some(Cause::TlsName) => high(Class::TlsName),
            Some(Cause::TlsExpiry) => high(Class::TlsExpiry),
            Some(Cause::TlsChain) => high(Class::TlsChain),
            Some(Cause::TlsOther) => high(Class::TlsOther),
            Some(Cause::ProbeBody) => high(Class::ProbeMismatchBody),
            Some(Cause::ProxyProtocol) => high(Class::ProbeMismatchProxy),
            _ if self.forbidden() => (Class::ServiceAcl, Confidence::Medium),
            _ => high(Class::ProbeMismatchStatus),
        }
    }

    fn forbidden(&self) -> bool {
        self.platform_service && self.message.http_status == Some(403)
    }

    /// The refusal's class, or nothing after a success.
    fn refusal_class(&self) -> Option<Class> {
        self.refused().then(|| self.refusal().0)
    }

    /// The cause of a failure that the network does not explain, as rows 24, 25 and the gap beside them.
    fn other_cause(&self) -> (Class, Confidence) {
        if self.connect_fail() {
            (Class::BackendNotListeningOrDown, Confidence::Medium)
        } else if self.timeout() {
            (Class::BackendSlowOrDown, Confidence::Medium)
        } else {
            (Class::Indeterminate, Confidence::Low)
        }
    }

    /// A history shows that it failed before the change, without proof of another cause.
    fn failed_before(&self) -> bool {
        self.history && self.time == TimeRelation::After && self.down() && (self.unreached() || self.silent())
    }

    /// What waits on the path behind another cause.
    fn waiting(&self) -> Option<Class> {
        match self.path {
            Path::Deny => Some(Class::LatentBlock),
            Path::Partial => Some(Class::PartialSourceCoverage),
            Path::Asymmetric => Some(Class::NetworkAsymmetry),
            Path::Allow | Path::Unknown => None,
        }
    }

    /// The contradiction or latent block that goes with proof of L4 on a denied path (rows 16, 17, 17b).
    fn disproof(&self) -> Vec<Class> {
        match self.time {
            TimeRelation::Before => vec![Class::ContradictionBlockedButAnswered],
            TimeRelation::NoTime => vec![Class::LatentBlock, Class::ContradictionBlockedButAnswered],
            TimeRelation::During | TimeRelation::After => vec![Class::LatentBlock],
        }
    }
}

/// One row: when it applies, and what it concludes.
struct Row {
    id: &'static str,
    applies: fn(&Facts) -> bool,
    conclude: fn(&Facts) -> Outcome,
}

/// Class, further classes, confidence, grade.
type Outcome = (Class, Vec<Class>, Confidence, Option<Grade>);

fn is(class: Class, confidence: Confidence) -> Outcome {
    (class, Vec::new(), confidence, None)
}

fn with(class: Class, also: impl IntoIterator<Item = Class>, confidence: Confidence) -> Outcome {
    (class, also.into_iter().collect(), confidence, None)
}

fn block(grade: Grade, confidence: Confidence) -> Outcome {
    (Class::NetworkBlock, Vec::new(), confidence, Some(grade))
}

/// Applies the table (health.md 6.3).
pub fn decide(facts: &Facts) -> Conclusion {
    let groups = [FIRST, UNKNOWN_STATE, DENY_UP, DENY_DOWN, ASYMMETRIC, PARTIAL, ALLOW, UNKNOWN_PATH, LAST];
    let row = groups.iter().flat_map(|group| group.iter()).find(|row| (row.applies)(facts));
    let (id, (class, mut also, confidence, grade)) = match row {
        Some(row) => (row.id, (row.conclude)(facts)),
        None => ("gap", is(Class::Indeterminate, Confidence::Low)),
    };
    also.retain(|other| *other != class);
    Conclusion { row: id, class, also, confidence, grade }
}

macro_rules! rows {
    ($(#[$doc:meta])* $name:ident: $($id:literal if $applies:expr => $conclude:expr;)*) => {
        $(#[$doc])*
        const $name: &[Row] = &[$(Row { id: $id, applies: $applies, conclude: $conclude }),*];
    };
}

use Class as C;
use Confidence::{Confirmed, High, Low, Medium};
use TimeRelation::{After, Before, During, NoTime};

rows! {
    /// Rows 1 and 2: nothing was probed.
    FIRST:
    // 1: the record's list of servers is empty.
    "1" if |f| f.recorded == Recorded::Empty => |_| is(C::NoTargets, High);
    // gap: M25. No permission is no data, and 6.2 has no class for it; NOT_PROBED would be wrong.
    "gap" if |f| f.evidence() == Evidence::NoPermission => |_| is(C::Indeterminate, Low);
    // 2: absent from the record, or from the configuration.
    "2" if |f| f.recorded == Recorded::Absent || f.coverage != Coverage::Probed => |_| is(C::NotProbed, High);
}

rows! {
    /// Rows 3 to 6: health was not retrieved. No claim about the data path.
    UNKNOWN_STATE:
    // 3: both causes are listed; DNS is preferred unless the management path is denied.
    "3" if |f| f.unanswered() && f.name_doubtful() => |f| match f.management {
        ManagementVerdict::Deny => with(C::ManagementPath, [C::Dns], Medium),
        _ => with(C::Dns, [C::ManagementPath], Medium),
    };
    // 4
    "4" if |f| f.unanswered() && f.management == ManagementVerdict::Deny => |_| is(C::ManagementPath, High);
    // 5
    "5" if |f| f.unanswered() && f.isolated && f.management == ManagementVerdict::Allow => |_| is(C::Indeterminate, Medium);
    // 6
    "6" if |f| f.unanswered() && f.management == ManagementVerdict::Allow => |_| is(C::Indeterminate, Low);
    // gap: the management path itself is not decidable.
    "gap" if |f| f.unanswered() => |_| is(C::Indeterminate, Low);
    // gap: M23 under Down or Up (section 2: recorded on v1). The text is newer than the state, so as rows 3 and 4, less sure.
    "gap" if |f| f.mgmt() && f.recorded == Recorded::Down && f.name_doubtful() => |_| with(C::Dns, [C::ManagementPath], Low);
    "gap" if |f| f.mgmt() && f.management == ManagementVerdict::Deny => |_| is(C::ManagementPath, Medium);
    // gap: M23 under Down on a denied path: the text says nothing about the path, so as row 19.
    "gap" if |f| f.mgmt() && f.recorded == Recorded::Down && f.path == Path::Deny => |_| block(Grade::Possible, Low);
    "gap" if |f| f.mgmt() && f.recorded == Recorded::Down => |_| is(C::Indeterminate, Low);
}

rows! {
    /// Rows 7 to 11c: denied and up.
    DENY_UP:
    // 7: the record wins.
    "7" if |f| f.path == Path::Deny && f.up() && f.proven() && f.time == Before =>
        |f| with(C::ContradictionBlockedButAnswered, f.refusal_class(), High);
    // 8: the record is older than the change.
    "8" if |f| f.path == Path::Deny && f.up() && f.proven() && f.time == After => |f| with(C::LatentBlock, f.refusal_class(), High);
    // 9
    "9" if |f| f.path == Path::Deny && f.up() && f.proven() && f.time == During => |f| with(C::Transition, f.refusal_class(), Medium);
    // 9b
    "9b" if |f| f.path == Path::Deny && f.up() && f.proven() && f.time == NoTime =>
        |f| with(C::ContradictionBlockedButAnswered, f.refusal_class(), Medium);
    // 10: the state lags the message.
    "10" if |f| f.path == Path::Deny && f.up() && f.unreached() => |_| with(C::Transition, [C::NetworkBlock], High);
    // gap: the same lag, and the name does not resolve.
    "gap" if |f| f.path == Path::Deny && f.up() && f.dns() => |_| with(C::Transition, [C::Dns, C::LatentBlock], Medium);
    // 11
    "11" if |f| f.path == Path::Deny && f.up() && f.time == Before => |_| is(C::ContradictionBlockedButHealthy, Medium);
    // 11b
    "11b" if |f| f.path == Path::Deny && f.up() && f.time == After => |_| is(C::LatentBlock, High);
    "11b" if |f| f.path == Path::Deny && f.up() && f.time == During => |_| is(C::Transition, Medium);
    // 11c
    "11c" if |f| f.path == Path::Deny && f.up() => |_| is(C::ContradictionBlockedButHealthy, Low);
}

rows! {
    /// Rows 11d to 19: down, and the path is denied.
    DENY_DOWN:
    // 11d: any path. M04 can be DNS in disguise (3.1 fact 3).
    "11d" if |f| f.down() && f.connect_fail() && f.name_doubtful() => |f| with(C::Dns, f.waiting(), Medium);
    // gap: Down with a success text. The newest probe worked, so the state is about to follow; on v1 this is how a
    // blocked management range was seen to surface (section 2).
    "gap" if |f| f.recorded == Recorded::Down && f.success() => |f| {
        let v1 = f.generation == Some(Generation::V1) && f.management == ManagementVerdict::Deny;
        let also = if f.path == Path::Deny { f.disproof() } else { f.waiting().into_iter().collect() };
        if v1 { with(C::ManagementPath, also, Medium) } else { with(C::Transition, also, Medium) }
    };
    // 12: confirmed.
    "12" if |f| f.path == Path::Deny && f.down() && f.connect_fail() && f.time == Before => |_| block(Grade::Confirmed, Confirmed);
    // 12b
    "12b" if |f| f.path == Path::Deny && f.down() && f.unreached() && f.time == During => |_| block(Grade::Likely, Medium);
    // 13: the change cannot explain an earlier failure; judged as rows 24 and 25 on the configuration before it.
    // Without a message row 19 has no time; a history that shows the failure before the change outranks it (README choice 2).
    "13" if |f| f.path == Path::Deny && f.down() && f.time == After && (f.unreached() || f.silent() && f.history) => |f| {
        let (class, confidence) = f.other_cause();
        match f.earlier {
            None | Some(Path::Allow) => with(class, [C::LatentBlock], confidence),
            Some(Path::Deny) => block(Grade::Likely, Medium),
            Some(Path::Partial) => with(C::PartialSourceCoverage, [C::LatentBlock], Medium),
            Some(Path::Asymmetric) => with(C::NetworkAsymmetry, [C::LatentBlock], Medium),
            Some(Path::Unknown) => with(C::Indeterminate, [C::LatentBlock], Low),
        }
    };
    // 14
    "14" if |f| f.path == Path::Deny && f.down() && f.connect_fail() => |_| block(Grade::Likely, Medium);
    // 15
    "15" if |f| f.path == Path::Deny && f.down() && f.timeout() => |_| block(Grade::Likely, Medium);
    // 16: primary cause is TLS, the model or the input is wrong.
    "16" if |f| f.path == Path::Deny && f.down() && f.tls() && f.time == Before => |f| with(f.refusal().0, f.disproof(), f.refusal().1);
    // 17
    "17" if |f| f.path == Path::Deny && f.down() && f.refused() && f.time == Before => |f| with(f.refusal().0, f.disproof(), f.refusal().1);
    // 17b
    "17b" if |f| f.path == Path::Deny && f.down() && f.refused() => |f| with(f.refusal().0, f.disproof(), f.refusal().1);
    // 18: fixing DNS will expose the block.
    "18" if |f| f.path == Path::Deny && f.down() && f.dns() => |_| with(C::Dns, [C::LatentBlock], High);
    // 19
    "19" if |f| f.path == Path::Deny && f.down() => |_| block(Grade::Possible, Low);
}

rows! {
    /// Rows 20 and 21: request and reply take different ways.
    ASYMMETRIC:
    // gap: as row 13.
    "gap" if |f| f.path == Path::Asymmetric && f.failed_before() && matches!(f.earlier, None | Some(Path::Allow)) =>
        |f| with(f.other_cause().0, [C::NetworkAsymmetry], f.other_cause().1);
    // 20
    "20" if |f| f.path == Path::Asymmetric && (f.down() || f.up()) && f.unreached() => |_| is(C::NetworkAsymmetry, Medium);
    // 21: tolerated, or not real.
    "21" if |f| f.path == Path::Asymmetric && f.proven() && f.time == Before =>
        |f| is(f.refusal_class().unwrap_or(C::HealthyConsistent), Medium);
    // gap: without a time the answer still proves the way; a change after the record may have brought the asymmetry.
    "gap" if |f| f.path == Path::Asymmetric && f.proven() => |f| {
        let later = (f.time != NoTime).then_some(C::NetworkAsymmetry);
        with(f.refusal_class().unwrap_or(C::HealthyConsistent), later, Medium)
    };
    // gap: as row 18.
    "gap" if |f| f.path == Path::Asymmetric && f.down() && f.dns() => |_| with(C::Dns, [C::NetworkAsymmetry], High);
    "gap" if |f| f.path == Path::Asymmetric && f.up() && f.dns() => |_| with(C::Transition, [C::Dns, C::NetworkAsymmetry], Medium);
    // gap: as rows 19 and 11c, with the asymmetry in the place of the block.
    "gap" if |f| f.path == Path::Asymmetric && f.down() => |_| is(C::NetworkAsymmetry, Low);
    "gap" if |f| f.path == Path::Asymmetric && f.up() => |_| with(C::HealthyConsistent, [C::NetworkAsymmetry], Low);
}

rows! {
    /// Rows 22 and 23: some sources are denied.
    PARTIAL:
    // gap: as row 13.
    "gap" if |f| f.path == Path::Partial && f.failed_before() && matches!(f.earlier, None | Some(Path::Allow)) =>
        |f| with(f.other_cause().0, [C::PartialSourceCoverage], f.other_cause().1);
    // gap: rule zero. A failure above TCP, or before it in DNS, is not explained by missing sources.
    "gap" if |f| f.path == Path::Partial && f.down() && f.refused() => |f| with(f.refusal().0, [C::PartialSourceCoverage], f.refusal().1);
    "gap" if |f| f.path == Path::Partial && f.down() && f.dns() => |_| with(C::Dns, [C::PartialSourceCoverage], High);
    "gap" if |f| f.path == Path::Partial && f.up() && (f.refused() || f.dns()) => |f| {
        let cause = f.refusal_class().unwrap_or(C::Dns);
        with(C::Transition, [cause, C::PartialSourceCoverage], Medium)
    };
    // 22: any failure; Down or Partial without a message is one too.
    "22" if |f| f.path == Path::Partial && (f.unreached() || f.down() || f.recorded == Recorded::Partial) =>
        |_| is(C::PartialSourceCoverage, Medium);
    // 23: a risk, not a fault yet.
    "23" if |f| f.path == Path::Partial && f.up() && f.proven() => |_| is(C::PartialSourceCoverage, Medium);
    // gap: as row 23, proven by the state alone.
    "gap" if |f| f.path == Path::Partial && f.up() => |_| is(C::PartialSourceCoverage, Medium);
}

rows! {
    /// Rows 24a to 31: the path is open.
    ALLOW:
    // 24a: on v1 a management block can surface as Unhealthy.
    "24a" if |f| {
        let v1 = f.generation == Some(Generation::V1) && f.management == ManagementVerdict::Deny;
        v1 && f.path == Path::Allow && f.down() && (f.silent() || f.timeout())
    } => |_| is(C::ManagementPath, Low);
    // gap: the mirror of row 13. The record is older than the change that opened the path: it was denied then.
    // Without a time it may be.
    "gap" if |f| f.path == Path::Allow && f.earlier == Some(Path::Deny) && matches!(f.time, After | NoTime) && f.down()
        && (f.unreached() || f.silent()) => |f| if f.time == After { block(Grade::Likely, Medium) } else { block(Grade::Possible, Low) };
    // 24: the NSG is not to blame although the text speaks of it.
    "24" if |f| f.path == Path::Allow && f.down() && f.connect_fail() => |f| match (f.name, f.contrast) {
        (NameState::Stale, _) => is(C::Dns, Medium),
        (_, Contrast::None) => is(C::BackendNotListeningOrDown, Medium),
        _ => is(C::BackendNotListeningOrDown, High),
    };
    // 25: lower behind an opaque hop.
    "25" if |f| f.path == Path::Allow && f.down() && f.timeout() =>
        |f| is(C::BackendSlowOrDown, if f.opaque_hop { Low } else { Medium });
    // 26
    "26" if |f| f.path == Path::Allow && f.down() && f.tls() => |f| is(f.refusal().0, High);
    // 27
    "27" if |f| f.path == Path::Allow && f.down() && f.forbidden() => |f| is(f.refusal().0, f.refusal().1);
    // 28
    "28" if |f| f.path == Path::Allow && f.down() && f.refused() => |f| is(f.refusal().0, High);
    // 29
    "29" if |f| f.path == Path::Allow && f.down() && f.dns() => |_| is(C::Dns, High);
    // gap: Down, and nothing that says why.
    "gap" if |f| f.path == Path::Allow && f.down() => |_| is(C::Indeterminate, Low);
    // 30
    "30" if |f| f.path == Path::Allow && f.recorded == Recorded::Up && (f.success() || f.silent()) => |_| is(C::HealthyConsistent, High);
    // 31: failing now for a reason outside the modelled path.
    "31" if |f| f.path == Path::Allow && f.recorded == Recorded::Up && (f.unreached() || f.refused() || f.dns()) => |f| {
        let cause = if f.dns() { Some(C::Dns) } else { f.refusal_class() };
        with(C::Transition, cause, Medium)
    };
    // gap: 200 under Unknown is no error (3.1 fact 8); management text under Up leaves the state as proof.
    "gap" if |f| f.path == Path::Allow && f.up() => |_| is(C::HealthyConsistent, Medium);
}

rows! {
    /// Rows 32 to 34: the path is not decidable; the record may decide.
    UNKNOWN_PATH:
    // 32: the record teaches that the path is open.
    "32" if |f| f.path == Path::Unknown && f.recorded == Recorded::Up && f.success() => |_| is(C::HealthyConsistent, High);
    // gap: Up with a failure text: the state lags.
    "gap" if |f| f.path == Path::Unknown && f.up() && f.unreached() => |_| is(C::Transition, Low);
    "gap" if |f| f.path == Path::Unknown && f.up() && (f.refused() || f.dns()) => |f| with(C::Transition, f.refusal_class().or(Some(C::Dns)), Medium);
    // gap: Up without a success text proves an earlier L4 only; 200 under Unknown as in row 30's gap.
    "gap" if |f| f.path == Path::Unknown && f.up() => |_| is(C::HealthyConsistent, Medium);
    // 33: what is missing decides.
    "33" if |f| f.path == Path::Unknown && f.down() && f.unreached() => |_| is(C::Indeterminate, Low);
    // 34: the network is ruled out, or was never reached, without simulation.
    "34" if |f| f.path == Path::Unknown && f.down() && f.refused() => |f| is(f.refusal().0, f.refusal().1);
    "34" if |f| f.path == Path::Unknown && f.down() && f.dns() => |_| is(C::Dns, High);
    // gap: Down, and neither path nor message.
    "gap" if |f| f.path == Path::Unknown && f.down() => |_| is(C::Indeterminate, Low);
}

rows! {
    /// Rows 35 and 36: states that are no health.
    LAST:
    // 35
    "35" if |f| f.recorded == Recorded::Draining => |_| is(C::NotAFault, High);
    // 36: undocumented, a candidate only. A failure above TCP is named beside it.
    "36" if |f| f.recorded == Recorded::Partial => |f| with(C::PartialSourceCoverage, f.refusal_class(), Low);
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
