//! The families 48 and 49: names of backends, and ARM templates.

codes! {
    ZONE_NOT_LINKED = "GP480" "private-dns-zone-not-linked" Warning None,
        "a private DNS zone is not linked to the gateway's virtual network",
        "Only linked networks see a zone. The gateway asks public DNS, which has another answer for the name or none; what it answers is not in the input. Backend health then often speaks of NSGs although the name is the cause.",
        "Link the zone: `az network private-dns link vnet create`, then restart or update the gateway.";
    ZONE_NO_RECORD = "GP481" "private-dns-no-record" Warning None,
        "a linked private DNS zone has no record for a name in a pool",
        "The zone answers that the name does not exist (or, with `resolutionPolicy: NxDomainRedirect`, public DNS is asked). The gateway keeps the last address it knew.",
        "Add the record to the zone, or correct the name in the pool.";
    ZONE_RECORDS_MISSING = "GP482" "private-dns-records-missing" Warning None,
        "record sets of a private DNS zone are not in the input",
        "The export of a zone does not hold its record sets.",
        "`az network private-dns record-set list -g GROUP -z ZONE -o json`";
    ZONE_LINKS_MISSING = "GP483" "private-dns-links-missing" Warning None,
        "the virtual network links of a private DNS zone are not in the input",
        "Whether the gateway's virtual network sees the zone is not known.",
        "`az network private-dns link vnet list -g GROUP -z ZONE -o json`";
    CUSTOM_DNS = "GP484" "custom-dns-servers" Warning None,
        "the gateway's virtual network uses DNS servers of its own",
        "They need not ask Azure, so what private DNS zones say is a hint and no answer.",
        "`--resolve NAME=IP` with what these servers answer.";
    ALIAS = "GP485" "private-dns-alias-unresolved" Warning None,
        "a CNAME record of a private DNS zone leads to no address",
        "It leads to a name that only public DNS knows, or back to where it came from.",
        "`--resolve NAME=IP`, or correct the record.";
    NAME_FROM_ZONE = "GP486" "name-from-private-dns-zone" Note None,
        "an address of a name comes from a private DNS zone",
        "The zone is linked to the gateway's virtual network and has the record.",
        "Nothing to do.";
    NAME_FROM_LOG = "GP487" "name-from-access-log" Warning None,
        "an address of a name comes from an access log",
        "The gateway used this address for a pool that holds only this name. The name may have moved since.",
        "`--resolve NAME=IP` if it has.";
    NAME_FROM_ENDPOINT = "GP488" "name-from-private-endpoint" Warning None,
        "a name is taken from a private endpoint's own DNS configuration",
        "No private DNS zone of the input holds the name. The endpoint's configuration says what the name should lead to; whether the gateway's DNS says so too depends on a zone and its link.",
        "Export the private DNS zone with its record sets and links: `az network private-dns zone list -o json`.";
    TEMPLATE_READ = "GP490" "template-read" Note None,
        "an ARM template is read as configuration",
        "Expressions that literals, parameters and variables decide are evaluated. A template names neither subscription nor resource group: placeholders stand in the ids.",
        "Give the parameters with it: `{\"template\": ..., \"parameters\": ...}`.";
    TEMPLATE_OPEN = "GP491" "template-value-unknown" Warning None,
        "a deciding value of an ARM template is not known",
        "It is never guessed: the resource was not used, and what refers to it is unknown.",
        "Give the parameters with the template, or an export of the deployed resource.";
}
