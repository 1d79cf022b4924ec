//! One test per row of health.md 6.3, rule zero over the whole input space, and the gaps.

use super::super::catalogue::{classify, entries};
use super::*;

const M01: &str = "Success. Received 200 status code";
const M02: &str = "Time taken by the backend to respond to application gateway's health probe is more than the timeout threshold in the probe setting.";
const M03: &str = "Application Gateway could not create a probe for this backend.";
const M04: &str =
    "Cannot connect to backend server. Check whether any NSG/UDR/Firewall is blocking access to the server.";
const M05: &str =
    "Status code of the backend's HTTP response did not match the probe setting. Expected:{200-399} Received:{403}.";
const M06: &str = "Received response body does not contain {ready}.";
const M08: &str = "Current date is not within the \"Valid from\" and \"Valid to\" date range on the certificate.";
const M09: &str = "The Intermediate certificate is missing from the certificate chain.";
const M22: &str = "Verify that the backend server is set up to accept the Proxy protocol header sent by the probes.";
const M23: &str = "The backend health status could not be retrieved.";
const M24: &str = "The backend pool has no healthy servers.";
const M25: &str = "No results.";
const M27: &str = "Probe state 0x2C reported by instance.";

fn facts(path: Path, recorded: Recorded, message: Option<&str>, time: TimeRelation) -> Facts {
    Facts {
        path,
        recorded,
        message: classify(message),
        time,
        earlier: None,
        history: false,
        coverage: Coverage::Probed,
        name: NameState::Literal,
        management: ManagementVerdict::Allow,
        isolated: false,
        generation: Some(Generation::V2),
        platform_service: false,
        opaque_hop: false,
        contrast: Contrast::None,
    }
}

/// Row, class, further classes, confidence word, grade word.
fn decided(facts: &Facts) -> (&'static str, &'static str, Vec<&'static str>, &'static str, Option<&'static str>) {
    let found = decide(facts);
    let also = found.also.iter().map(|class| class.name()).collect();
    (found.row, found.class.name(), also, found.confidence.word(), found.grade.map(Grade::word))
}

macro_rules! row {
    ($facts:expr => $row:literal $class:literal [$($also:literal),*] $confidence:literal $grade:expr) => {
        assert_eq!(decided(&$facts), ($row, $class, vec![$($also),*], $confidence, $grade));
    };
    ($facts:expr => $row:literal $class:literal [$($also:literal),*] $confidence:literal) => {
        row!($facts => $row $class [$($also),*] $confidence None);
    };
}

use NameState::{Unresolved, ZoneNotLinked};
use Path::{Allow, Asymmetric, Deny};
use Recorded::{Absent, Down, Draining, Empty, Up};

#[test]
fn rows_1_and_2() {
    row!(facts(Path::Unknown, Empty, None, NoTime) => "1" "NO_TARGETS" [] "high");
    row!(facts(Deny, Absent, None, Before) => "2" "NOT_PROBED" [] "high");
    let unused = Facts { coverage: Coverage::PairNotUsed, ..facts(Path::Unknown, Down, Some(M04), NoTime) };
    row!(unused => "2" "NOT_PROBED" [] "high");
    let foreign = Facts { coverage: Coverage::NotInPool, ..facts(Path::Unknown, Down, Some(M02), NoTime) };
    row!(foreign => "2" "NOT_PROBED" [] "high");
    row!(facts(Path::Unknown, Down, Some(M25), NoTime) => "gap" "INDETERMINATE" [] "low");
}

#[test]
fn rows_3_to_6() {
    let unknown = || facts(Allow, Recorded::Unknown, Some(M23), NoTime);
    row!(Facts { name: Unresolved, ..unknown() } => "3" "DNS" ["MANAGEMENT_PATH"] "medium");
    row!(Facts { name: ZoneNotLinked, ..unknown() } => "3" "DNS" ["MANAGEMENT_PATH"] "medium");
    row!(Facts { name: Unresolved, management: ManagementVerdict::Deny, ..unknown() } => "3" "MANAGEMENT_PATH" ["DNS"] "medium");
    row!(Facts { management: ManagementVerdict::Deny, ..unknown() } => "4" "MANAGEMENT_PATH" [] "high");
    row!(Facts { management: ManagementVerdict::Deny, path: Deny, ..unknown() } => "4" "MANAGEMENT_PATH" [] "high");
    row!(Facts { isolated: true, ..unknown() } => "5" "INDETERMINATE" [] "medium");
    row!(unknown() => "6" "INDETERMINATE" [] "low");
    row!(Facts { management: ManagementVerdict::Unknown, ..unknown() } => "gap" "INDETERMINATE" [] "low");
    row!(facts(Allow, Recorded::Unknown, None, NoTime) => "6" "INDETERMINATE" [] "low");
}

