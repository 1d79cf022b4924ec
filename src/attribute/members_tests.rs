//! Which record is joined with which configured server.

use super::super::fixtures::*;
use super::super::input::*;
use super::super::join::attribute;
use crate::model::{HealthFormat, HealthRecord, RecordedState, ResourceId};
use crate::solve::Verdict;

use RecordedState::{Down, Up};
use Verdict::{Allow, Deny};

#[test]
fn network_interfaces_join_by_configuration_or_address() {
    let member = |name: &str, address: &str| ProbedServer {
        member: nic(name).as_str().into(),
        ip_configuration: Some(nic(name)),
        ..server("p", "s80", address, Deny)
    };
    let servers = [member("n1", "10.0.4.4"), member("n2", "10.0.4.5")];
    let upper = ResourceId::new(&nic("n1").as_str().to_uppercase());
    let found = run(
        &servers,
        &[record("p", "s80", &[("10.0.9.9", Some(upper), Down, Some(M04)), ("10.0.4.5", None, Down, Some(M04))])],
    );
    assert_eq!(
        short(&found),
        [("10.0.4.5", "Down", "NETWORK_BLOCK", "14"), ("10.0.9.9", "Down", "NETWORK_BLOCK", "14")]
    );
    assert!(found.servers.iter().all(|f| f.rule() == Some("deny-agw") && f.verdict() == Deny && f.joined.len() == 1));
    assert!(found.diagnostics.is_empty());
}

#[test]
fn names_join_in_any_letter_case_and_combine_their_addresses() {
    let at = |address: &str, verdict| ProbedServer {
        address: address.parse().ok(),
        backend: address.into(),
        ..server("p", "s443", "App.Example", verdict)
    };
    let servers = [at("10.0.4.9", Deny), at("10.0.4.8", Allow)];
    let found = run(&servers, &[record("p", "s443", &[("app.example.", None, Down, Some(M04))])]);
    assert_eq!(short(&found), [("App.Example", "Down", "PARTIAL_SOURCE_COVERAGE", "22")]);
    let one = found.servers.first();
    assert_eq!(one.map(|f| f.backends.clone()), Some(vec!["10.0.4.8".to_owned(), "10.0.4.9".to_owned()]));
    assert!(one.is_some_and(|f| f.explanation.contains("App.Example (10.0.4.8, 10.0.4.9)")));
}

#[test]
fn a_scale_set_known_by_its_model_answers_for_every_instance() {
    let model = ProbedServer {
        member: "fleet".into(),
        address: None,
        fqdn: None,
        name_state: NameState::Literal,
        scale_set: Some(set()),
        scale_set_prefixes: prefix("10.0.4.0/24"),
        ..server("p", "s80", "10.0.4.0", Deny)
    };
    let instance = ResourceId::new(&format!("{}/virtualMachines/0/networkInterfaces/n/ipConfigurations/c", set()));
    let servers = [model, server("p", "s80", "10.0.4.7", Allow)];
    let rows = [
        ("10.0.9.4", Some(instance), Down, Some(M04)),
        ("10.0.4.5", None, Down, Some(M04)),
        ("10.0.4.7", None, Up, None),
        ("10.9.9.9", None, Up, None),
    ];
    let found = run(&servers, &[record("p", "s80", &rows)]);
    let expected = [
        ("10.0.4.5", "Down", "NETWORK_BLOCK", "14"),
        ("10.0.4.7", "Up", "HEALTHY_CONSISTENT", "30"),
        ("10.0.9.4", "Down", "NETWORK_BLOCK", "14"),
        ("10.9.9.9", "Up", "NOT_PROBED", "2"),
    ];
    assert_eq!(short(&found), expected);
    assert!(found.servers.first().is_some_and(|f| f.explanation.contains("scale set fleet")));
    let absent = run(&servers, &[record("p", "s80", &[])]);
    assert_eq!(
        short(&absent),
        [
            ("-", "Empty", "NO_TARGETS", "1"),
            ("10.0.4.7", "Absent", "NOT_PROBED", "2"),
            ("fleet", "Absent", "NOT_PROBED", "2")
        ]
    );
}

#[test]
fn a_record_of_another_gateway_is_joined_with_nothing() {
    let servers = [server("p", "s80", "10.0.4.4", Deny)];
    let foreign = gateway_id("agw-dev");
    let other = recorded(
        "dev.json",
        foreign.child("backendAddressPools", "p"),
        foreign.child("backendHttpSettingsCollection", "s80"),
        &[("10.0.4.4", None, Down, Some(M04))],
    );
    let found = run(&servers, &[other.clone(), other]);
    assert!(found.servers.is_empty());
    assert_eq!(
        found.diagnostics.iter().map(|d| (d.code.code, d.resource.as_deref())).collect::<Vec<_>>(),
        [("GP116", Some(foreign.as_str()))]
    );
}

