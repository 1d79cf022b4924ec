//! Random private endpoints, each with its NIC or not.

use super::generate::{Maker, id, reference, resource};
use super::generate_rules::asg;
use serde_json::{Value, json};

/// Adds private endpoints to some estates.
pub(crate) fn endpoints(maker: &mut Maker<'_>) {
    for (net, subnet, address) in
        [("one", "data", "10.1.2.20"), ("two", "be", "10.2.1.20"), ("hub", "nva", "10.0.3.20")]
    {
        if maker.dice.chance(25) {
            endpoint(maker, net, subnet, address);
        }
    }
}

fn endpoint(maker: &mut Maker<'_>, net: &str, subnet: &str, address: &str) {
    let (name, nic) = (format!("pe-{net}"), format!("pe-{net}-nic"));
    let place = json!({ "id": format!("{}/subnets/{subnet}", id("virtualNetworks", net)) });
    let state = *maker.dice.pick(&["Approved", "Approved", "Approved", "Approved", "Pending", "Rejected"]);
    let mut properties = json!({ "subnet": place, "networkInterfaces": [reference("networkInterfaces", &nic)] });
    let connection = json!({ "name": "c", "properties": { "privateLinkServiceConnectionState": { "status": state } } });
    let manual = maker.dice.chance(30);
    let key = if manual { "manualPrivateLinkServiceConnections" } else { "privateLinkServiceConnections" };
    properties[key] = json!([connection]);
    if maker.dice.chance(40) {
        properties["customDnsConfigs"] = json!([{ "fqdn": "x.example.com", "ipAddresses": [address] }]);
    }
    if maker.dice.chance(20) {
        properties["applicationSecurityGroups"] = json!([reference("applicationSecurityGroups", &asg(net, 0))]);
    }
    let own: Value = json!({ "name": "c", "properties": { "privateIPAddress": address, "subnet": place } });
    let mut of_nic = json!({ "ipConfigurations": [own], "enableIPForwarding": false });
    if maker.dice.chance(70) {
        of_nic["privateEndpoint"] = reference("privateEndpoints", &name);
    }
    // The endpoint or its NIC may be missing in the export, not both.
    let missing = maker.dice.below(25);
    if missing != 0 {
        maker.out.push(resource("networkInterfaces", &nic, of_nic));
    }
    if missing != 1 {
        maker.out.push(resource("privateEndpoints", &name, properties));
    }
}