#[test]
fn the_management_text_under_another_state() {
    let down = || facts(Allow, Down, Some(M23), NoTime);
    row!(Facts { management: ManagementVerdict::Deny, generation: Some(Generation::V1), ..down() } => "gap" "MANAGEMENT_PATH" [] "medium");
    row!(Facts { name: Unresolved, ..down() } => "gap" "DNS" ["MANAGEMENT_PATH"] "low");
    row!(down() => "gap" "INDETERMINATE" [] "low");
    row!(Facts { path: Deny, ..down() } => "gap" "NETWORK_BLOCK" [] "low" Some("possible"));
    row!(facts(Allow, Up, Some(M23), NoTime) => "gap" "HEALTHY_CONSISTENT" [] "medium");
}

#[test]
fn rows_7_to_9b() {
    row!(facts(Deny, Up, Some(M01), Before) => "7" "CONTRADICTION_BLOCKED_BUT_ANSWERED" [] "high");
    row!(facts(Deny, Up, Some(M01), After) => "8" "LATENT_BLOCK" [] "high");
    row!(facts(Deny, Up, Some(M01), During) => "9" "TRANSITION" [] "medium");
    row!(facts(Deny, Up, Some(M01), NoTime) => "9b" "CONTRADICTION_BLOCKED_BUT_ANSWERED" [] "medium");
    row!(facts(Deny, Up, Some(M08), NoTime) => "9b" "CONTRADICTION_BLOCKED_BUT_ANSWERED" ["TLS_EXPIRY"] "medium");
}

#[test]
fn rows_10_to_11c() {
    row!(facts(Deny, Up, Some(M02), NoTime) => "10" "TRANSITION" ["NETWORK_BLOCK"] "high");
    row!(facts(Deny, Up, Some(M04), Before) => "10" "TRANSITION" ["NETWORK_BLOCK"] "high");
    row!(facts(Deny, Up, Some(M03), NoTime) => "gap" "TRANSITION" ["DNS", "LATENT_BLOCK"] "medium");
    row!(facts(Deny, Up, None, Before) => "11" "CONTRADICTION_BLOCKED_BUT_HEALTHY" [] "medium");
    row!(facts(Deny, Up, Some(""), After) => "11b" "LATENT_BLOCK" [] "high");
    row!(facts(Deny, Up, None, During) => "11b" "TRANSITION" [] "medium");
    row!(facts(Deny, Up, None, NoTime) => "11c" "CONTRADICTION_BLOCKED_BUT_HEALTHY" [] "low");
}

#[test]
fn row_11d() {
    row!(Facts { name: Unresolved, ..facts(Path::Unknown, Down, Some(M04), NoTime) } => "11d" "DNS" [] "medium");
    row!(Facts { name: ZoneNotLinked, ..facts(Deny, Down, Some(M04), Before) } => "11d" "DNS" ["LATENT_BLOCK"] "medium");
    row!(Facts { name: ZoneNotLinked, ..facts(Path::Partial, Down, Some(M04), NoTime) } => "11d" "DNS" ["PARTIAL_SOURCE_COVERAGE"] "medium");
    row!(Facts { name: NameState::Resolved, ..facts(Deny, Down, Some(M04), NoTime) } => "14" "NETWORK_BLOCK" [] "medium" Some("likely"));
}

#[test]
fn rows_12_to_15() {
    row!(facts(Deny, Down, Some(M04), Before) => "12" "NETWORK_BLOCK" [] "confirmed" Some("confirmed"));
    row!(facts(Deny, Down, Some(M04), During) => "12b" "NETWORK_BLOCK" [] "medium" Some("likely"));
    row!(facts(Deny, Down, Some(M02), During) => "12b" "NETWORK_BLOCK" [] "medium" Some("likely"));
    row!(facts(Deny, Down, Some(M04), After) => "13" "BACKEND_NOT_LISTENING_OR_DOWN" ["LATENT_BLOCK"] "medium");
    row!(facts(Deny, Down, Some(M02), After) => "13" "BACKEND_SLOW_OR_DOWN" ["LATENT_BLOCK"] "medium");
    row!(facts(Deny, Down, Some(M04), NoTime) => "14" "NETWORK_BLOCK" [] "medium" Some("likely"));
    row!(facts(Deny, Down, Some(M02), Before) => "15" "NETWORK_BLOCK" [] "medium" Some("likely"));
    row!(facts(Deny, Down, Some(M02), NoTime) => "15" "NETWORK_BLOCK" [] "medium" Some("likely"));
    row!(facts(Deny, Recorded::Unknown, Some(M04), NoTime) => "14" "NETWORK_BLOCK" [] "medium" Some("likely"));
}

