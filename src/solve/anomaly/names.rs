//! Names in backend pools that private DNS does not answer as it looks (health.md 5 item 4).
//!
//! A zone that holds the name and is not linked to the gateway's virtual network; a linked zone without the record; an
//! alias that leads nowhere; DNS servers of the virtual network's own that stand before the zones.

use crate::compile::Network;
use crate::compile::names::{Unresolved, resolve};
use crate::diagnostic::Diagnostic;
use crate::model::PoolAddress;
use crate::solve::names::unresolved;

pub(super) fn check(network: &Network<'_>, out: &mut Vec<Diagnostic>) {
    for gateway in network.snapshot.application_gateways.values() {
        for pool in &gateway.pools {
            for address in &pool.addresses {
                let PoolAddress::Fqdn(name) = &address.value else { continue };
                let Err(why) = resolve(network.snapshot, gateway, pool, name) else { continue };
                // What is only missing from the input is no finding about the configuration.
                let missing = matches!(
                    why,
                    Unresolved::NotInInput { .. } | Unresolved::LinksMissing { .. } | Unresolved::RecordsMissing { .. }
                );
                if !missing {
                    let (finding, _) = unresolved(gateway, name, &why);
                    out.push(finding.label(address.span, format!("in pool {} of {}", pool.name, gateway.name)));
                }
            }
        }
    }
}
