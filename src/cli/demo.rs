//! `gatepath demo`: the sample of `samples/demo`, built in.

use super::args::{DemoArgs, Format};
use super::health::{Asked, answer};
use super::{CliError, Io, exit, look};
use crate::compile::{Assumptions, Network};
use crate::ingest::{Input, load};

const FILES: &[(&str, &str)] = &[
    ("demo/snapshot/application-gateway.json", include_str!("../../samples/demo/snapshot/application-gateway.json")),
    ("demo/snapshot/nic.json", include_str!("../../samples/demo/snapshot/nic.json")),
    ("demo/snapshot/nsg.json", include_str!("../../samples/demo/snapshot/nsg.json")),
    ("demo/snapshot/public-ip.json", include_str!("../../samples/demo/snapshot/public-ip.json")),
    ("demo/snapshot/vnet.json", include_str!("../../samples/demo/snapshot/vnet.json")),
    ("demo/health.json", include_str!("../../samples/demo/health.json")),
];

/// Shows the built-in sample; exits 0, since nothing of the user's was asked.
pub(super) fn run(args: &DemoArgs, io: &mut Io<'_>) -> Result<u8, CliError> {
    let inputs = FILES.iter().map(|(name, text)| Input {
        name: (*name).to_owned(),
        bytes: text.as_bytes().to_vec(),
        named: true,
    });
    let loaded = load(inputs.collect());
    let network = Network::compile(&loaded.snapshot, Assumptions::default());
    let look = look(args.color, io);
    writeln!(io.out, "A built-in sample: gateway agw-demo, three pools, and what its backend health said.\n")?;
    answer(&network, &loaded, Asked::default(), Format::Text, look, false, io)?;
    writeln!(io.out, "\nWith your own exports in a folder snap/:")?;
    writeln!(
        io.out,
        "  az network nsg list -o json > snap/nsg.json        (the same for vnet, nic, route-table, public-ip)"
    )?;
    writeln!(io.out, "  az network application-gateway list -o json > snap/application-gateway.json")?;
    writeln!(io.out, "  az network application-gateway show-backend-health -g GROUP -n NAME -o json > health.json")?;
    writeln!(io.out, "  gatepath health snap/ --record health.json")?;
    Ok(exit::OK)
}
