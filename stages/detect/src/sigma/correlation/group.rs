//! One group of one correlation: its window and its episode.

use super::firing::{MemberRef, Outcome};
use super::limits::MEMBERS_MAX;
use super::plan::Watch;
use super::window::{Closing, Input, Pushed, Window};

/// A group.
#[derive(Debug)]
pub(super) struct Group {
    pub key: Box<[u8]>,
    /// The group's values as its first match had them.
    pub shown: Vec<Box<str>>,
    /// From when the timespan runs after which nothing can come of the group any more: its last match, or the beginning
    /// of a window that is judged when it closes.
    pub seen: i64,
    pub state: State,
    /// How much of it is counted against the limit.
    pub entries: usize,
}

#[derive(Debug)]
pub(super) enum State {
    Sliding(Window, Option<Episode>),
    Closing {
        window: Closing,
        /// The values that correlations above want of the last match.
        carried: Vec<Vec<String>>,
    },
}

/// What came of a match in a sliding window.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// An episode that was over.
    pub ended: Option<Outcome>,
    /// The condition holds; true if an episode begins.
    pub holds: Option<bool>,
    /// The match had nothing that could be counted.
    pub ignored: bool,
}

/// A time in which the condition holds again and again.
#[derive(Debug)]
pub(super) struct Episode {
    outcome: Outcome,
    /// Matches since the condition last held; they belong to the episode if it holds again.
    pending: Vec<MemberRef>,
    pending_count: u64,
}

impl Episode {
    fn begin(watch: &Watch, window: &Window, input: &Input<'_>, value: f64, at_least: bool) -> Self {
        let entries = window.entries(watch, input);
        let first = entries.first().map_or(input.entry.at, |entry| entry.at);
        let members = entries.iter().take(MEMBERS_MAX).map(|entry| entry.member).collect();
        let count = u64::try_from(entries.len()).unwrap_or(u64::MAX);
        let outcome = Outcome { first, last: input.entry.at, count, value, at_least, members, left_out: 0 };
        Self { outcome, pending: Vec::new(), pending_count: 0 }
    }

    fn go_on(&mut self, input: &Input<'_>, value: f64, at_least: bool) {
        self.wait(input.entry.member);
        let Self { outcome, pending, pending_count } = self;
        outcome.count = outcome.count.saturating_add(std::mem::take(pending_count));
        outcome.members.append(pending);
        outcome.last = input.entry.at;
        outcome.at_least |= at_least;
        outcome.value = outcome.value.max(value);
    }

    fn wait(&mut self, member: MemberRef) {
        self.pending_count = self.pending_count.saturating_add(1);
        if self.outcome.members.len() + self.pending.len() < MEMBERS_MAX {
            self.pending.push(member);
        }
    }

    /// The episode is over.
    pub(super) fn end(mut self, watch: &Watch) -> Outcome {
        // Where no more is kept than decides, the count is the value.
        if matches!(watch.kind, crate::sigma::ir::CorrelationKind::EventCount) {
            self.outcome.value = self.outcome.count as f64;
        }
        let named = u64::try_from(self.outcome.members.len()).unwrap_or(u64::MAX);
        self.outcome.left_out = self.outcome.count.saturating_sub(named);
        self.outcome
    }
}

impl Group {
    pub(super) fn new(watch: &Watch, key: &[u8], shown: Vec<Box<str>>, at: i64) -> Self {
        let state = if watch.closing {
            State::Closing { window: Closing::new(watch, at), carried: Vec::new() }
        } else {
            State::Sliding(Window::new(watch), None)
        };
        Self { key: key.into(), shown, seen: at, state, entries: 0 }
    }

    pub(super) fn len(&self) -> usize {
        // The group itself, then what it keeps.
        1 + match &self.state {
            State::Sliding(window, episode) => {
                window.len() + episode.as_ref().map_or(0, |it| it.outcome.members.len() + it.pending.len())
            }
            State::Closing { window, .. } => window.len(),
        }
    }
}

/// Takes a match into a sliding window.
pub(super) fn step(watch: &Watch, window: &mut Window, episode: &mut Option<Episode>, input: &Input<'_>) -> Step {
    let at = input.entry.at;
    let over = |episode: &mut Episode| at.saturating_sub(episode.outcome.last) > watch.span;
    let ended = episode.take_if(over).map(|episode| episode.end(watch));
    match window.push(watch, input) {
        Pushed::Ignored => Step { ended, holds: None, ignored: true },
        Pushed::No => {
            if let Some(episode) = episode {
                episode.wait(input.entry.member);
            }
            Step { ended, holds: None, ignored: false }
        }
        Pushed::Holds { value, at_least } => {
            let begins = episode.is_none();
            match episode {
                Some(episode) => episode.go_on(input, value, at_least),
                None => *episode = Some(Episode::begin(watch, window, input, value, at_least)),
            }
            Step { ended, holds: Some(begins), ignored: false }
        }
    }
}

/// Judges a window that closes.
pub(super) fn judge(watch: &Watch, window: Closing) -> Option<Outcome> {
    let (value, at_least) = window.value(watch)?;
    if !watch.holds(value) {
        return None;
    }
    let Closing { start: first, last, count, members, .. } = window;
    let left_out = count.saturating_sub(u64::try_from(members.len()).unwrap_or(u64::MAX));
    Some(Outcome { first, last, count, value, at_least, members, left_out })
}
