//! What a row says, in a number: the state, the message's entry in the catalogue, and its HTTP status.

use crate::attribute::catalogue::{Evidence, Message, classify, entries};
use crate::model::RecordedState;
use std::collections::HashMap;

/// Messages whose class is remembered; more are classified again and again, which is only slower.
const REMEMBERED: usize = 4096;
const STATES: [RecordedState; 5] =
    [RecordedState::Up, RecordedState::Down, RecordedState::Unknown, RecordedState::Partial, RecordedState::Draining];

/// State in the lowest byte, entry + 1 in the next, status above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said(pub(super) u32);

impl Said {
    fn new(state: RecordedState, class: u32) -> Self {
        let state = STATES.iter().position(|known| *known == state).unwrap_or(2);
        Said(class << 8 | u32::try_from(state).unwrap_or(2))
    }

    /// The state.
    pub(super) fn state(self) -> RecordedState {
        STATES.get((self.0 & 0xFF) as usize).copied().unwrap_or(RecordedState::Unknown)
    }

    /// Does the row hold a message?
    pub(super) fn has_message(self) -> bool {
        self.0 >> 8 != 0
    }

    /// What several rows of one moment come to: one state, or a contradiction, which is no state of its own.
    pub(super) fn of_one_moment(said: &[u32]) -> (u32, bool) {
        let first = said.first().copied().unwrap_or_default();
        let differ = said.iter().any(|other| Said(*other).state() != Said(first).state());
        if differ {
            return (Said::new(RecordedState::Partial, 0).0, true);
        }
        (said.iter().copied().max().unwrap_or(first), false)
    }
}

/// Classes of messages that were seen.
#[derive(Debug, Default)]
pub(super) struct Classes {
    known: HashMap<Box<str>, u32>,
}

impl Classes {
    /// What a row says.
    pub(super) fn said(&mut self, state: RecordedState, message: Option<&str>) -> Said {
        Said::new(state, message.map_or(0, |text| self.class(text)))
    }

    /// Does a text tell anything about a server?
    pub(super) fn says_something(&mut self, text: &str) -> bool {
        let entry = (self.class(text) & 0xFF).checked_sub(1);
        let evidence = entry.and_then(|at| entries().get(at as usize)).map(|entry| entry.evidence);
        !matches!(evidence, None | Some(Evidence::None | Evidence::Unclassified))
    }

    fn class(&mut self, text: &str) -> u32 {
        if let Some(class) = self.known.get(text) {
            return *class;
        }
        let class = class_of(&classify(Some(text)));
        if self.known.len() < REMEMBERED {
            self.known.insert(text.into(), class);
        }
        class
    }
}

fn class_of(message: &Message) -> u32 {
    let at = message.entry.and_then(|entry| entries().iter().position(|other| other.code == entry.code));
    let entry = at.and_then(|at| u32::try_from(at + 1).ok()).unwrap_or(0);
    u32::from(message.http_status.unwrap_or(0)) << 8 | entry
}
