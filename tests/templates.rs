//! ARM templates read as configuration: what literals, parameters and variables decide is evaluated, and nothing else is
//! guessed. Places point into the template as it is written.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::similar_names,
    clippy::needless_pass_by_value,
    reason = "a failed expectation is a failed test"
)]

mod support;

use gatepath::ingest::{Input, Loaded, load};
use serde_json::{Value, json};
use support::gatepath;

const ROOT: &str = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.Network";

fn read(text: &str) -> Loaded {
    load(vec![Input { name: "t.json".to_owned(), bytes: text.as_bytes().to_vec(), named: true }])
}

fn codes(loaded: &Loaded) -> Vec<&'static str> {
    loaded.findings.iter().map(|finding| finding.code.name).collect()
}

fn template(resources: Value) -> Value {
    json!({"$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0", "resources": resources})
}

/// A network, a NIC and a gateway; the NSG of the backend subnet allows the gateway's subnet on one port.
fn network() -> Value {
    let mut out = template(json!([
        {"type": "Microsoft.Network/networkSecurityGroups", "apiVersion": "2023-09-01", "name": "[parameters('nsgName')]",
            "location": "[resourceGroup().location]",
            "properties": {"securityRules": "[variables('rules')]"}},
        {"type": "Microsoft.Network/virtualNetworks", "apiVersion": "2023-09-01", "name": "[variables('vnet')]",
            "location": "[parameters('location')]",
            "dependsOn": ["[resourceId('Microsoft.Network/networkSecurityGroups', parameters('nsgName'))]"],
            "properties": {
                "addressSpace": {"addressPrefixes": ["[concat(parameters('net'), '.0.0/16')]"]},
                "subnets": [
                    {"name": "snet-agw", "properties": {"addressPrefix": "[format('{0}.0.0/24', parameters('net'))]"}},
                    {"name": "snet-app", "properties": {"addressPrefix": "[variables('prefixes').app]",
                        "networkSecurityGroup": {"id": "[resourceId('Microsoft.Network/networkSecurityGroups', parameters('nsgName'))]"}}}
                ]}},
        {"type": "Microsoft.Network/networkInterfaces", "name": "nic-app", "properties": {"ipConfigurations": [
            {"name": "ip", "properties": {"privateIPAddress": "10.8.4.4", "subnet": {"id": "[variables('appSubnet')]"}}}]}},
        {"type": "Microsoft.Network/applicationGateways", "name": "agw", "properties": {
            "sku": {"name": "Standard_v2", "tier": "Standard_v2", "capacity": "[parameters('instances')]"},
            "gatewayIPConfigurations": [{"name": "g", "properties": {"subnet":
                {"id": "[concat(resourceId('Microsoft.Network/virtualNetworks', variables('vnet')), '/subnets/snet-agw')]"}}}],
            "backendAddressPools": [{"name": "pool", "properties": {"backendAddresses": [{"ipAddress": "10.8.4.4"}]}}],
            "backendHttpSettingsCollection": [{"name": "http", "properties": {"port": "[parameters('port')]", "protocol": "Http"}}],
            "requestRoutingRules": [{"name": "rule", "properties": {
                "backendAddressPool": {"id": "[resourceId('Microsoft.Network/applicationGateways/backendAddressPools', 'agw', 'pool')]"},
                "backendHttpSettings": {"id": "[resourceId('Microsoft.Network/applicationGateways/backendHttpSettingsCollection', 'agw', 'http')]"}}}]}}
    ]));
    out["parameters"] = json!({
        "net": {"type": "string", "defaultValue": "10.8"},
        "nsgName": {"type": "string", "defaultValue": "nsg-app"},
        "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
        "instances": {"type": "int"},
        "port": {"type": "int", "defaultValue": 8080}
    });
    out["variables"] = json!({
        "vnet": "vnet-t",
        "prefixes": {"app": "10.8.4.0/24"},
        "appSubnet": "[resourceId('Microsoft.Network/virtualNetworks/subnets', variables('vnet'), 'snet-app')]",
        "rules": [
            {"name": "allow-gateway", "properties": {"priority": 200, "direction": "Inbound", "access": "Allow", "protocol": "Tcp",
                "sourceAddressPrefix": "[concat(parameters('net'), '.0.0/24')]", "sourcePortRange": "*",
                "destinationAddressPrefix": "*", "destinationPortRange": "8080"}},
            {"name": "deny-rest", "properties": {"priority": 300, "direction": "Inbound", "access": "Deny", "protocol": "*",
                "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"}}
        ]
    });
    out
}