#[test]
fn rows_16_to_19() {
    row!(facts(Deny, Down, Some(M08), Before) => "16" "TLS_EXPIRY" ["CONTRADICTION_BLOCKED_BUT_ANSWERED"] "high");
    row!(facts(Deny, Down, Some(M05), Before) => "17" "PROBE_MISMATCH_STATUS" ["CONTRADICTION_BLOCKED_BUT_ANSWERED"] "high");
    row!(facts(Deny, Down, Some(M06), Before) => "17" "PROBE_MISMATCH_BODY" ["CONTRADICTION_BLOCKED_BUT_ANSWERED"] "high");
    row!(facts(Deny, Down, Some(M05), During) => "17b" "PROBE_MISMATCH_STATUS" ["LATENT_BLOCK"] "high");
    row!(facts(Deny, Down, Some(M09), After) => "17b" "TLS_CHAIN" ["LATENT_BLOCK"] "high");
    row!(facts(Deny, Down, Some(M05), NoTime) => "17b" "PROBE_MISMATCH_STATUS" ["LATENT_BLOCK", "CONTRADICTION_BLOCKED_BUT_ANSWERED"] "high");
    row!(facts(Deny, Down, Some(M03), Before) => "18" "DNS" ["LATENT_BLOCK"] "high");
    row!(facts(Deny, Down, None, NoTime) => "19" "NETWORK_BLOCK" [] "low" Some("possible"));
    row!(facts(Deny, Down, Some(M27), Before) => "19" "NETWORK_BLOCK" [] "low" Some("possible"));
}

#[test]
fn rows_20_and_21() {
    row!(facts(Asymmetric, Down, Some(M02), Before) => "20" "NETWORK_ASYMMETRY" [] "medium");
    row!(facts(Asymmetric, Up, Some(M04), NoTime) => "20" "NETWORK_ASYMMETRY" [] "medium");
    row!(facts(Asymmetric, Up, Some(M01), Before) => "21" "HEALTHY_CONSISTENT" [] "medium");
    row!(facts(Asymmetric, Down, Some(M06), Before) => "21" "PROBE_MISMATCH_BODY" [] "medium");
    row!(facts(Asymmetric, Up, Some(M01), NoTime) => "gap" "HEALTHY_CONSISTENT" [] "medium");
    row!(facts(Asymmetric, Up, Some(M01), After) => "gap" "HEALTHY_CONSISTENT" ["NETWORK_ASYMMETRY"] "medium");
    row!(facts(Asymmetric, Down, None, NoTime) => "gap" "NETWORK_ASYMMETRY" [] "low");
    row!(facts(Asymmetric, Down, Some(M03), NoTime) => "gap" "DNS" ["NETWORK_ASYMMETRY"] "high");
}

#[test]
fn rows_22_and_23() {
    row!(facts(Path::Partial, Down, Some(M02), NoTime) => "22" "PARTIAL_SOURCE_COVERAGE" [] "medium");
    row!(facts(Path::Partial, Up, Some(M04), NoTime) => "22" "PARTIAL_SOURCE_COVERAGE" [] "medium");
    row!(facts(Path::Partial, Recorded::Partial, None, NoTime) => "22" "PARTIAL_SOURCE_COVERAGE" [] "medium");
    row!(facts(Path::Partial, Up, Some(M01), NoTime) => "23" "PARTIAL_SOURCE_COVERAGE" [] "medium");
    row!(facts(Path::Partial, Down, Some(M08), NoTime) => "gap" "TLS_EXPIRY" ["PARTIAL_SOURCE_COVERAGE"] "high");
    row!(facts(Path::Partial, Down, Some(M03), NoTime) => "gap" "DNS" ["PARTIAL_SOURCE_COVERAGE"] "high");
    row!(facts(Path::Partial, Up, None, NoTime) => "gap" "PARTIAL_SOURCE_COVERAGE" [] "medium");
}

