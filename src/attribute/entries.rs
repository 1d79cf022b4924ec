//! The entries of the message catalogue, in the order in which they are tried (health.md 3): M01, M05, M06, M07 to M10,
//! M17, M12, M11, M13 to M16, M18 to M22, M03, M23, M04a, M04b, M02, M24 to M27. M17 stands before M11, whose fragment
//! it holds; M23 before M04, because its text also speaks of NSG, UDR and firewall.

use super::catalogue::{BlockFit, CatalogueEntry, Cause, Evidence, Layer4};

macro_rules! entries {
    ($($code:literal $name:literal, $pattern:literal, $slug:expr,
       $evidence:ident $cause:ident $layer4:ident $block:ident, $proves:literal, $manual:literal, $look:literal;)*) => {
        pub(super) static ENTRIES: &[CatalogueEntry] = &[$(CatalogueEntry {
            code: $code, name: $name, pattern: $pattern, slug: $slug,
            evidence: Evidence::$evidence, cause: Cause::$cause, layer4: Layer4::$layer4, block: BlockFit::$block,
            proves: $proves, manual: $manual, look_at: $look,
        }),*];
    };
}

entries! {
    "M01" "success", r"^success(\.|$)", None,
        Success Healthy Proven No,
        "the last probe got the expected answer, so TCP works in both directions",
        "Recorded for one instance at one moment. Under the state Unhealthy or Unknown the state lags, or the management path of a v1 gateway is blocked; under Unknown behind an appliance that alters packets it is no error.",
        "Nothing to do for this server.";
    "M05" "status mismatch", r"status code of the backend'?s http response did not match the probe setting|received invalid status code", Some("statuscodemismatch"),
        HttpStatus ProbeStatus Proven No,
        "the backend answered over HTTP, so TCP works in both directions; only the status is not the one that the probe accepts",
        "The default probe accepts 200 to 399. A 403 of a platform service (App Service and the like) comes from its own access restrictions; a 401 asks for authentication, which probes cannot give; a 404 is often the wrong path or host name. No NSG, route or firewall rule produces an HTTP status.",
        "Path, host name and accepted status codes of the probe, and the backend's own log.";
    "M06" "body mismatch", r"received response body does not contain|body of the backend'?s http response did not match", None,
        HttpBody ProbeBody Proven No,
        "the backend answered over HTTP, so TCP works in both directions; only the body lacks the text that the probe looks for",
        "Only a custom probe with match.body gives this. The network is not involved.",
        "match.body of the probe, and what the backend returns on the probe's path.";
    "M07" "CN mismatch", r"common name .*does not match", Some("cnmismatch"),
        Tls TlsName Proven No,
        "a certificate was presented, so TCP works; its name is not the host name that is probed",
        "v2 compares the probe's or the setting's host name with the certificate (subject alternative names first), v1 the pool target's name. Another issuer than expected hints at an inspecting firewall that terminates TLS.",
        "Host name of probe and backend setting, names in the certificate.";
    "M08" "certificate date", r#"is not within the "?valid from"#, None,
        Tls TlsExpiry Proven No,
        "a certificate was presented, so TCP works; it is outside its validity dates",
        "Leaf, intermediate and root are all checked. Reported too where no cipher suite is shared.",
        "Validity dates of every certificate in the chain.";
    "M09" "intermediate missing", r"intermediate certificate is missing", None,
        Tls TlsChain Proven No,
        "a certificate was presented, so TCP works; the intermediate certificate is missing from the chain",
        "A self-signed certificate that is no certificate authority gives the same message.",
        "The chain that the backend presents: leaf, intermediates, root.";
    "M10" "leaf missing", r"leaf certificate is missing", None,
        Tls TlsChain Proven No,
        "a chain was presented, so TCP works; the leaf certificate is missing from it",
        "The chain must start with the server's own certificate.",
        "The chain that the backend presents: leaf, intermediates, root.";
    "M17" "server certificate of unknown CA, older text", r"server certificate used by the backend is not signed by a well-known", None,
        Tls TlsTrust Proven No,
        "a certificate was presented, so TCP works; its issuer is not a well-known authority",
        "Older wording of M11.",
        "Upload the issuing root certificate to the backend setting.";
    "M12" "intermediate of unknown CA", r"intermediate certificate is not signed by a well-known", None,
        Tls TlsTrust Proven No,
        "a certificate was presented, so TCP works; its intermediate is not signed by a well-known authority",
        "The setting trusts well-known authorities only, and the chain leads elsewhere.",
        "Upload the private root certificate to the backend setting.";
    "M11" "server certificate of unknown CA", r"server certificate is not signed by a well-known", None,
        Tls TlsTrust Proven No,
        "a certificate was presented, so TCP works; its issuer is not a well-known authority",
        "A private authority's root certificate has to be uploaded to the backend setting.",
        "Upload the issuing root certificate to the backend setting.";
    "M13" "intermediate against uploaded roots", r"not signed by any root certificates uploaded", None,
        Tls TlsTrust Proven No,
        "a certificate was presented, so TCP works; none of the uploaded root certificates signed it",
        "The root certificates of the backend setting do not match the chain, which holds no root itself.",
        "Root certificates of the backend setting.";
    "M14" "root mismatch", r"root certificate of the server certificate .*does not match the trusted root", None,
        Tls TlsTrust Proven No,
        "a certificate was presented, so TCP works; its root is not the trusted root of the setting",
        "The root presented by the backend differs from the uploaded one.",
        "Root certificates of the backend setting against the chain's root.";
    "M15" "leaf not topmost", r"leaf certificate is not the topmost", Some("leafmustbetopmostinchain"),
        Tls TlsChain Proven No,
        "a chain was presented, so TCP works; the leaf certificate is not the first in it",
        "Order: leaf, intermediates, root.",
        "Order of the certificates on the backend.";
    "M16" "verification failed", r"validity of the backend certificate could not be verified", None,
        Tls TlsOther Proven No,
        "a certificate was presented, so TCP works; it could not be verified",
        "The message names an OpenSSL error code where it is complete.",
        "`openssl s_client -showcerts` against the backend.";
    "M18" "v1: certificate not allow-listed", r"not whitelisted with application gateway", Some("authcertificatemismatch"),
        Tls TlsTrust Proven No,
        "a certificate was presented, so TCP works; it is not among the authentication certificates of the v1 gateway",
        "v1 gateways list the backend's own certificates.",
        "Authentication certificates of the backend setting.";
    "M21" "TLS version", r"ssl/tls protocol version mismatch", None,
        Tls TlsOther Proven No,
        "a TLS handshake was begun, so TCP works; no protocol version is shared",
        "Gateway policy and backend have no TLS version or cipher in common.",
        "TLS versions and ciphers of the backend.";
    "M22" "proxy protocol", r"accept the proxy protocol header", None,
        ProxyProtocol ProxyProtocol Proven No,
        "the backend was reached but does not take the proxy protocol header",
        "Layer 4 settings can send the client's address in a proxy protocol header, which the backend has to expect.",
        "enableProbeProxyProtocolHeader of the probe, and the backend's listener.";
    "M03" "probe not created", r"could not create a probe for this backend", Some("dnsresolutionerror"),
        Dns Dns Untested No,
        "the backend's name was not resolved, so no probe was sent; what the path would do is untested",
        "The gateway uses the DNS servers of its virtual network; a private zone must be linked to that network.",
        "DNS servers of the gateway's virtual network, links of private DNS zones.";
    "M23" "health not retrievable", r"backend health status could not be retrieved", Some("unknownbackendhealth"),
        Mgmt ManagementPathOrDns Untested ManagementOnly,
        "Azure could not ask the gateway; it says nothing about the path to the backend",
        "Either the management ports (65200-65535 on v2, 65503-65534 on v1) or the default route of the gateway subnet, or a name in the pool that does not resolve. Traffic was seen to flow on while this was shown. On an isolated gateway it may be ignored.",
        "NSG and routes of the gateway subnet; names in the pool.";
    "M04a" "cannot connect, live text", r"cannot connect to (backend )?server\b.*nsg/udr/firewall", Some("servernotreachable"),
        ConnectFail NetworkBlockOrDown Failed Yes,
        "no TCP connection came about; a blocked path, a closed port, a stopped host and a host firewall look the same",
        "The text names NSG, UDR and firewall whatever the cause is: refused and dropped connections are not told apart, and a name that resolves to the wrong address gives it too.",
        "The simulated path first; with an open path the port, process and firewall on the backend.";
    "M04b" "cannot connect, documented text", r"could not connect to the backend\..*nsg/udr/firewall", Some("servernotreachable"),
        ConnectFail NetworkBlockOrDown Failed Yes,
        "no TCP connection came about; a blocked path, a closed port, a stopped host and a host firewall look the same",
        "Documented wording of M04a.",
        "The simulated path first; with an open path the port, process and firewall on the backend.";
    "M02" "probe timeout", r"time taken by the backend to respond .*timeout threshold", Some("probetimeout"),
        Timeout TimeoutAmbiguous Unproven Ambiguous,
        "no answer came within the probe's timeout; a slow backend and a silently dropped packet look the same",
        "Seen for a slow application, for a lost route, and for replies that take another way. Reachability has to be known before the time limit is thought about.",
        "The simulated path first; with an open path how long the backend needs.";
    "M24" "no healthy servers", r"has no healthy servers", None,
        None Unclassified Nothing Ambiguous,
        "the pool as a whole has no healthy server; nothing is said about this one",
        "An aggregate. The servers' own messages decide.",
        "The messages of the single servers.";
    "M25" "no results", r"^no results", None,
        NoPermission NoPermission Nothing Ambiguous,
        "the reader lacked the permission to see backend health; nothing was recorded",
        "The portal shows this without the permission to read backend health. It is neither healthy nor unhealthy.",
        "Permission Microsoft.Network/applicationGateways/backendhealth/action.";
    "M26" "empty message", r"", None,
        None Unclassified Nothing Ambiguous,
        "the probe message is empty",
        "Old API versions and some states carry no text. The state alone is weak evidence.",
        "A record with messages: `az network application-gateway show-backend-health`.";
    "M27" "unknown message", r"", None,
        Unclassified Unclassified Nothing Ambiguous,
        "the probe message is none that is known, so it proves nothing here",
        "The text is printed as it was recorded.",
        "The text itself.";
}