/// Verdict and rule of the only path.
fn verdict(test: &str, text: &str) -> (String, String, Value) {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("template-{test}.json"));
    std::fs::write(&file, text).unwrap();
    let ran = gatepath(&["matrix", file.to_str().unwrap(), "-o", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    let path = &report["paths"][0];
    let word = |key: &str| path[key].as_str().unwrap_or("-").to_owned();
    (word("verdict"), word("rule"), report)
}

#[test]
fn parameters_variables_and_ids_are_evaluated() {
    let text = serde_json::to_string_pretty(&network()).unwrap();
    let (is, rule, _) = verdict("defaults", &text);
    assert_eq!((is.as_str(), rule.as_str()), ("allow", "allow-gateway"));
    let loaded = read(&text);
    assert_eq!(codes(&loaded), ["template-read"]);
    let nic = loaded.snapshot.network_interfaces.values().next().unwrap();
    assert_eq!(nic.id.as_str(), format!("{ROOT}/networkInterfaces/nic-app"));
    let message = &loaded.findings[0].message;
    assert!(message.contains("00000000-0000-0000-0000-000000000000") && message.ends_with(" rg"), "{message}");
}

#[test]
fn a_template_that_names_its_own_resources_by_id_says_where_it_belongs() {
    let of = |group: &str| {
        format!(
            "/subscriptions/11111111-0000-0000-0000-000000000000/resourceGroups/{group}/providers/Microsoft.Network/networkSecurityGroups/n"
        )
    };
    let nic = |name: &str, group: &str| {
        json!({"type": "Microsoft.Network/networkInterfaces", "name": name, "properties":
        {"ipConfigurations": [], "networkSecurityGroup": {"id": of(group)}}})
    };
    let nsg = json!({"type": "Microsoft.Network/networkSecurityGroups", "name": "n"});
    let loaded = read(&template(json!([nsg, nic("a", "rg-Own"), nic("b", "RG-own")])).to_string());
    assert_eq!(codes(&loaded), ["template-read"]);
    assert_eq!(loaded.snapshot.nsgs.values().next().unwrap().id.as_str(), of("rg-Own"));
    // Two places: neither is taken.
    let loaded = read(&template(json!([nsg, nic("a", "rg-one"), nic("b", "rg-two")])).to_string());
    assert_eq!(loaded.snapshot.nsgs.values().next().unwrap().id.as_str(), format!("{ROOT}/networkSecurityGroups/n"));
}

#[test]
fn a_deployment_body_brings_the_values() {
    let parameters = json!({"port": {"value": 9090}, "instances": {"value": 2}});
    let bare = json!({"template": network(), "parameters": parameters});
    let body = json!({"properties": {"mode": "Incremental", "template": network(), "parameters": parameters}});
    let file = json!({"template": network(), "parameters": {"contentVersion": "1.0.0.0", "parameters": parameters}});
    for (name, document) in [("bare", bare), ("body", body), ("file", file)] {
        let (is, rule, report) = verdict(name, &document.to_string());
        assert_eq!((is.as_str(), rule.as_str()), ("deny", "deny-rest"), "{name}");
        assert_eq!(report["paths"][0]["port"], 9090, "{name}");
    }
}

#[test]
fn a_value_that_only_a_deployment_knows_is_never_guessed() {
    let spoil = |pointer: &str, value: Value| {
        let mut document = network();
        *document.pointer_mut(pointer).unwrap() = value;
        serde_json::to_string_pretty(&document).unwrap()
    };
    let port = "/resources/3/properties/backendHttpSettingsCollection/0/properties/port";
    let loaded = read(&spoil(port, json!("[reference('x').port]")));
    assert!(loaded.snapshot.application_gateways.is_empty() && loaded.snapshot.unusable.len() == 1);
    assert_eq!(codes(&loaded), ["template-value-unknown", "template-read"]);
    let at = loaded.findings[0].span.unwrap();
    assert_eq!(loaded.sources.get(0).unwrap().slice(at), "\"[reference('x').port]\"");
    for (name, pointer) in [
        ("source", "/variables/rules/0/properties/sourceAddressPrefix"),
        ("access", "/variables/rules/0/properties/access"),
        ("rules", "/resources/0/properties/securityRules"),
        ("properties", "/resources/0/properties"),
        ("nsg", "/resources/1/properties/subnets/1/properties/networkSecurityGroup/id"),
        ("nsg-object", "/resources/1/properties/subnets/1/properties/networkSecurityGroup"),
        ("prefix", "/variables/prefixes/app"),
        ("condition-nsg", "/resources/0/condition"),
        ("name-nsg", "/resources/0/name"),
    ] {
        let mut document = network();
        document["resources"][0]["condition"] = json!(true);
        *document.pointer_mut(pointer).unwrap() = json!("[uniqueString('x')]");
        let (is, _, _) = verdict(name, &document.to_string());
        assert_eq!(is, "unknown", "{name}");
    }
    // What no answer depends on may stay unknown.
    let (is, _, _) = verdict("location", &spoil("/parameters/location/defaultValue", json!("[deployment().location]")));
    assert_eq!(is, "allow");
}

#[test]
fn conditions_children_maps_and_existing_resources() {
    let rule = |name: &str, access: &str, priority: u32| {
        json!({"priority": priority, "direction": "Inbound", "access": access, "protocol": "*", "description": name,
            "sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*", "destinationPortRange": "*"})
    };
    let mut document = network();
    let add = |document: &mut Value, resource: Value| document["resources"].as_array_mut().unwrap().push(resource);
    let separate = |condition: Value| {
        json!({"type": "Microsoft.Network/networkSecurityGroups/securityRules", "condition": condition,
            "name": "[concat(parameters('nsgName'), '/deny-first')]", "properties": rule("first", "Deny", 100)})
    };
    add(&mut document, separate(json!(false)));
    assert_eq!(verdict("condition-false", &document.to_string()).0, "allow");
    let mut with = document.clone();
    add(&mut with, separate(json!("[not(empty('x'))]")));
    let (is, decided, _) = verdict("condition-true", &with.to_string());
    assert_eq!((is.as_str(), decided.as_str()), ("deny", "deny-first"));
    // A rule that may or may not be deployed, and a loop of rules, leave its NSG open.
    let mut with = document.clone();
    add(&mut with, separate(json!("[parameters('instances')]")));
    assert_eq!(verdict("condition-open", &with.to_string()).0, "unknown");
    let mut with = document.clone();
    let mut copies = separate(json!(true));
    copies["copy"] = json!({"name": "loop", "count": 3});
    add(&mut with, copies);
    assert_eq!(verdict("copy", &with.to_string()).0, "unknown");
    // Children inside their parent, with short and full types.
    let mut with = document.clone();
    with["resources"][0]["resources"] =
        json!([{"type": "securityRules", "name": "deny-inside", "properties": rule("inside", "Deny", 110)}]);
    assert_eq!(verdict("nested", &with.to_string()).1, "deny-inside");
    // languageVersion 2.0: a map, in which existing resources are only named.
    let list = document["resources"].as_array().unwrap().clone();
    let mut map: serde_json::Map<_, _> =
        list.into_iter().enumerate().map(|(at, resource)| (format!("r{at}"), resource)).collect();
    map.insert(
        "old".to_owned(),
        json!({"existing": true, "type": "Microsoft.Network/networkSecurityGroups", "name": "nsg-old"}),
    );
    document["languageVersion"] = json!("2.0");
    document["resources"] = map.into();
    assert_eq!(verdict("map", &document.to_string()).0, "allow");
    assert_eq!(read(&document.to_string()).snapshot.nsgs.len(), 1);
}

#[test]
fn templates_inside_templates() {
    let inner = |scope: &str| {
        let mut outer = template(json!([{"type": "Microsoft.Resources/deployments", "name": "inner", "properties": {
            "mode": "Incremental", "expressionEvaluationOptions": {"scope": scope},
            "parameters": {"port": {"value": "[parameters('outerPort')]"}}, "template": network()}}]));
        outer["parameters"] = json!({"outerPort": {"defaultValue": 9090}});
        outer
    };
    let (is, _, report) = verdict("inner", &inner("inner").to_string());
    assert_eq!((is.as_str(), &report["paths"][0]["port"]), ("deny", &json!(9090)));
    // In the outer scope the inner parameters mean nothing: the outer ones are not there, so nothing is known.
    let loaded = read(&inner("outer").to_string());
    assert!(loaded.snapshot.application_gateways.is_empty());
    let linked = template(json!([{"type": "Microsoft.Resources/deployments", "name": "x",
        "properties": {"templateLink": {"uri": "https://templates.test/x.json"}}}]));
    assert_eq!(codes(&read(&linked.to_string())), ["template-not-evaluated", "template-read"]);
}

#[test]
fn comments_commas_line_breaks_and_escapes() {
    let text = serde_json::to_string_pretty(&network()).unwrap();
    let text = text.replacen("\"resources\"", "// ü: the resources,\n  /* all of \"them\" */ \"resources\"", 1);
    let text = format!(
        "// first\n{}",
        text.replacen(
            "\"port\": {",
            "\"unused\": {\"type\": \"string\", \"defaultValue\": \"two\nlines\",},\n    \"port\": {",
            1
        )
    );
    let (is, rule, report) = verdict("comments", &text);
    assert_eq!((is.as_str(), rule.as_str()), ("allow", "allow-gateway"));
    let location = &report["paths"][0]["location"];
    let line = text.lines().nth(usize::try_from(location["line"].as_u64().unwrap()).unwrap() - 1).unwrap();
    assert!(line.contains("[variables('rules')]"), "{location}: {line}");
    // An export with comments was edited by hand and is refused as before.
    assert_eq!(codes(&read("[ // x\n{\"id\": \"/a\"}]")), ["json-syntax"]);
    let escaped = template(json!([{"type": "Microsoft.Network/networkSecurityGroups", "name": "n", "properties":
        {"securityRules": [{"name": "r", "properties": {"description": "[[literal]"}}]}}]));
    let loaded = read(&escaped.to_string());
    let nsg = loaded.snapshot.nsgs.values().next().unwrap();
    assert_eq!(nsg.rules[0].description.as_ref().unwrap().value, "[literal]");
}

#[test]
fn hostile_templates_end() {
    // Variables that grow with every step, that refer to each other, and expressions without end.
    let mut growing = template(
        json!([{"type": "Microsoft.Network/networkSecurityGroups", "name": "[variables('v40')]", "properties": {}}]),
    );
    let mut variables = serde_json::Map::new();
    variables.insert("v0".to_owned(), json!("0123456789"));
    for at in 1..=40 {
        variables.insert(format!("v{at}"), json!(format!("[concat(variables('v{0}'), variables('v{0}'))]", at - 1)));
    }
    growing["variables"] = variables.clone().into();
    assert!(codes(&read(&growing.to_string())).contains(&"template-read"));
    variables.insert("v0".to_owned(), json!("[variables('v40')]"));
    growing["variables"] = variables.clone().into();
    assert!(codes(&read(&growing.to_string())).contains(&"template-read"));
    variables.insert("v0".to_owned(), json!("[reference('x')]"));
    growing["variables"] = variables.into();
    assert!(codes(&read(&growing.to_string())).contains(&"template-read"));
    let deep = format!("{}0{}", "[".repeat(5000), "]".repeat(5000));
    let text = format!(
        "{{\"contentVersion\": \"1\", \"resources\": [{{\"type\": \"Microsoft.Network/networkSecurityGroups\", \"name\": \"n\", \"properties\": {{\"securityRules\": {deep}}}}}]}}"
    );
    assert!(read(&text).snapshot.nsgs.is_empty());
    let text = serde_json::to_string_pretty(&network()).unwrap();
    for length in (0..text.len()).step_by(7).filter(|length| text.is_char_boundary(*length)) {
        let cut = text.get(..length).unwrap();
        assert!(read(cut).snapshot.application_gateways.is_empty(), "{length}");
    }
}
