//! One possible world of a question, and how the evaluation of a flow ends.

use super::address::Addr;
use super::world::World;
use std::collections::BTreeMap;

/// Stages in the order in which a deny is named (conformance/README.md).
pub(crate) const STAGES: [&str; 11] = [
    "admin-out",
    "nsg-out-nic",
    "nsg-out-subnet",
    "route",
    "firewall",
    "peering",
    "admin-in",
    "nsg-in-subnet",
    "nsg-in-nic",
    "private-endpoint",
    "return-route",
];

/// Starts facts about another flow than the one that is asked about.
const OTHER_FLOW: &str = "other flow: ";

/// Something that the snapshot does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fact {
    /// What is asked, in words that are the same wherever the same thing is asked.
    pub(crate) what: String,
    /// The address that it is about.
    pub(crate) about: Option<Addr>,
}

impl Fact {
    /// A fact about one address.
    pub(crate) fn about(what: &str, address: Addr) -> Fact {
        Fact { what: what.to_owned(), about: Some(address) }
    }

    fn follows_flow(&self) -> bool {
        ["missing nsg ", "unseen nic allows", "ports of ", "unseen admin rules "]
            .iter()
            .any(|start| self.what.starts_with(start))
    }

    /// The fact as another flow than the asked one needs it.
    pub(crate) fn for_other_flow(self) -> Fact {
        let start = if self.follows_flow() { OTHER_FLOW } else { "" };
        Fact { what: format!("{start}{}", self.what), about: self.about }
    }

    /// Another fact.
    pub(crate) fn plain(what: String) -> Fact {
        Fact { what, about: None }
    }
}

/// Where something is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) stage: &'static str,
    pub(crate) resource: Option<String>,
    pub(crate) rule: Option<String>,
    /// Priority of a rule; 0 elsewhere.
    pub(crate) order: i64,
}

impl Place {
    /// A stage with the resource that decides there.
    pub(crate) fn of(stage: &'static str, resource: Option<String>) -> Place {
        Place { stage, resource, rule: None, order: 0 }
    }

    /// Order in which denies are named.
    pub(crate) fn rank(&self) -> (usize, i64) {
        (STAGES.iter().position(|stage| *stage == self.stage).expect("a known stage"), self.order)
    }
}

/// Why the evaluation of a flow ends before its end.
#[derive(Debug, Clone)]
pub(crate) enum Halt {
    /// The flow, or its reply, is lost here.
    Deny(Place),
    /// It arrives, whatever would come next.
    Arrives(Option<Place>),
    /// It may go on in several ways, each told by an address.
    Split(Vec<Addr>),
    /// A fact is missing.
    Missing(Missing),
}

/// A missing fact, and where it was asked for.
pub(crate) type Missing = Box<(Fact, Place)>;

/// What is known of a yes-or-no question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Known {
    Yes,
    No,
    /// Yes where any of these facts holds.
    Open(Vec<Fact>),
}

impl Known {
    /// Is any of them true?
    pub(crate) fn any(all: impl IntoIterator<Item = Known>) -> Known {
        let mut open = Vec::new();
        for one in all {
            match one {
                Known::Yes => return Known::Yes,
                Known::No => {}
                Known::Open(facts) => open.extend(facts),
            }
        }
        if open.is_empty() { Known::No } else { Known::Open(open) }
    }
}

/// What the user said to take for granted.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Assumed {
    /// `--assume nic=none`.
    pub(crate) no_unseen_nics: bool,
    /// `--assume appliance=transparent`.
    pub(crate) transparent: bool,
}

/// One possible world.
#[derive(Debug)]
pub(crate) struct Case<'w> {
    pub(crate) world: &'w World,
    pub(crate) assumed: Assumed,
    pub(crate) answers: &'w BTreeMap<Fact, bool>,
}

impl Case<'_> {
    /// Does the fact hold here?
    pub(crate) fn ask(&self, fact: Fact, place: &Place) -> Result<bool, Halt> {
        match self.answers.get(&fact) {
            Some(answer) => Ok(*answer),
            None => Err(Halt::Missing(Box::new((fact, place.clone())))),
        }
    }

    /// The answers as another flow than the asked one finds them: what filters that are not there, or that cannot be read,
    /// do with it is a question of its own.
    pub(crate) fn of_other_flow(&self) -> BTreeMap<Fact, bool> {
        let own = |(fact, answer): (&Fact, &bool)| {
            let what = fact.what.strip_prefix(OTHER_FLOW);
            let fact = Fact { what: what.unwrap_or(&fact.what).to_owned(), about: fact.about };
            (what.is_some() || !fact.follows_flow()).then_some((fact, *answer))
        };
        self.answers.iter().filter_map(own).collect()
    }

    /// The answer to a question, with its missing facts asked one after the other.
    pub(crate) fn settle(&self, known: Known, place: &Place) -> Result<bool, Halt> {
        let facts = match known {
            Known::Yes => return Ok(true),
            Known::No => return Ok(false),
            Known::Open(facts) => facts,
        };
        for fact in facts {
            if self.ask(fact, place)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
