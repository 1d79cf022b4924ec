//! What is concluded and said of joined servers.

use super::super::class::{Class, Confidence, Grade};
use super::super::finding::{Attribution, Recorded};
use super::super::fixtures::*;
use super::super::input::*;
use super::super::join::attribute;
use crate::compile::Stage;
use crate::model::{Generation, RecordedState};
use crate::net::AddressSet;
use crate::solve::{Decision, Verdict};
use ipnet::IpNet;

use RecordedState::{Down, Up};
use Verdict::{Allow, Deny};

#[test]
fn a_blocked_data_port_waits_behind_an_open_probe_port() {
    let servers = [ProbedServer { data: Some(answer(Deny)), ..server("p", "s8443", "10.0.4.4", Allow) }];
    let found = run(&servers, &[record("p", "s8443", &[("10.0.4.4", None, Up, Some(M01))])]);
    let one = found.servers.first();
    assert_eq!(short(&found), [("10.0.4.4", "Up", "HEALTHY_CONSISTENT", "30")]);
    assert_eq!(
        one.map(|f| (f.also.clone(), f.verdict(), f.data_verdict())),
        Some((vec![Class::LatentBlock], Allow, Deny))
    );
    assert_eq!(one.map(|f| (f.port, f.data_port, f.rule())), Some((Some(8081), Some(8443), Some("allow-agw"))));
    assert!(one.is_some_and(|f| f.explanation.contains("8443") && f.explanation.contains("deny-agw")));
    assert!(one.is_some_and(|f| f.next_steps.iter().any(|step| step.contains("port 8443/tcp"))));
}

#[test]
fn siblings_raise_the_confidence() {
    let servers = [
        server("p", "s80", "10.0.4.4", Allow),
        server("p", "s80", "10.0.4.5", Allow),
        ProbedServer { subnet: Some("vnet/other".into()), ..server("p", "s80", "10.0.5.5", Allow) },
        ProbedServer { subnet: Some("vnet/other".into()), ..server("p", "s443", "10.0.5.5", Allow) },
        ProbedServer { subnet: None, ..server("q", "s80", "10.0.6.6", Allow) },
    ];
    let records = [
        record(
            "p",
            "s80",
            &[("10.0.4.4", None, Up, None), ("10.0.4.5", None, Down, Some(M04)), ("10.0.5.5", None, Down, Some(M04))],
        ),
        record("p", "s443", &[("10.0.5.5", None, Up, Some(M01))]),
        record("q", "s80", &[("10.0.6.6", None, Down, Some(M04))]),
    ];
    let found = run(&servers, &records);
    let words: Vec<_> = found
        .servers
        .iter()
        .filter(|f| f.recorded == Recorded::Down)
        .map(|f| (f.server.as_deref(), f.confidence.word()))
        .collect();
    assert_eq!(words, [(Some("10.0.4.5"), "high"), (Some("10.0.5.5"), "high"), (Some("10.0.6.6"), "medium")]);
    let texts: Vec<&str> = found.servers.iter().map(|f| f.explanation.as_str()).collect();
    assert!(texts.iter().any(|text| text.contains("10.0.4.4 in the same subnet is up")));
    assert!(texts.iter().any(|text| text.contains("up on port 443")));
    assert_eq!(found.unexplained.len(), 3);
}

#[test]
fn common_causes_group_first_denies_and_say_what_heals() {
    let servers = [
        server("p", "s80", "10.0.4.4", Deny),
        server("q", "s80", "10.0.4.5", Deny),
        server("q", "s443", "10.0.4.5", Allow),
    ];
    let records = [
        record("p", "s80", &[("10.0.4.4", None, Down, Some(M04))]),
        record("q", "s80", &[("10.0.4.5", None, Down, Some(M02))]),
        record("q", "s443", &[("10.0.4.5", None, Down, Some(M02))]),
    ];
    let gateways = [gateway("agw", &servers)];
    let heals = |decision: &Decision, asked: &[usize]| {
        assert_eq!(decision.rule.as_deref(), Some("deny-agw"));
        asked.iter().copied().filter(|at| *at == 1).collect()
    };
    let found = attribute(&AttributionInput {
        gateways: &gateways,
        servers: &servers,
        records: &records,
        captures: None,
        flows: None,
        histories: &[],
        heals: Some(&heals),
        history: None,
    });
    let causes: Vec<_> = found
        .common_causes
        .iter()
        .map(|c| {
            (
                c.stage,
                c.rule.as_deref(),
                found.server_names(&c.servers),
                c.heals.as_deref().map(|h| found.server_names(h)),
            )
        })
        .collect();
    assert_eq!(causes, [(Stage::NsgInSubnet, Some("deny-agw"), vec!["10.0.4.4", "10.0.4.5"], Some(vec!["10.0.4.5"]))]);
    assert_eq!(
        found
            .unexplained
            .iter()
            .filter_map(|at| found.servers.get(*at))
            .map(|f| f.setting.as_str())
            .collect::<Vec<_>>(),
        ["s443"]
    );
    let alone = run(&servers, &records.iter().take(2).cloned().collect::<Vec<_>>());
    assert!(alone.common_causes.iter().all(|c| c.heals.is_none() && c.explanation.contains("gateway's side")));
}

