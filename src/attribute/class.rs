//! What a finding concludes: class, confidence, grade (health.md 6.2).

use serde::{Serialize, Serializer};
use std::fmt;

macro_rules! classes {
    ($($variant:ident = $name:literal, $manual:literal;)*) => {
        /// Conclusion about one server (health.md 6.2). `NOT_A_FAULT` (row 35) and `PROBE_MISMATCH_PROXY` (M22) are
        /// names of ours.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Class {
            $(#[doc = $manual] $variant,)*
        }

        impl Class {
            /// Every class.
            pub const ALL: &'static [Class] = &[$(Class::$variant),*];

            /// The name used in every output.
            pub fn name(self) -> &'static str {
                match self { $(Class::$variant => $name,)* }
            }

            /// What it means, for `gatepath explain CLASS`.
            pub fn manual(self) -> &'static str {
                match self { $(Class::$variant => $manual,)* }
            }
        }
    };
}

classes! {
    NetworkBlock = "NETWORK_BLOCK",
        "The simulated path is denied and the record fits it. Graded: confirmed (the configuration is older than the settle time and the probe could not connect), likely, possible (no message).";
    NetworkAsymmetry = "NETWORK_ASYMMETRY",
        "Request and reply take different ways past a stateful device, which drops one of them.";
    PartialSourceCoverage = "PARTIAL_SOURCE_COVERAGE",
        "Only some addresses of the gateway subnet are let through. Instances move inside the subnet, so which of them fail changes without any change of configuration.";
    BackendNotListeningOrDown = "BACKEND_NOT_LISTENING_OR_DOWN",
        "The path is open and still no TCP connection comes about: nothing listens on the port, the host is down, or its own firewall refuses.";
    BackendSlowOrDown = "BACKEND_SLOW_OR_DOWN",
        "The path is open and the probe timed out: the backend is slow, hangs, or is down.";
    TlsTrust = "TLS_TRUST",
        "TCP works; the certificate's issuer is not trusted by the gateway.";
    TlsName = "TLS_NAME",
        "TCP works; the certificate is for another name than the one probed.";
    TlsExpiry = "TLS_EXPIRY",
        "TCP works; the certificate is outside its validity dates.";
    TlsChain = "TLS_CHAIN",
        "TCP works; the certificate chain is incomplete or in the wrong order.";
    TlsOther = "TLS_OTHER",
        "TCP works; the TLS handshake failed for another reason.";
    ProbeMismatchStatus = "PROBE_MISMATCH_STATUS",
        "The backend answered over HTTP with a status that the probe does not accept. The network is not the cause.";
    ProbeMismatchBody = "PROBE_MISMATCH_BODY",
        "The backend answered over HTTP, but the body lacks what the probe looks for. The network is not the cause.";
    ProbeMismatchProxy = "PROBE_MISMATCH_PROXY",
        "The backend does not take the proxy protocol header that the probe sends.";
    ServiceAcl = "SERVICE_ACL",
        "A platform service answered 403: its own access restrictions keep the gateway out. TCP works; no NSG is involved.";
    Dns = "DNS",
        "The gateway does not resolve the backend's name, or resolves it to another address.";
    ManagementPath = "MANAGEMENT_PATH",
        "Azure's management cannot reach the gateway, so health cannot be retrieved. This says nothing about the data path.";
    ContradictionBlockedButHealthy = "CONTRADICTION_BLOCKED_BUT_HEALTHY",
        "The simulated path is denied but the server is recorded healthy, without a message that proves an answer. The record or the input is older than it seems.";
    ContradictionBlockedButAnswered = "CONTRADICTION_BLOCKED_BUT_ANSWERED",
        "The simulated path is denied but the backend answered. The record wins: the input is older or incomplete, or the model is wrong.";
    Transition = "TRANSITION",
        "State and newest probe disagree, or the configuration changed within the settle time: the state is about to change.";
    LatentBlock = "LATENT_BLOCK",
        "A block that does not show yet: it waits behind another cause, or is newer than the record, or concerns a port that is not probed.";
    NoTargets = "NO_TARGETS",
        "The pool has no members; requests sent to it get 502.";
    NotProbed = "NOT_PROBED",
        "No rule uses the pair, or record and configuration are from different times. Absence is not health.";
    HealthyConsistent = "HEALTHY_CONSISTENT",
        "Record and simulated path agree that the backend can be reached.";
    Indeterminate = "INDETERMINATE",
        "What is recorded and what is configured do not decide. The explanation names what would.";
    NotAFault = "NOT_A_FAULT",
        "The server is draining: it is being removed from the pool.";
}

impl Class {
    /// Looks a class up by name, in any letter case.
    pub fn named(text: &str) -> Option<Class> {
        Class::ALL.iter().copied().find(|class| class.name().eq_ignore_ascii_case(text.trim()))
    }

    /// Is the network the reason why a server is not healthy? Decides the exit code together with the recorded state.
    pub fn blames_network(self) -> bool {
        matches!(self, Class::NetworkBlock | Class::NetworkAsymmetry | Class::PartialSourceCoverage)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// How sure a conclusion is (health.md 6.3, column "conf"; `med-high` is medium, `low-med` and `-` are low).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Only row 12: cause, record and time agree.
    Confirmed,
    /// Decided by proof.
    High,
    /// Likelier than any other cause.
    Medium,
    /// A candidate.
    Low,
}

impl Confidence {
    /// The word that is printed.
    pub fn word(self) -> &'static str {
        match self {
            Confidence::Confirmed => "confirmed",
            Confidence::High => "high",
            Confidence::Medium => "medium",
            Confidence::Low => "low",
        }
    }
}

/// Grade of a `NETWORK_BLOCK` (health.md 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Row 12.
    Confirmed,
    /// Rows 12b, 14, 15.
    Likely,
    /// Row 19.
    Possible,
}

impl Grade {
    /// The word that is printed.
    pub fn word(self) -> &'static str {
        match self {
            Grade::Confirmed => "confirmed",
            Grade::Likely => "likely",
            Grade::Possible => "possible",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_found_again() {
        for class in Class::ALL {
            assert_eq!(Class::named(&class.name().to_lowercase()), Some(*class));
            assert_eq!(Class::ALL.iter().filter(|other| other.name() == class.name()).count(), 1);
            assert!(class.manual().ends_with('.'));
        }
        assert_eq!(Class::named("NO_SUCH"), None);
        assert!(Class::NetworkBlock.blames_network() && !Class::LatentBlock.blames_network());
    }
}
