//! Security rules.

use crate::*;

#[test]
fn a_valid_rule_gives_nothing() {
    assert_eq!(codes(&lint_rule(json!({}))), [""; 0]);
    let spellings = json!({ "protocol": "TCP", "access": "allow", "direction": "inbound",
        "sourceAddressPrefix": "virtualnetwork", "destinationPortRange": 443 });
    assert_eq!(codes(&lint_rule(spellings)), [""; 0]);
}

#[test]
fn priorities_are_unique_per_direction() {
    let outbound = rule("out", json!({ "direction": "Outbound" }));
    assert_eq!(codes(&lint_of(&web(vec![rule("a", json!({})), outbound]))), [""; 0]);
    let seen = only(&lint_of(&web(vec![rule("a", json!({})), rule("b", json!({ "access": "Deny" }))])), "GP201");
    assert_eq!((seen.resource.as_str(), seen.rule.as_deref(), seen.at.as_str()), ("web-nsg", Some("b"), "100"));
    assert_eq!(seen.labels, [("100".to_owned(), "rule a has it too".to_owned())]);
    assert_eq!(seen.severity, Severity::Error);
}

#[test]
fn priority_range() {
    for (patch, at) in [
        (json!({ "priority": 99 }), "99"),
        (json!({ "priority": 4097 }), "4097"),
        (json!({ "priority": "first" }), "\"first\""),
    ] {
        let seen = only(&lint_rule(patch), "GP202");
        assert_eq!((seen.rule.as_deref(), seen.at.as_str()), (Some("r"), at));
    }
    let seen = only(&lint_rule(json!({ "priority": null })), "GP202");
    assert!(seen.at.starts_with("{\"name\":\"r\"") && seen.message.contains("no priority"), "{seen:?}");
    for good in [100, 4096] {
        assert_eq!(codes(&lint_rule(json!({ "priority": good }))), [""; 0]);
    }
}

#[test]
fn words_of_a_rule() {
    for (patch, at) in [
        (json!({ "direction": "Both" }), "\"Both\""),
        (json!({ "access": "AlwaysAllow" }), "\"AlwaysAllow\""),
        (json!({ "protocol": "Sctp" }), "\"Sctp\""),
    ] {
        let seen = only(&lint_rule(patch), "GP213");
        assert_eq!((seen.rule.as_deref(), seen.at.as_str()), (Some("r"), at));
    }
    let seen = only(&lint_rule(json!({ "access": null })), "GP213");
    assert!(seen.message.contains("no access") && seen.at.starts_with('{'), "{seen:?}");
    for protocol in ["Tcp", "udp", "Icmp", "ESP", "Ah", "*"] {
        let any_port = json!({ "protocol": protocol, "destinationPortRange": "*" });
        assert_eq!(codes(&lint_rule(any_port)), [""; 0], "{protocol}");
    }
}

#[test]
fn descriptions() {
    let long = "x".repeat(141);
    let seen = only(&lint_rule(json!({ "description": long })), "GP212");
    assert_eq!(seen.at, format!("\"{long}\""));
    assert_eq!(codes(&lint_rule(json!({ "description": "x".repeat(140) }))), [""; 0]);
}

#[test]
fn names() {
    let long = "x".repeat(81);
    for (name, part) in
        [("a b", "' '"), ("-a", "begin"), ("a-", "end"), ("", "needs a name"), (long.as_str(), "81 characters")]
    {
        let seen = only(&lint_of(&web(vec![rule(name, json!({}))])), "GP214");
        assert!(seen.message.contains(part) && seen.at.starts_with("{\"name\":"), "{seen:?}");
    }
    for name in ["a", "Allow.443-web_", "9", "x".repeat(80).as_str()] {
        assert_eq!(codes(&lint_of(&web(vec![rule(name, json!({}))]))), [""; 0], "{name}");
    }
}

#[test]
fn exactly_one_form() {
    let both = json!({ "destinationPortRanges": ["80"] });
    let seen = only(&lint_rule(both), "GP208");
    assert_eq!((seen.at.as_str(), seen.labels.first().map(|label| label.0.as_str())), ("\"80\"", Some("\"443\"")));
    assert!(seen.message.contains("fills destinationPortRange and destinationPortRanges"), "{seen:?}");
    let seen = only(&lint_rule(json!({ "sourceAddressPrefixes": ["10.2.0.0/24"] })), "GP208");
    assert_eq!(seen.at, "\"10.2.0.0/24\"");
    let group = json!({ "destinationApplicationSecurityGroups": [link("applicationSecurityGroups", "web")] });
    let seen = only(&lint_rule(group), "GP208");
    assert!(seen.at.ends_with("/applicationSecurityGroups/web\""), "{seen:?}");
    for key in ["sourceAddressPrefix", "destinationAddressPrefix", "sourcePortRange", "destinationPortRange"] {
        let seen = only(&lint_rule(json!({ key: null })), "GP208");
        assert!(seen.message.contains("fills none of") && seen.at.starts_with('{'), "{seen:?}");
    }
    let read_back =
        json!({ "destinationPortRange": "", "destinationPortRanges": ["80", "443"], "sourceAddressPrefixes": [] });
    assert_eq!(codes(&lint_rule(read_back)), [""; 0]);
}