#[test]
fn calibration_counts_proofs_by_verdict() {
    let servers = [
        server("p", "s80", "10.0.4.4", Allow),
        server("p", "s80", "10.0.4.5", Deny),
        server("p", "s80", "10.0.4.6", Verdict::Unknown),
    ];
    let rows =
        [("10.0.4.4", None, Up, Some(M01)), ("10.0.4.5", None, Up, Some(M01)), ("10.0.4.6", None, Up, Some(M01))];
    let found = run(&servers, &[record("p", "s80", &rows)]);
    let c = found.calibration;
    assert_eq!((c.proven, c.allowed, c.partial, c.denied, c.unknown), (3, 1, 0, 1, 1));
    assert!(found.servers.iter().all(|f| f.class != Class::NetworkBlock && !f.unhealthy_by_network()));
}

#[test]
fn missing_exports_are_repeated_with_every_server() {
    let servers = [server("p", "s80", "10.0.4.4", Verdict::Unknown)];
    let found = run(&servers, &[record("p", "s80", &[("10.0.4.4", None, Down, Some(M04))])]);
    let one = found.servers.first();
    assert_eq!(short(&found), [("10.0.4.4", "Down", "INDETERMINATE", "33")]);
    assert_eq!(one.map(|f| f.missing.len()), Some(1));
    assert!(one.is_some_and(|f| f.explanation.contains("service tag Storage")
        && f.next_steps.iter().any(|step| step.contains("az network"))));
}

#[test]
fn denied_sources_are_printed_as_the_prefix_of_the_rule() {
    let nets = |text: &str| text.split(' ').filter_map(|net| net.parse::<IpNet>().ok()).collect::<AddressSet>();
    let reserved = nets("10.0.0.0/30 10.0.0.255/32");
    let mut partial = answer(Verdict::Partial);
    partial.sources = nets("10.0.0.0/24").difference(&reserved);
    partial.denied = nets("10.0.0.128/25").difference(&reserved);
    let servers = [ProbedServer { probe: partial, ..server("p", "s80", "10.0.4.4", Verdict::Partial) }];
    let found = run(&servers, &[record("p", "s80", &[("10.0.4.4", None, Down, Some(M02))])]);
    assert!(
        found.servers.first().is_some_and(|f| f.explanation.contains("denied: 10.0.0.128/25.")),
        "{:?}",
        found.servers.first()
    );
}

#[test]
fn a_denied_path_is_never_answered_with_a_longer_timeout() {
    for verdict in [Deny, Verdict::Partial] {
        for state in [Down, Up, RecordedState::Unknown, RecordedState::Partial] {
            let servers = [server("p", "s80", "10.0.4.4", verdict)];
            let found = run(&servers, &[record("p", "s80", &[("10.0.4.4", None, state, Some(M02))])]);
            for one in &found.servers {
                let said = format!("{} {}", one.explanation, one.next_steps.join(" ")).to_lowercase();
                assert!(!said.contains("increase") && !said.contains("raise") && !said.contains("longer"), "{said}");
                assert_eq!(one.message_text.as_deref(), Some(M02));
            }
        }
    }
}

#[test]
fn platform_services_answer_with_their_own_restrictions() {
    let public = ProbedServer {
        public_sources: "203.0.113.37".parse().into_iter().collect(),
        ..server("p", "s443", "shop.azurewebsites.net", Allow)
    };
    let text = "Status code of the backend's HTTP response did not match the probe setting. Expected:{200-399} Received:{403}.";
    let found = run(&[public], &[record("p", "s443", &[("shop.azurewebsites.net", None, Down, Some(text))])]);
    let one = found.servers.first();
    assert_eq!(one.map(|f| (f.class, f.http_status)), Some((Class::ServiceAcl, Some(403))));
    assert!(one.is_some_and(|f| {
        ["403", "access restriction", "203.0.113.37"].iter().all(|part| f.explanation.contains(part))
    }));
}

