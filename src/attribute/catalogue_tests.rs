//! Every message of the catalogue in the wordings that were seen or documented.

use super::*;

fn code(text: &str) -> Option<&'static str> {
    classify(Some(text)).code()
}

#[test]
fn every_pattern_compiles() {
    for (entry, pattern) in PATTERNS.iter() {
        assert_eq!(pattern.is_none(), entry.pattern.is_empty(), "{}", entry.code);
    }
    assert!(RECEIVED.is_some() && EXPECTED.is_some());
    let without: Vec<_> = ENTRIES.iter().filter(|entry| entry.pattern.is_empty()).map(|entry| entry.code).collect();
    assert_eq!(without, ["M26", "M27"]);
}

#[test]
fn entries_are_complete_and_in_the_order_of_the_specification() {
    let codes: Vec<_> = ENTRIES.iter().map(|entry| entry.code).collect();
    let expected =
        "M01 M05 M06 M07 M08 M09 M10 M17 M12 M11 M13 M14 M15 M16 M18 M21 M22 M03 M23 M04a M04b M02 M24 M25 M26 M27";
    assert_eq!(codes.join(" "), expected);
    for entry in entries() {
        assert_eq!(entry_named(&entry.code.to_lowercase()).map(|found| found.code), Some(entry.code));
        assert_eq!(entry.evidence.proves_layer4(), entry.layer4 == Layer4::Proven, "{}", entry.code);
        assert!(
            !entry.proves.is_empty() && entry.manual.ends_with('.') && entry.look_at.ends_with('.'),
            "{}",
            entry.code
        );
        assert!(entry.slug.is_none_or(|slug| slug.bytes().all(|byte| byte.is_ascii_lowercase())), "{}", entry.code);
    }
    assert_eq!(entry_named("M19"), None);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of wordings")]
fn real_and_documented_wordings() {
    let cases = [
        ("Success. Received 200 status code", "M01"),
        ("Success", "M01"),
        (
            "Time taken by the backend to respond to application gateway\u{2019}s health probe is more than the **time-out threshold** in the probe setting.",
            "M02",
        ),
        (
            "Time taken by the backend to respond to application gateway's health probe is more than the timeout threshold in the probe setting. Either increase the timeout threshold in the probe setting or resolve the backend issues. Note: for default probe, the http timeout is 30s. To learn more visit - https://aka.ms/ProbeTimeOut.",
            "M02",
        ),
        (
            "Application Gateway could not create a probe for this backend. This usually happens when the FQDN of the backend has not been entered correctly.",
            "M03",
        ),
        (
            "Cannot connect to backend server. Check whether any NSG/UDR/Firewall is blocking access to the server. Check if application is running on correct port. To learn more visit - https://aka.ms/servernotreachable.",
            "M04a",
        ),
        (
            "Cannot connect to server. Check whether any NSG/UDR/Firewall is blocking access to server. Check if application is running on correct port.",
            "M04a",
        ),
        (
            "Application Gateway could not connect to the backend. Check that the backend responds on the port used for the probe. Also check whether any NSG/UDR/Firewall is blocking access to the Ip and port of this backend.",
            "M04b",
        ),
        (
            "Status code of the backend's HTTP response did not match the probe setting. Expected:{200-399} Received:{404}.",
            "M05",
        ),
        ("Received invalid status code: 502 in the backend server's HTTP response.", "M05"),
        (
            "Body of the backend's HTTP response did not match the\nprobe setting. Received response body doesn't contain {string}.",
            "M06",
        ),
        ("Received response body doesn\u{2019}t contain {status=green}.", "M06"),
        (
            "The Common Name of the leaf certificate presented by the backend server does not match the Probe or Backend Setting hostname of the application gateway.",
            "M07",
        ),
        ("The Common Name (CN) of the backend certificate doesn\u{2019}t match.", "M07"),
        (
            "Backend certificate is invalid. Current date is not within the \"Valid from\" and \"Valid to\" date range on the certificate.",
            "M08",
        ),
        (
            "Backend certificate is invalid. Current date isn't within the \u{201c}Valid from\u{201d} and \u{201c}Valid to\u{201d} date range.",
            "M08",
        ),
        (
            "The **Intermediate certificate is missing** from the certificate chain presented by the backend server.",
            "M09",
        ),
        ("The **Leaf certificate is missing** from the certificate chain presented by the backend server.", "M10"),
        (
            "The backend **Server certificate** is not signed by a well-known Certificate Authority (CA). To use unknown CA certificates, its Root certificate must be uploaded.",
            "M11",
        ),
        ("The **Intermediate certificate** is not signed by a well-known Certificate Authority (CA).", "M12"),
        (
            "The Intermediate certificate not signed by any Root certificates uploaded to the application gateway.",
            "M13",
        ),
        (
            "The Intermediate certificate is not signed by any Root certificates uploaded to the application gateway.",
            "M13",
        ),
        (
            "The root certificate of the server certificate used by the backend doesn't match the trusted root certificate added to the application gateway. Ensure that you add the correct root certificate to allowlist the backend.",
            "M14",
        ),
        ("The Leaf certificate is not the topmost certificate in the chain presented by the backend server.", "M15"),
        (
            "The validity of the backend certificate could not be verified. To find out the reason, check OpenSSL diagnostics for the message associated with error code {errorCode}",
            "M16",
        ),
        ("The server certificate used by the backend is not signed by a well-known Certificate Authority (CA).", "M17"),
        ("The server certificate used by the backend isn't signed by a well-known Certificate Authority.", "M17"),
        ("Backend server certificate is not whitelisted with Application Gateway.", "M18"),
        ("SSL/TLS protocol version mismatch.", "M21"),
        ("Verify that the backend server is set up to accept the Proxy protocol header sent by the probes.", "M22"),
        (
            "The backend health status could not be retrieved. This happens when an NSG/UDR/Firewall on the application gateway subnet is blocking traffic on ports 65503-65534 in case of v1 SKU, and ports 65200-65535 in case of the v2 SKU or if the FQDN configured in the backend pool could not be resolved to an IP address.",
            "M23",
        ),
        ("The backend pool has no healthy servers.", "M24"),
        ("No results.", "M25"),
        ("", "M26"),
        (" \r\n\t", "M26"),
        ("Probe state 0x2C reported by instance.", "M27"),
    ];
    for (text, expected) in cases {
        assert_eq!(code(text), Some(expected), "{text}");
    }
}

#[test]
fn the_link_decides_where_no_fragment_fits() {
    let cases = [
        ("Reworded. https://aka.ms/servernotreachable.", "M04a"),
        ("Reworded. https://aka.ms/ProbeTimeOut.", "M02"),
        ("Reworded. https://aka.ms/dnsresolutionerror.", "M03"),
        ("Reworded. https://aka.ms/StatusCodeMismatch.", "M05"),
        ("Reworded. https://aka.ms/CNMismatch.", "M07"),
        ("Reworded. https://aka.ms/LeafMustbeTopmostinChain.", "M15"),
        ("Reworded. https://aka.ms/authcertificatemismatch", "M18"),
        ("Reworded. https://aka.ms/UnknownBackendHealth.", "M23"),
        ("Reworded. https://aka.ms/SomethingElse.", "M27"),
        ("servernotreachable without a link", "M27"),
    ];
    for (text, expected) in cases {
        assert_eq!(code(text), Some(expected), "{text}");
    }
}

#[test]
fn the_received_status_is_taken_not_the_expected_one() {
    let status = |text: &str| {
        let message = classify(Some(text));
        (message.http_status, message.expected)
    };
    let long = "Status code of the backend's HTTP response did not match the probe setting. ";
    assert_eq!(status(&format!("{long}Expected:{{200}} Received:{{302}}.")), (Some(302), Some("200".into())));
    assert_eq!(status(&format!("{long}Expected:200-399 Received:404.")), (Some(404), Some("200-399".into())));
    assert_eq!(status(&format!("{long}Expected: 200-299,401 Received: 503")), (Some(503), Some("200-299,401".into())));
    assert_eq!(status(long), (None, None));
    assert_eq!(status("Received invalid status code: 502 in the backend server's HTTP response."), (Some(502), None));
    assert_eq!(status("Success. Received 301 status code"), (Some(301), None));
    assert_eq!(status("Something was received: 404"), (None, None));
}

#[test]
fn no_text_is_no_entry_and_no_evidence() {
    assert_eq!(classify(None), Message::ABSENT);
    assert_eq!(classify(None).evidence(), Evidence::None);
    assert_eq!(classify(Some("")).evidence(), Evidence::None);
    assert_eq!(classify(Some("what?")).evidence(), Evidence::Unclassified);
}

#[test]
fn hostile_text_is_only_unclassified() {
    let long = "received ".repeat(50_000);
    for text in [long.as_str(), "\u{0}\u{1b}[31m", "aka.ms/", "\u{130}\u{1f600}n't", "**"] {
        assert!(matches!(code(text), Some("M27" | "M26")), "{}", text.chars().take(20).collect::<String>());
    }
}