#[test]
fn rows_24a_to_25() {
    let v1 = |message| Facts {
        generation: Some(Generation::V1),
        management: ManagementVerdict::Deny,
        ..facts(Allow, Down, message, NoTime)
    };
    row!(v1(Some(M02)) => "24a" "MANAGEMENT_PATH" [] "low");
    row!(v1(None) => "24a" "MANAGEMENT_PATH" [] "low");
    row!(v1(Some(M04)) => "24" "BACKEND_NOT_LISTENING_OR_DOWN" [] "medium");
    let down = || facts(Allow, Down, Some(M04), NoTime);
    row!(down() => "24" "BACKEND_NOT_LISTENING_OR_DOWN" [] "medium");
    row!(Facts { contrast: Contrast::SiblingUp, ..down() } => "24" "BACKEND_NOT_LISTENING_OR_DOWN" [] "high");
    row!(Facts { contrast: Contrast::OtherPortUp, ..down() } => "24" "BACKEND_NOT_LISTENING_OR_DOWN" [] "high");
    row!(Facts { name: NameState::Stale, ..down() } => "24" "DNS" [] "medium");
    row!(facts(Allow, Down, Some(M02), NoTime) => "25" "BACKEND_SLOW_OR_DOWN" [] "medium");
    row!(Facts { opaque_hop: true, ..facts(Allow, Down, Some(M02), NoTime) } => "25" "BACKEND_SLOW_OR_DOWN" [] "low");
}

#[test]
fn rows_26_to_29() {
    row!(facts(Allow, Down, Some(M09), NoTime) => "26" "TLS_CHAIN" [] "high");
    row!(Facts { platform_service: true, ..facts(Allow, Down, Some(M05), NoTime) } => "27" "SERVICE_ACL" [] "medium");
    row!(facts(Allow, Down, Some(M05), NoTime) => "28" "PROBE_MISMATCH_STATUS" [] "high");
    row!(facts(Allow, Down, Some(M22), NoTime) => "28" "PROBE_MISMATCH_PROXY" [] "high");
    row!(facts(Allow, Down, Some(M03), NoTime) => "29" "DNS" [] "high");
    for text in [None, Some(""), Some(M24), Some(M27)] {
        row!(facts(Allow, Down, text, NoTime) => "gap" "INDETERMINATE" [] "low");
    }
}

#[test]
fn rows_30_and_31() {
    row!(facts(Allow, Up, Some(M01), NoTime) => "30" "HEALTHY_CONSISTENT" [] "high");
    row!(facts(Allow, Up, None, NoTime) => "30" "HEALTHY_CONSISTENT" [] "high");
    row!(facts(Allow, Up, Some(M02), NoTime) => "31" "TRANSITION" [] "medium");
    row!(facts(Allow, Up, Some(M03), NoTime) => "31" "TRANSITION" ["DNS"] "medium");
    row!(facts(Allow, Recorded::Unknown, Some(M01), NoTime) => "gap" "HEALTHY_CONSISTENT" [] "medium");
    row!(facts(Allow, Down, Some(M01), NoTime) => "gap" "TRANSITION" [] "medium");
}

#[test]
fn rows_32_to_34() {
    row!(facts(Path::Unknown, Up, Some(M01), NoTime) => "32" "HEALTHY_CONSISTENT" [] "high");
    row!(facts(Path::Unknown, Up, None, NoTime) => "gap" "HEALTHY_CONSISTENT" [] "medium");
    row!(facts(Path::Unknown, Up, Some(M02), NoTime) => "gap" "TRANSITION" [] "low");
    row!(facts(Path::Unknown, Down, Some(M04), NoTime) => "33" "INDETERMINATE" [] "low");
    row!(facts(Path::Unknown, Down, Some(M02), Before) => "33" "INDETERMINATE" [] "low");
    row!(facts(Path::Unknown, Down, Some(M09), NoTime) => "34" "TLS_CHAIN" [] "high");
    row!(facts(Path::Unknown, Down, Some(M05), NoTime) => "34" "PROBE_MISMATCH_STATUS" [] "high");
    row!(facts(Path::Unknown, Down, Some(M03), NoTime) => "34" "DNS" [] "high");
    row!(facts(Path::Unknown, Down, None, NoTime) => "gap" "INDETERMINATE" [] "low");
}

#[test]
fn rows_35_and_36() {
    row!(facts(Deny, Draining, None, NoTime) => "35" "NOT_A_FAULT" [] "high");
    row!(facts(Allow, Recorded::Partial, Some(""), NoTime) => "36" "PARTIAL_SOURCE_COVERAGE" [] "low");
    row!(facts(Deny, Recorded::Partial, Some(M08), NoTime) => "36" "PARTIAL_SOURCE_COVERAGE" ["TLS_EXPIRY"] "low");
}