#[test]
fn the_order_of_the_input_does_not_matter() {
    let mut servers: Vec<_> = (1..30)
        .map(|i| {
            server(
                if i % 2 == 0 { "p" } else { "q" },
                "s80",
                &format!("10.0.4.{i}"),
                if i % 3 == 0 { Deny } else { Allow },
            )
        })
        .collect();
    let addresses: Vec<String> = (1..30).map(|i| format!("10.0.4.{i}")).collect();
    let rows = |parity: usize| -> Vec<Row<'_>> {
        let own = addresses.iter().enumerate().filter(move |(at, _)| (at + 1) % 2 == parity);
        own.map(|(at, address)| {
            (address.as_str(), None, if at % 5 == 0 { Up } else { Down }, Some(if at % 4 == 0 { M02 } else { M04 }))
        })
        .collect()
    };
    let mut records = vec![record("p", "s80", &rows(0)), record("q", "s80", &rows(1))];
    let show = |found: &Attribution| {
        found
            .servers
            .iter()
            .map(|f| format!("{:?} {} {} {}", f.server, f.pool, f.class, f.explanation))
            .collect::<Vec<_>>()
    };
    let before = run(&servers, &records);
    servers.reverse();
    records.reverse();
    let after = run(&servers, &records);
    assert_eq!(show(&before), show(&after));
    assert_eq!(
        before.common_causes.iter().map(|c| c.servers.clone()).collect::<Vec<_>>(),
        after.common_causes.iter().map(|c| c.servers.clone()).collect::<Vec<_>>()
    );
    let shown: Vec<_> = before.servers.iter().filter(|f| f.pool == "p").filter_map(|f| f.server.clone()).collect();
    assert_eq!(shown.first().map(String::as_str), Some("10.0.4.2"));
    assert_eq!(shown.last().map(String::as_str), Some("10.0.4.28"));
}

#[test]
fn management_findings_name_the_rule_and_the_ports() {
    let servers = [server("p", "s80", "10.0.4.4", Allow)];
    let mut gateways = [gateway("agw", &servers)];
    if let Some(gateway) = gateways.first_mut() {
        gateway.generation = Some(Generation::V1);
        gateway.management = ManagementPath {
            verdict: ManagementVerdict::Deny,
            stage: Some(Stage::NsgInSubnet),
            resource: Some("nsg-agw".into()),
            rule: Some("deny-high".into()),
            reason: "it denies GatewayManager".into(),
            ..ManagementPath::default()
        };
    }
    let records = [record(
        "p",
        "s80",
        &[("10.0.4.4", None, RecordedState::Unknown, Some("The backend health status could not be retrieved."))],
    )];
    let found = attribute(&AttributionInput {
        gateways: &gateways,
        servers: &servers,
        records: &records,
        captures: None,
        flows: None,
        histories: &[],
        heals: None,
        history: None,
    });
    assert_eq!(short(&found), [("10.0.4.4", "Unknown", "MANAGEMENT_PATH", "4")]);
    let texts = [
        found.management.first().map(|m| m.explanation.as_str()),
        found.servers.first().map(|f| f.explanation.as_str()),
    ];
    for text in texts.into_iter().flatten() {
        assert!(["nsg-agw", "deny-high", "65503-65534"].iter().all(|part| text.contains(part)), "{text}");
    }
    assert!(found.common_causes.is_empty());
}

#[test]
fn a_deny_that_answering_servers_refute_is_not_claimed_against_others() {
    let servers = [
        server("p", "s80", "10.0.4.4", Deny),
        server("p", "s80", "10.0.4.5", Deny),
        server("p", "s80", "10.0.4.6", Deny),
    ];
    // One refutes it, two bear it out: an odd record does not withhold the claim.
    let rows =
        [("10.0.4.4", None, Up, Some(M01)), ("10.0.4.5", None, Down, Some(M04)), ("10.0.4.6", None, Down, Some(M04))];
    let found = run(&servers, &[record("p", "s80", &rows)]);
    assert_eq!((found.calibration.states, found.calibration.contradicted, found.calibration.withheld), (3, 1, 0));
    assert!(found.servers.iter().any(|f| f.grade == Some(Grade::Likely)));
    // Two refute it, one bears it out.
    let rows =
        [("10.0.4.4", None, Up, Some(M01)), ("10.0.4.5", None, Up, Some(M01)), ("10.0.4.6", None, Down, Some(M04))];
    let found = run(&servers, &[record("p", "s80", &rows)]);
    assert_eq!((found.calibration.contradicted, found.calibration.withheld), (2, 1));
    let claim = found.servers.iter().find(|f| f.class == Class::NetworkBlock).expect("the claim");
    assert_eq!((claim.grade, claim.confidence), (Some(Grade::Possible), Confidence::Low));
    assert!(claim.explanation.contains("10.0.4.4") && claim.explanation.contains("withheld"), "{}", claim.explanation);
}