#[test]
fn bare_names_belong_to_the_only_gateway() {
    let servers = [server("p", "s80", "10.0.4.4", Deny)];
    let bare = |pool: &str, setting: &str| {
        recorded("h.json", ResourceId::new(pool), ResourceId::new(setting), &[("10.0.4.4", None, Down, Some(M04))])
    };
    let expected = [("10.0.4.4", "Down", "NETWORK_BLOCK", "14")];
    assert_eq!(short(&run(&servers, &[bare("P", "S80")])), expected);
    assert_eq!(short(&run(&servers, &[bare("", "")])), expected);
    let gateways = [gateway("agw", &servers), gateway("agw-2", &[])];
    let records = [bare("p", "s80")];
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
    assert!(found.servers.is_empty());
    assert_eq!(found.diagnostics.iter().map(|d| d.code.code).collect::<Vec<_>>(), ["GP117"]);
    assert_eq!(found.management.len(), 2);
    let two = [server("p", "s80", "10.0.4.4", Deny), server("q", "s80", "10.0.4.4", Deny)];
    assert_eq!(run(&two, &[bare("", "")]).diagnostics.iter().map(|d| d.code.code).collect::<Vec<_>>(), ["GP117"]);
}

#[test]
fn layer_four_settings_are_found_by_name() {
    let l4 = gateway_id("agw").child("backendSettingsCollection", "s443");
    let servers = [server("p", "s443", "10.0.4.4", Deny)];
    let found = run(&servers, &[recorded("h.json", pool_id("P"), l4, &[("10.0.4.4", None, Down, Some(M04))])]);
    assert_eq!(short(&found), [("10.0.4.4", "Down", "NETWORK_BLOCK", "14")]);
    assert_eq!(found.servers.first().and_then(|f| f.port), Some(443));
}

#[test]
fn what_only_one_side_knows_is_not_probed() {
    let servers = [
        server("p", "s80", "10.0.4.4", Allow),
        server("p", "s80", "10.0.4.5", Allow),
        server("q", "s80", "10.0.4.6", Deny),
    ];
    let unused = record("q", "s443", &[("10.0.4.6", None, Down, Some(M04))]);
    let found = run(
        &servers,
        &[record("p", "s80", &[("10.0.4.4", None, Up, Some(M01)), ("10.0.4.9", None, Down, Some(M02))]), unused],
    );
    let expected = [
        ("10.0.4.4", "Up", "HEALTHY_CONSISTENT", "30"),
        ("10.0.4.5", "Absent", "NOT_PROBED", "2"),
        ("10.0.4.9", "Down", "NOT_PROBED", "2"),
        ("10.0.4.6", "Down", "NOT_PROBED", "2"),
        ("10.0.4.6", "Absent", "NOT_PROBED", "2"),
    ];
    assert_eq!(short(&found), expected);
    let texts: Vec<&str> = found.servers.iter().map(|f| f.explanation.as_str()).collect();
    for (text, part) in
        texts.iter().zip(["agree", "not in the record", "not in the pool", "no rule", "not in the record"])
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(found.unexplained.is_empty() && found.common_causes.is_empty());
}

#[test]
fn an_empty_pool_is_one_finding_without_a_server() {
    let servers = [server("p", "s80", "10.0.4.4", Allow)];
    let mut gateways = [gateway("agw", &servers)];
    if let Some(gateway) = gateways.first_mut() {
        gateway.pairs.push((pool_id("empty"), setting_id("s443")));
    }
    let health = record("p", "s80", &[("10.0.4.4", None, Up, Some(M01))]);
    let with = [health.clone(), record("empty", "s443", &[])];
    let find = |records: &[HealthRecord]| {
        let found = attribute(&AttributionInput {
            gateways: &gateways,
            servers: &servers,
            records,
            histories: &[],
            captures: None,
            flows: None,
            heals: None,
            history: None,
        });
        found
            .servers
            .iter()
            .map(|f| (f.server.clone(), f.recorded.word(), f.class.name(), f.port, f.verdict()))
            .collect::<Vec<_>>()
    };
    assert_eq!(find(&with).first(), Some(&(None, "Empty", "NO_TARGETS", Some(443), Verdict::Unknown)));
    assert_eq!(find(&[health]).first(), Some(&(None, "Absent", "NOT_PROBED", Some(443), Verdict::Unknown)));
}

#[test]
fn an_on_demand_record_speaks_of_its_own_pair_only() {
    let servers = [server("p", "s80", "10.0.4.4", Allow), server("q", "s80", "10.0.4.6", Deny)];
    let mut on_demand = record("p", "s80", &[("10.0.4.4", None, Up, Some(M01))]);
    on_demand.format = HealthFormat::OnDemand;
    let found = run(&servers, std::slice::from_ref(&on_demand));
    assert_eq!(short(&found), [("10.0.4.4", "Up", "HEALTHY_CONSISTENT", "30")]);
    assert!(found.servers.iter().all(|f| f.explanation.contains("on-demand")));
    let configured = record("p", "s80", &[("10.0.4.4", None, Down, Some(M04))]);
    let both = run(&servers, &[configured, on_demand]);
    assert_eq!(short(&both).first(), Some(&("10.0.4.4", "Down", "BACKEND_NOT_LISTENING_OR_DOWN", "24")));
    assert!(both.servers.first().is_some_and(|f| f.explanation.contains("also recorded Up")));
}

#[test]
fn a_record_without_pools_covers_the_only_gateway() {
    let servers = [server("p", "s80", "10.0.4.4", Allow)];
    let mut empty = record("p", "s80", &[]);
    empty.pools.clear();
    assert_eq!(short(&run(&servers, &[empty])), [("10.0.4.4", "Absent", "NOT_PROBED", "2")]);
    assert!(run(&servers, &[]).servers.is_empty());
}