#[test]
fn ports() {
    for (text, help) in [
        ("80,443", "destinationPortRanges: [\"80\", \"443\"]"),
        ("any", "write *"),
        ("66600", "one port"),
        ("450-440", "lower port first"),
    ] {
        let seen = only(&lint_rule(json!({ "destinationPortRange": text })), "GP203");
        assert_eq!((seen.rule.as_deref(), seen.at.clone()), (Some("r"), format!("\"{text}\"")));
        assert!(seen.help.contains(help), "{seen:?}");
    }
    let in_list = json!({ "sourcePortRange": null, "sourcePortRanges": ["1-5", "x"] });
    assert_eq!(only(&lint_rule(in_list), "GP203").at, "\"x\"");
    let good = json!({ "destinationPortRange": null, "destinationPortRanges": ["80", "440-450", 8080] });
    assert_eq!(codes(&lint_rule(good)), [""; 0]);
}

#[test]
fn icmp_has_no_ports() {
    let seen = only(&lint_rule(json!({ "protocol": "Icmp", "destinationPortRange": "8" })), "GP303");
    assert_eq!((seen.severity, seen.at.as_str()), (Severity::Warning, "\"8\""));
    let swapped = json!({ "protocol": "Icmp", "destinationPortRange": "*", "sourcePortRange": "0" });
    assert_eq!(only(&lint_rule(swapped), "GP303").at, "\"0\"");
    assert_eq!(codes(&lint_rule(json!({ "protocol": "Icmp", "destinationPortRange": "0-65535" }))), [""; 0]);
    assert_eq!(codes(&lint_rule(json!({ "protocol": "*", "destinationPortRange": "8" }))), [""; 0]);
}

#[test]
fn prefixes() {
    for (text, help) in [
        ("10.1.1.4/24", "write 10.1.1.0/24"),
        ("Any", "write *"),
        ("any", "write *"),
        ("10.0.0.0/42", "network address"),
        ("208.130.28/24", "network address"),
    ] {
        let seen = only(&lint_rule(json!({ "sourceAddressPrefix": text })), "GP204");
        assert_eq!((seen.rule.as_deref(), seen.at.clone()), (Some("r"), format!("\"{text}\"")));
        assert!(seen.help.contains(help), "{seen:?}");
    }
    for good in ["*", "10.1.1.4", "10.1.1.0/24", "0.0.0.0/0", "fd00::/8", "Storage.WestUS", "INTERNET"] {
        assert_eq!(codes(&lint_rule(json!({ "sourceAddressPrefix": good }))), [""; 0], "{good}");
    }
}

#[test]
fn ranges_are_no_prefixes() {
    let seen = only(&lint_rule(json!({ "destinationAddressPrefix": "10.1.1.1-10.1.1.9" })), "GP209");
    assert_eq!(seen.at, "\"10.1.1.1-10.1.1.9\"");
    assert_eq!(seen.help, "write 10.1.1.1/32, 10.1.1.2/31, 10.1.1.4/30, 10.1.1.8/31");
    let reversed = only(&lint_rule(json!({ "destinationAddressPrefix": "10.1.1.9-10.1.1.1" })), "GP209");
    assert!(reversed.help.contains("lower address first"), "{reversed:?}");
}

#[test]
fn tags_stand_alone() {
    let list = |prefixes: Value| json!({ "sourceAddressPrefix": null, "sourceAddressPrefixes": prefixes });
    assert_eq!(only(&lint_rule(list(json!(["10.0.0.0/24", "VirtualNetwork"]))), "GP205").at, "\"VirtualNetwork\"");
    assert_eq!(only(&lint_rule(list(json!(["*"]))), "GP205").at, "\"*\"");
    assert_eq!(codes(&lint_rule(list(json!(["10.0.0.0/24", "10.0.1.0/24"])))), [""; 0]);
}

#[test]
fn overlaps() {
    let list = |prefixes: Value| json!({ "sourceAddressPrefix": null, "sourceAddressPrefixes": prefixes });
    let seen = only(&lint_rule(list(json!(["10.1.1.0/24", "10.1.1.4"]))), "GP206");
    assert_eq!(
        (seen.at.as_str(), seen.labels.first().map(|label| label.0.as_str())),
        ("\"10.1.1.4\"", Some("\"10.1.1.0/24\""))
    );
    let seen = only(&lint_rule(list(json!(["10.1.1.4", "10.2.0.0/16", "10.1.1.4/32"]))), "GP206");
    assert_eq!(seen.at, "\"10.1.1.4/32\"");
    assert!(seen.message.contains("stands twice"), "{seen:?}");
    // Each side is a list of its own.
    let sides = json!({ "sourceAddressPrefix": "10.1.0.0/16", "destinationAddressPrefix": "10.1.1.0/24" });
    assert_eq!(codes(&lint_rule(sides)), [""; 0]);
}