/// Every combination: rule zero holds, every answer is consistent in itself, and a grade goes with a block only.
#[test]
fn rule_zero_over_every_combination() {
    let texts = [M01, M02, M03, M04, M05, M06, M08, M09, M22, M23, M24, M25, M27, ""];
    let states = [Up, Down, Recorded::Unknown, Recorded::Partial, Draining, Absent, Empty];
    for path in [Allow, Deny, Path::Partial, Path::Unknown, Asymmetric] {
        for recorded in states {
            for time in [Before, During, After, NoTime] {
                for message in texts.iter().map(|text| Some(*text)).chain([None]) {
                    for name in [NameState::Literal, Unresolved] {
                        for management in [ManagementVerdict::Allow, ManagementVerdict::Deny] {
                            check(&Facts { name, management, ..facts(path, recorded, message, time) });
                        }
                    }
                }
            }
        }
    }
    assert!(texts.iter().filter_map(|text| classify(Some(text)).entry).count() < entries().len());
}

fn check(facts: &Facts) {
    let found = decide(facts);
    let block = found.class == Class::NetworkBlock || found.also.contains(&Class::NetworkBlock);
    assert!(!(block && facts.message.evidence().proves_layer4()), "rule zero: {facts:?} {found:?}");
    assert!(!block || facts.path == Deny, "{facts:?} {found:?}");
    assert_eq!(found.grade.is_some(), found.class == Class::NetworkBlock, "{facts:?} {found:?}");
    assert_eq!(found.confidence == Confidence::Confirmed, found.row == "12", "{facts:?} {found:?}");
    assert!(!found.also.contains(&found.class), "{facts:?} {found:?}");
    let asymmetry = found.class == Class::NetworkAsymmetry || found.also.contains(&Class::NetworkAsymmetry);
    assert!(!asymmetry || facts.path == Asymmetric, "{facts:?} {found:?}");
    let healthy = found.class == Class::HealthyConsistent;
    assert!(!healthy || facts.path != Deny, "{facts:?} {found:?}");
    if facts.path == Deny
        && facts.recorded == Recorded::Unknown
        && !facts.message.evidence().proves_layer4()
        && facts.mgmt()
    {
        assert!(!block, "no data-path claim from Unknown: {facts:?} {found:?}");
    }
}

#[test]
fn every_row_of_the_specification_is_there() {
    let groups = [FIRST, UNKNOWN_STATE, DENY_UP, DENY_DOWN, ASYMMETRIC, PARTIAL, ALLOW, UNKNOWN_PATH, LAST];
    let mut rows: Vec<&str> =
        groups.iter().flat_map(|group| group.iter()).map(|row| row.id).filter(|id| *id != "gap").collect();
    rows.dedup();
    let expected = "1 2 3 4 5 6 7 8 9 9b 10 11 11b 11c 11d 12 12b 13 14 15 16 17 17b 18 19 20 21 22 23 24a 24 25 26 27 28 29 30 31 32 33 34 35 36";
    assert_eq!(rows.join(" "), expected);
}

#[test]
fn a_failure_before_the_change_is_judged_on_the_configuration_before_it() {
    let after = |earlier| Facts {
        earlier,
        ..facts(
            Path::Deny,
            Recorded::Down,
            Some(
                "Time taken by the backend to respond to application gateway\'s health probe is more than the time-out threshold in the probe setting.",
            ),
            TimeRelation::After,
        )
    };
    let row = |earlier| {
        let (row, class, also, confidence, _) = decided(&after(earlier));
        format!("{row} {class} {} {confidence}", also.join(" "))
    };
    assert_eq!(row(None), "13 BACKEND_SLOW_OR_DOWN LATENT_BLOCK medium");
    assert_eq!(row(Some(Path::Allow)), row(None));
    assert_eq!(row(Some(Path::Deny)), "13 NETWORK_BLOCK  medium");
    assert_eq!(row(Some(Path::Unknown)), "13 INDETERMINATE LATENT_BLOCK low");
}

#[test]
fn a_history_that_shows_the_failure_before_the_change_outranks_row_19() {
    let silent = |path, history| Facts { history, ..facts(path, Recorded::Down, None, TimeRelation::After) };
    assert_eq!(decide(&silent(Path::Deny, false)).class, Class::NetworkBlock);
    for (path, waits) in [
        (Path::Deny, Class::LatentBlock),
        (Path::Asymmetric, Class::NetworkAsymmetry),
        (Path::Partial, Class::PartialSourceCoverage),
    ] {
        let found = decide(&silent(path, true));
        assert_eq!((found.class, found.also), (Class::Indeterminate, vec![waits]));
        // A path that was closed before the change as well is to blame.
        let before = decide(&Facts { earlier: Some(path), ..silent(path, true) });
        assert_ne!(before.class, Class::Indeterminate);
    }
}