#[test]
fn families() {
    let list = json!({ "sourceAddressPrefix": null, "sourceAddressPrefixes": ["10.1.0.0/16", "fd00::/8"] });
    let seen = only(&lint_rule(list), "GP207");
    assert_eq!(
        (seen.at.as_str(), seen.labels.first().map(|label| label.0.as_str())),
        ("\"fd00::/8\"", Some("\"10.1.0.0/16\""))
    );
    let seen = only(&lint_rule(json!({ "destinationAddressPrefix": "fd00::/8" })), "GP207");
    assert_eq!(seen.at, "\"fd00::/8\"");
    assert_eq!(
        codes(&lint_rule(json!({ "sourceAddressPrefix": "*", "destinationAddressPrefix": "fd00::/8" }))),
        [""; 0]
    );
}

#[test]
fn bare_numbers() {
    let seen = only(&lint_rule(json!({ "sourceAddressPrefix": "789" })), "GP304");
    assert_eq!((seen.severity, seen.at.as_str()), (Severity::Warning, "\"789\""));
    assert!(seen.message.contains("0.0.3.21"), "{seen:?}");
}

fn group_rule(source: &[&str], destination: &[&str]) -> Value {
    let list = |names: &[&str]| -> Value { names.iter().map(|name| link("applicationSecurityGroups", name)).collect() };
    rule(
        "groups",
        json!({
            "sourceAddressPrefix": null, "sourceApplicationSecurityGroups": list(source),
            "destinationAddressPrefix": null, "destinationApplicationSecurityGroups": list(destination)
        }),
    )
}

fn member(name: &str, vnet: &str, group: &str) -> Value {
    resource(
        "networkInterfaces",
        name,
        json!({ "ipConfigurations": [{ "name": "ip", "properties": {
        "subnet": { "id": id("virtualNetworks", &format!("{vnet}/subnets/web")) },
        "applicationSecurityGroups": [link("applicationSecurityGroups", group)] } }] }),
    )
}

#[test]
fn groups_of_one_network() {
    let estate = |vnet: &str| {
        let mut all = web(vec![group_rule(&["asg-a"], &["asg-b"])]);
        all.extend([member("nic-a", "vnet-a", "asg-a"), member("nic-b", vnet, "asg-b")]);
        all
    };
    let seen = only(&lint_of(&estate("vnet-b")), "GP210");
    assert!(
        seen.at.ends_with("/asg-b\"") && seen.message.contains("vnet-a") && seen.message.contains("vnet-b"),
        "{seen:?}"
    );
    assert!(seen.labels.first().is_some_and(|label| label.0.ends_with("/asg-a\"")), "{seen:?}");
    assert_eq!(codes(&lint_of(&estate("vnet-a"))), [""; 0]);
}

#[test]
fn empty_groups() {
    let mut estate = web(vec![group_rule(&["asg-a"], &["asg-a", "asg-empty"])]);
    // Without any NIC in the input nothing is known of members.
    assert_eq!(codes(&lint_of(&estate)), [""; 0]);
    estate.push(member("nic-a", "vnet-a", "asg-a"));
    let seen = only(&lint_of(&estate), "GP302");
    assert!(seen.at.ends_with("/asg-empty\""), "{seen:?}");
    assert_eq!((seen.severity, seen.rule.as_deref()), (Severity::Warning, Some("groups")));
    let mut alone = web(vec![group_rule(&["asg-a"], &["asg-empty"])]);
    alone.push(member("nic-a", "vnet-a", "asg-a"));
    assert_eq!(codes(&lint_of(&alone)), [""; 0]);
}

#[test]
fn limits_of_an_nsg() {
    let many = |count: u32| -> Vec<Value> {
        (0..count).map(|i| rule(&format!("r{i}"), json!({ "priority": 100 + i }))).collect()
    };
    assert_eq!(codes(&lint_of(&web(many(1000)))), [""; 0]);
    let seen = only(&lint_of(&web(many(1001))), "GP218");
    assert!(seen.at.starts_with("{\"name\":\"r1000\"") && seen.message.contains("1001 rules"), "{seen:?}");
    assert_eq!((seen.severity, seen.resource.as_str()), (Severity::Warning, "web-nsg"));
    let prefixes =
        |count: u32| -> Value { (0..count).map(|i| Value::from(format!("10.{}.{}.0/32", i / 250, i % 250))).collect() };
    let list = |count| json!({ "sourceAddressPrefix": null, "sourceAddressPrefixes": prefixes(count) });
    assert_eq!(codes(&lint_rule(list(4000))), [""; 0]);
    assert_eq!(only(&lint_rule(list(4001)), "GP218").at, "\"10.16.0.0/32\"");
    let names: Vec<String> = (0..11).map(|i| format!("asg-{i}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let seen = only(&lint_of(&web(vec![group_rule(&["asg-0"], &names)])), "GP218");
    assert!(seen.at.ends_with("/asg-10\""), "{seen:?}");
}
