//! All rules that records of one kind may match, compiled into one.
//!
//! Building goes in passes over the members: lower each condition to atoms over slots (equal atoms of all rules are one
//! atom), count how common the texts are, index the rare ones, choose each rule's witnesses, emit its program.
//!
//! Evaluating goes: every value through the index, which names the candidates; then each candidate's program, which tests
//! an atom at most once an event, whichever rules share it. Nothing is allocated once the [`Marks`] have grown.

use std::cell::Cell;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::thread;

use ipnet::IpNet;
use memchr::memmem;
use rustc_hash::FxHashMap;
use shieldwall_schema::event::{SlotSpec, Slots, Tag, Want};
use shieldwall_schema::mapping::{Bucket, Mappings};
use shieldwall_schema::value::Kind;

use super::admit::{Admission, Member, code_of, native, settle_code};
use super::compare::{self, REF_VALUES_MAX};
use super::grams::GramCounts;
use super::index::{ENTRY, Index, Needle, Place};
use super::memo::{Known, Memo};
use super::pattern::LazyRegex;
use super::program::{ACCEPT, Node, REJECT, Step, emit, run};
use super::scratch::Marks;
use super::witness::{NO_WITNESS, Sign, VALUE_RARITY, best, chosen, chosen_of, rarest_of, rarity};
use crate::sigma::ir::{Atom, Expr, Number, Order, Part, Pattern, RefOrder, RuleIndex, RuleSet, Test, TimePart};

/// How many slots one group may have; SigmaHQ's greatest has about 60. Rules that would need more are evaluated the slow
/// way, by the whole record.
pub const GROUP_SLOTS_MAX: usize = 4096;

/// Fewer texts are indexed in less time than a thread takes to start.
const INDEXED_BESIDE_MIN: usize = 2048;

/// Different atoms that a rule adds to a group, about: SigmaHQ's 1,443 process rules have 14,427.
const ATOMS_PER_MEMBER: usize = 10;

/// One compiled group.
#[derive(Debug)]
pub(crate) struct Group {
    /// What is asked of decoders.
    pub(crate) want: Arc<Want>,
    /// Members that are evaluated the slow way.
    pub(crate) slow: Vec<Member>,
    members: Vec<Compiled>,
    /// Members without a witness.
    always: Vec<u32>,
    steps: Vec<Step>,
    /// What regexes need, as programs over index entries.
    gates: Vec<Step>,
    atoms: Vec<GroupAtom>,
    texts: String,
    /// The searches for texts that the index does not hold.
    finders: Vec<memmem::Finder<'static>>,
    globs: Vec<Glob>,
    regexes: Vec<Arc<LazyRegex>>,
    networks: Vec<IpNet>,
    index: Index,
}

#[derive(Debug, Clone, Copy)]
struct Compiled {
    rule: RuleIndex,
    admission: Admission,
    entry: u32,
}

/// A glob with the searches for its texts.
#[derive(Debug)]
struct Glob {
    parts: Vec<Part>,
    /// Part → its search, where it is text.
    finders: Vec<Option<memmem::Finder<'static>>>,
}

impl Glob {
    fn new(parts: &[Part]) -> Self {
        let finder = |part: &Part| match part {
            Part::Text(text) => Some(memmem::Finder::new(text.as_bytes()).into_owned()),
            Part::One | Part::Many => None,
        };
        Self { parts: parts.to_vec(), finders: parts.iter().map(finder).collect() }
    }

    fn matches(&self, value: &str) -> bool {
        compare::glob_by(&self.parts, value, |at, text, value| match self.finders.get(at) {
            Some(Some(finder)) => finder.find(value.as_bytes()),
            _ => compare::find(text, value),
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct GroupAtom {
    slot: u16,
    check: Check,
}

/// Marks a step that asks whether an index entry was met: the entry decides the atom once all values were looked at.
const BY_ENTRY: u32 = 1 << 31;

/// A test with its parts moved into the group.
#[derive(Debug, Clone, Copy)]
enum Check {
    Whole { text: (u32, u32), cased: bool },
    Start { text: (u32, u32), cased: bool },
    End { text: (u32, u32), cased: bool },
    Anywhere { text: (u32, u32), cased: bool },
    Found { finder: u32, cased: bool },
    Any,
    Glob { glob: u32, cased: bool },
    Regex { regex: u32, gate: u32 },
    Network(u32),
    Compare(Order, Number),
    Null,
    Exists(bool),
    Reference { other: u16, how: RefOrder, cased: bool },
    TimePart(TimePart, i64),
}

/// A worker's memory, as evaluating takes it.
pub(crate) struct Memory<'m> {
    /// Marks of the record.
    pub(crate) marks: &'m mut Marks,
    /// Answers for values that come again.
    pub(crate) memo: &'m mut Memo,
    /// Marks of one value alone.
    pub(crate) alone: &'m mut Marks,
}

/// What building a group takes.
pub(crate) struct Plan<'a> {
    pub(crate) set: &'a RuleSet,
    pub(crate) mappings: &'a Mappings,
    /// One tag of those that the group is for; all give the same answers about their code.
    pub(crate) tag: &'a Tag<'a>,
    pub(crate) handle: u32,
}

/// Regexes by pattern, shared by all groups.
pub(crate) type Regexes = FxHashMap<Box<str>, Arc<LazyRegex>>;

impl Group {
    /// Compiles members. Rules that cannot be compiled are told to `refused` and left out.
    pub(crate) fn new(
        plan: &Plan<'_>,
        members: &[Member],
        regexes: &mut Regexes,
        refused: &mut Vec<(RuleIndex, String)>,
    ) -> Self {
        let mut builder = Builder::new(plan);
        builder.atoms_known.reserve(members.len() * ATOMS_PER_MEMBER);
        for member in members {
            match builder.member(member) {
                Ok(()) => {}
                Err(Trouble::Slots) => builder.slow.push(*member),
                Err(Trouble::Refused(why)) => refused.push((member.rule, why)),
            }
        }
        builder.finish(regexes)
    }

    /// Evaluates one event's slots; appends the rules that match, sorted.
    pub(crate) fn evaluate(&self, slots: &Slots, memory: Memory<'_>, hits: &mut Vec<RuleIndex>) {
        let Memory { marks, memo, alone } = memory;
        marks.begin(self.atoms.len(), self.index.len(), self.members.len(), self.want.slots.len());
        for value in slots.iter() {
            marks.value(value.slot);
            // Behind the rules' own slots stand those of others.
            if usize::from(value.slot) >= self.want.slots.len() {
                continue;
            }
            if value.kind == Kind::Null {
                self.index.look_null(value.slot, marks);
            } else {
                self.look(value.slot, value.folded, marks, memo, alone);
            }
        }
        let before = hits.len();
        // Taken out and put back, so that marks can be written while the list is read.
        let candidates = std::mem::take(&mut marks.candidates);
        for member in self.always.iter().chain(&candidates) {
            let Some(member) = self.members.get(*member as usize) else { continue };
            if run(&self.steps, member.entry, |atom| self.holds(atom, slots, marks)) && !marks.broken {
                hits.push(member.rule);
            }
            marks.broken = false;
        }
        marks.candidates = candidates;
        if let Some(found) = hits.get_mut(before..) {
            found.sort_unstable();
        }
    }

    /// Asks the index about a value, or the memory where it came before.
    #[inline]
    fn look(&self, slot: u16, value: &str, marks: &mut Marks, memo: &mut Memo, alone: &mut Marks) {
        match memo.find(self.want.handle, slot, value.as_bytes()) {
            Known::Entries(entries) => entries.iter().for_each(|entry| self.index.meet(*entry, marks)),
            Known::Nothing => self.index.look(slot, value, marks),
            Known::Again(at) => {
                // What other values of the record met must not hide what this one meets.
                alone.begin(0, self.index.len(), self.members.len(), 0);
                let mut met = alone.met.take().unwrap_or_default();
                met.clear();
                alone.met = Some(met);
                self.index.look(slot, value, alone);
                let met = alone.met.as_deref().unwrap_or_default();
                met.iter().for_each(|entry| self.index.meet(*entry, marks));
                memo.keep(at, self.want.handle, slot, value.as_bytes(), met);
            }
        }
    }

    /// Through what one of the group's rules is admitted; members stand in the order of the rules.
    pub(crate) fn admission(&self, rule: RuleIndex) -> Option<Admission> {
        let at = self.members.binary_search_by_key(&rule, |member| member.rule).ok()?;
        self.members.get(at).map(|member| member.admission)
    }

    /// How many rules would be evaluated for the event that `marks` were last used for; for tests and benches.
    pub(crate) fn last_candidates(&self, marks: &Marks) -> usize {
        self.always.len() + marks.candidates.len()
    }

    /// How many rules the group has.
    pub(crate) fn len(&self) -> usize {
        self.members.len() + self.slow.len()
    }

    #[inline]
    fn holds(&self, atom: u32, slots: &Slots, marks: &mut Marks) -> bool {
        if atom & BY_ENTRY != 0 {
            return marks.entry_seen(atom & !BY_ENTRY);
        }
        marks.known(atom).unwrap_or_else(|| self.ask(atom, slots, marks))
    }

    fn ask(&self, atom: u32, slots: &Slots, marks: &mut Marks) -> bool {
        let Some(test) = self.atoms.get(atom as usize) else { return false };
        let holds = self.test(test, slots, marks);
        if !marks.broken {
            marks.learn(atom, holds);
        }
        holds
    }

    fn test(&self, atom: &GroupAtom, slots: &Slots, marks: &mut Marks) -> bool {
        let slot = atom.slot;
        match atom.check {
            Check::Whole { text, cased } => {
                let text = self.text(text);
                any(slots, marks, slot, cased, |value| value == text)
            }
            Check::Start { text, cased } => {
                let text = self.text(text);
                any(slots, marks, slot, cased, |value| value.starts_with(text))
            }
            Check::End { text, cased } => {
                let text = self.text(text);
                any(slots, marks, slot, cased, |value| value.ends_with(text))
            }
            Check::Anywhere { text, cased } => {
                let text = self.text(text);
                any(slots, marks, slot, cased, |value| compare::find(text, value).is_some())
            }
            Check::Found { finder, cased } => self
                .finders
                .get(finder as usize)
                .is_some_and(|finder| any(slots, marks, slot, cased, |value| finder.find(value.as_bytes()).is_some())),
            Check::Any => any(slots, marks, slot, true, |_| true),
            Check::Glob { glob, cased } => self
                .globs
                .get(glob as usize)
                .is_some_and(|glob| any(slots, marks, slot, cased, |value| glob.matches(value))),
            // What the regex needs was looked for in all values together: it may be in question where no one value has it all.
            Check::Regex { gate, .. } if !run(&self.gates, gate, |entry| marks.entry_seen(entry)) => false,
            Check::Regex { regex, .. } => {
                let Some(regex) = self.regexes.get(regex as usize) else { return false };
                let broken = Cell::new(false);
                let holds = any(slots, marks, slot, true, |value| {
                    regex.is_match(value).unwrap_or_else(|| {
                        broken.set(true);
                        false
                    })
                });
                marks.broken |= broken.get();
                holds && !broken.get()
            }
            Check::Network(network) => self
                .networks
                .get(network as usize)
                .is_some_and(|network| any(slots, marks, slot, true, |value| compare::in_network(network, value))),
            Check::Compare(order, limit) => any(slots, marks, slot, true, |value| compare::number(order, limit, value)),
            Check::Null => {
                marks.last_of(slot).is_none() || values(slots, marks, slot).any(|value| value.kind == Kind::Null)
            }
            Check::Exists(wanted) => marks.last_of(slot).is_some() == wanted,
            Check::Reference { other, how, cased } => self.reference(slots, marks, (slot, other), how, cased),
            Check::TimePart(part, want) => any(slots, marks, slot, true, |value| compare::time_part(part, want, value)),
        }
    }

    fn reference(&self, slots: &Slots, marks: &Marks, (slot, other): (u16, u16), how: RefOrder, cased: bool) -> bool {
        let texts = |slot| {
            let valued = values(slots, marks, slot).filter(|value| value.kind != Kind::Null);
            valued.map(|value| if cased { value.raw } else { value.folded }).take(REF_VALUES_MAX)
        };
        texts(slot).any(|value| texts(other).any(|other| compare::reference(how, value, other)))
    }

    fn text(&self, range: (u32, u32)) -> &str {
        self.texts.get(range.0 as usize..range.1 as usize).unwrap_or_default()
    }
}

/// The values of a slot, the last one first.
fn values<'a>(
    slots: &'a Slots,
    marks: &'a Marks,
    slot: u16,
) -> impl Iterator<Item = shieldwall_schema::event::Slotted<'a>> {
    std::iter::successors(marks.last_of(slot), |at| marks.before(*at)).filter_map(|at| slots.get(at as usize))
}

/// Whether a value of the slot, other than null, passes.
fn any(slots: &Slots, marks: &Marks, slot: u16, raw: bool, pass: impl Fn(&str) -> bool) -> bool {
    values(slots, marks, slot).any(|value| value.kind != Kind::Null && pass(if raw { value.raw } else { value.folded }))
}

/// Why a rule is not in the group's programs.
enum Trouble {
    /// The group has no slot left.
    Slots,
    /// The rule itself is at fault.
    Refused(String),
}

struct Builder<'r> {
    plan: &'r Plan<'r>,
    specs: Vec<SlotSpec>,
    keywords: Option<u16>,
    /// (bucket, field) → what is known of it.
    fields: FxHashMap<(Admission, &'r str), Asked<'r>>,
    /// The field asked for last: mostly the next test asks for it again.
    last: Option<(Admission, &'r str, Asked<'r>)>,
    /// Native names → slot.
    names: FxHashMap<Vec<&'r str>, u16>,
    /// (slot, other slot of a reference, test) → atom.
    atoms_known: FxHashMap<(u16, u16, &'r Test), u32>,
    atoms: Vec<Draft<'r>>,
    members: Vec<(Member, Node)>,
    slow: Vec<Member>,
}

/// A rule's field, as a bucket has it.
#[derive(Clone, Copy, Debug)]
struct Asked<'r> {
    /// What the tag says that it is, where it is the code.
    code: Option<&'r str>,
    /// The slot, once one was needed.
    slot: Option<u16>,
}

/// An atom while the group is built.
struct Draft<'r> {
    slot: u16,
    other: u16,
    test: &'r Test,
    sign: Sign<'r>,
    /// How many places in conditions share it.
    uses: u32,
}

impl<'r> Builder<'r> {
    fn new(plan: &'r Plan<'r>) -> Self {
        Self {
            plan,
            specs: Vec::new(),
            keywords: None,
            fields: FxHashMap::default(),
            last: None,
            names: FxHashMap::default(),
            atoms_known: FxHashMap::default(),
            atoms: Vec::new(),
            members: Vec::new(),
            slow: Vec::new(),
        }
    }

    fn member(&mut self, member: &Member) -> Result<(), Trouble> {
        let Some(rule) = self.plan.set.rules.get(member.rule.0 as usize) else { return Ok(()) };
        let bucket = member.admission.bucket(self.plan.mappings);
        let node = self.lower(&rule.expr, member.admission, bucket, false)?;
        if node != Node::Constant(false) {
            self.members.push((*member, node));
        }
        Ok(())
    }

    /// Negation normal form over the group's atoms. Depth is bounded by the guard.
    fn lower(
        &mut self,
        expr: &'r Expr,
        admission: Admission,
        bucket: Option<&'r Bucket>,
        negated: bool,
    ) -> Result<Node, Trouble> {
        match expr {
            Expr::And(children) | Expr::Or(children) => {
                let mut lowered = Vec::with_capacity(children.len());
                for child in children {
                    lowered.push(self.lower(child, admission, bucket, negated)?);
                }
                Ok(Node::join(matches!(expr, Expr::And(_)) != negated, lowered))
            }
            Expr::Not(child) => self.lower(child, admission, bucket, !negated),
            Expr::Selection(_, child) => self.lower(child, admission, bucket, negated),
            Expr::Atom(atom) => {
                let field = atom.field.as_deref().map(|field| self.asked(field, admission, bucket));
                let code = field.and_then(|field| field.code);
                if let Some(value) = code.and_then(|code| settle_code(&atom.test, code)) {
                    return Ok(Node::Constant(value != negated));
                }
                Ok(Node::Leaf { atom: self.atom(atom, admission, bucket)?, negated })
            }
        }
    }

    fn atom(&mut self, atom: &'r Atom, admission: Admission, bucket: Option<&'r Bucket>) -> Result<u32, Trouble> {
        let slot = match &atom.field {
            Some(field) => self.slot(field, admission, bucket)?,
            None => self.keyword_slot()?,
        };
        let other = match &atom.test {
            Test::FieldRef { field, .. } => self.slot(field, admission, bucket)?,
            _ => 0,
        };
        match self.atoms_known.entry((slot, other, &atom.test)) {
            Entry::Occupied(known) => {
                if let Some(draft) = self.atoms.get_mut(*known.get() as usize) {
                    draft.uses += 1;
                }
                Ok(*known.get())
            }
            Entry::Vacant(place) => {
                if let Test::Cidr(text) = &atom.test
                    && compare::network(text).is_none()
                {
                    return Err(Trouble::Refused(format!("`{text}` is not a network")));
                }
                let sign =
                    Sign::of(&atom.test, self.plan.set).map_err(|why| Trouble::Refused(format!("regex: {why}")))?;
                let at = self.atoms.len() as u32;
                self.atoms.push(Draft { slot, other, test: &atom.test, sign, uses: 1 });
                Ok(*place.insert(at))
            }
        }
    }

    /// What is known of a field.
    fn asked(&mut self, field: &'r str, admission: Admission, bucket: Option<&'r Bucket>) -> Asked<'r> {
        if let Some((_, _, asked)) = self.last.filter(|(through, last, _)| (*through, *last) == (admission, field)) {
            return asked;
        }
        let tag = self.plan.tag;
        let asked = self.fields.entry((admission, field));
        let asked = *asked.or_insert_with(|| Asked { code: code_of(bucket, field, tag), slot: None });
        self.last = Some((admission, field, asked));
        asked
    }

    fn slot(&mut self, field: &'r str, admission: Admission, bucket: Option<&'r Bucket>) -> Result<u16, Trouble> {
        let mut asked = self.asked(field, admission, bucket);
        if let Some(slot) = asked.slot {
            return Ok(slot);
        }
        let names = native(bucket, field);
        let slot = match self.names.get(&names) {
            Some(slot) => *slot,
            None => {
                let slot = self.new_slot(names.iter().map(|name| Box::from(*name)).collect())?;
                self.names.insert(names, slot);
                slot
            }
        };
        asked.slot = Some(slot);
        self.fields.insert((admission, field), asked);
        self.last = Some((admission, field, asked));
        Ok(slot)
    }

    fn keyword_slot(&mut self) -> Result<u16, Trouble> {
        if let Some(slot) = self.keywords {
            return Ok(slot);
        }
        let slot = self.new_slot(Vec::new())?;
        self.keywords = Some(slot);
        Ok(slot)
    }

    fn new_slot(&mut self, names: Vec<Box<str>>) -> Result<u16, Trouble> {
        if self.specs.len() >= GROUP_SLOTS_MAX {
            return Err(Trouble::Slots);
        }
        let slot = u16::try_from(self.specs.len()).map_err(|_| Trouble::Slots)?;
        self.specs.push(SlotSpec { names });
        Ok(slot)
    }

    fn finish(self, regexes: &mut Regexes) -> Group {
        let counts = self.counts();
        let rarities: Vec<f32> =
            self.atoms.iter().map(|atom| rarity(&atom.sign, counts.get(usize::from(atom.slot)))).collect();
        let rarity_of = |atom: u32, negated: bool| {
            let at = atom as usize;
            match (negated, self.atoms.get(at)) {
                (false, _) => rarities.get(at).copied().unwrap_or(NO_WITNESS),
                // "Not absent" needs a value.
                (true, Some(draft)) if needs_value_if_not(draft.test) => VALUE_RARITY,
                (true, _) => NO_WITNESS,
            }
        };
        let mut needles = Needles::default();
        needles.known.reserve(self.atoms.len());
        let mut group = Group {
            want: Arc::default(),
            slow: self.slow,
            members: Vec::with_capacity(self.members.len()),
            always: Vec::new(),
            steps: Vec::new(),
            gates: Vec::new(),
            finders: Vec::new(),
            atoms: Vec::with_capacity(self.atoms.len()),
            texts: String::new(),
            globs: Vec::new(),
            regexes: Vec::new(),
            networks: Vec::new(),
            index: Index::default(),
        };
        // Texts that are indexed for their own sake come first, in the order of the rules, so that the marks of one rule's
        // texts stand together.
        let indexed: Vec<Option<u32>> =
            self.atoms.iter().zip(&rarities).map(|(draft, rarity)| needles.index_rare(draft, *rarity)).collect();
        let mut leaves = Vec::new();
        for ((_, node), member) in self.members.iter().zip(0_u32..) {
            leaves.clear();
            if best(node, &rarity_of).is_finite() {
                chosen(node, &rarity_of, &mut leaves);
            }
            if leaves.is_empty() {
                group.always.push(member);
            }
            for (atom, negated) in &leaves {
                if let Some(draft) = self.atoms.get(*atom as usize) {
                    needles.add(draft, *negated, member, counts.get(usize::from(draft.slot)));
                }
            }
        }
        // What a step asks for, and what that costs.
        let mut questions: Vec<(u32, u32)> = Vec::with_capacity(self.atoms.len());
        for ((draft, indexed), at) in self.atoms.iter().zip(&indexed).zip(0_u32..) {
            questions.push(match indexed.or_else(|| needles.witness(draft)) {
                Some(entry) => (entry | BY_ENTRY, 1),
                None => (at, cost(draft.test)),
            });
            let mut check = group.check(draft, regexes);
            if let Check::Regex { gate, .. } = &mut check {
                *gate = needles.gate(draft, &mut group.gates).unwrap_or(ACCEPT);
            }
            // Whatever the index decides is asked of values only by what explains.
            if let (Check::Anywhere { text, cased }, true) =
                (check, questions.last().is_some_and(|(_, cost)| *cost > 1))
            {
                let finder = memmem::Finder::new(group.text(text)).into_owned();
                group.finders.push(finder);
                check = Check::Found { finder: (group.finders.len() - 1) as u32, cased };
            }
            group.atoms.push(GroupAtom { slot: draft.slot, check });
        }
        let question = |atom: u32| questions.get(atom as usize).copied().unwrap_or((atom, u32::MAX));
        let index = || Index::new(self.specs.len(), &needles.list, &counts);
        let programs = || {
            for (Member { rule, admission }, mut node) in self.members {
                node.order(&|atom| question(atom).1);
                let entry = emit(&node, ACCEPT, REJECT, &mut group.steps);
                group.members.push(Compiled { rule, admission, entry });
            }
            for step in &mut group.steps {
                step.atom = question(step.atom).0;
            }
        };
        // Index and programs know nothing of each other, and records wait.
        group.index = if needles.list.len() < INDEXED_BESIDE_MIN {
            programs();
            index()
        } else {
            thread::scope(|scope| {
                let indexing = scope.spawn(index);
                programs();
                // A thread that failed is a defect here; its work is done again.
                indexing.join().unwrap_or_else(|_| index())
            })
        };
        let keyword_needles = self.keywords.and_then(|slot| {
            let tests = self.atoms.iter().filter(|atom| atom.slot == slot);
            super::keywords::needles(tests.map(|atom| atom.test), self.plan.set)
        });
        let want = Want::new(self.specs, self.keywords, self.plan.handle);
        group.want = Arc::new(want.with_keyword_needles(keyword_needles));
        group
    }

    /// Counts, slot by slot, the runs of all texts, as often as conditions name them.
    fn counts(&self) -> Vec<GramCounts> {
        /// A text that is used more often than this is common, whatever the exact number.
        const USES_MAX: u32 = 16;
        let mut bytes = vec![0_usize; self.specs.len()];
        let texts = || self.atoms.iter().filter_map(|atom| literal(atom.test).map(|text| (atom, text)));
        for (atom, text) in texts() {
            if let Some(bytes) = bytes.get_mut(usize::from(atom.slot)) {
                *bytes += text.len();
            }
        }
        let mut counts: Vec<GramCounts> = bytes.into_iter().map(GramCounts::new).collect();
        for (atom, text) in texts() {
            if let Some(counts) = counts.get_mut(usize::from(atom.slot)) {
                (0..atom.uses.min(USES_MAX)).for_each(|_| counts.add(text));
            }
        }
        counts
    }
}

fn literal(test: &Test) -> Option<&str> {
    match test {
        Test::Text {
            pattern: Pattern::Exact(text) | Pattern::Prefix(text) | Pattern::Suffix(text) | Pattern::Contains(text),
            ..
        } => Some(text),
        _ => None,
    }
}

/// Whether the opposite of a test needs a value.
fn needs_value_if_not(test: &Test) -> bool {
    matches!(test, Test::Null | Test::Exists(false))
}

/// What a test costs, in units of a comparison of a few bytes.
fn cost(test: &Test) -> u32 {
    match test {
        Test::Null | Test::Exists(_) => 1,
        Test::Text { pattern, .. } => match pattern {
            Pattern::Any => 1,
            Pattern::Exact(_) | Pattern::Prefix(_) | Pattern::Suffix(_) => 2,
            Pattern::Contains(_) => 10,
            Pattern::Glob(_) => 20,
        },
        Test::Compare(..) => 10,
        Test::FieldRef { .. } => 10,
        Test::Cidr(_) => 20,
        Test::TimePart(..) => 60,
        Test::Regex(_) => 200,
    }
}

/// The index's needles, each text once a slot.
#[derive(Default)]
struct Needles<'d> {
    list: Vec<Needle<'d>>,
    known: FxHashMap<(u16, Place, &'d str), u32>,
}

/// Texts that are guessed to be met more often than this are looked for only when a rule asks.
const INDEXED_RARITY_MAX: f32 = 0.2;

/// Texts of this length are looked for in any case: they do not narrow the index' stride, and a look at each is dearer.
const INDEXED_LENGTH_MIN: usize = 11;

impl<'d> Needles<'d> {
    /// Makes a member a candidate where an atom's sign is met.
    fn add(&mut self, draft: &'d Draft<'_>, negated: bool, member: u32, counts: Option<&GramCounts>) {
        let slot = draft.slot;
        let mut add = |place, text| {
            let at = self.one(slot, place, text);
            if let Some(needle) = self.list.get_mut(at as usize)
                && needle.members.last() != Some(&member)
            {
                needle.members.push(member);
            }
        };
        match &draft.sign {
            _ if negated => add(Place::Present, ""),
            Sign::Text { place, text } => add(*place, *text),
            Sign::AllOf(texts) => {
                if let Some((place, text)) = rarest_of(texts, counts) {
                    add(*place, text);
                }
            }
            Sign::Fold { place, text } => add(*place, text),
            Sign::Need(need) => chosen_of(need, counts).for_each(|text| add(Place::Anywhere, text)),
            Sign::Value => add(Place::Present, ""),
            Sign::Nothing => {}
        }
    }

    /// Indexes a text that is rare enough to be looked for whether or not a rule asks; the entry decides its atom.
    fn index_rare(&mut self, draft: &'d Draft<'_>, rarity: f32) -> Option<u32> {
        match &draft.sign {
            Sign::Text { place, text }
                if *place != Place::Anywhere || text.len() >= INDEXED_LENGTH_MIN || rarity <= INDEXED_RARITY_MAX =>
            {
                Some(self.one(draft.slot, *place, text))
            }
            _ => None,
        }
    }

    /// Writes down what a regex needs, so that it runs only over values that may match; gives the first step's place.
    fn gate(&mut self, draft: &'d Draft<'_>, steps: &mut Vec<Step>) -> Option<u32> {
        let Sign::Need(need) = &draft.sign else { return None };
        let first = steps.len();
        let entry = emit(&need.node, ACCEPT, REJECT, steps);
        for step in steps.iter_mut().skip(first) {
            let Some(texts) = need.sets.get(step.atom as usize) else { continue };
            step.atom = match texts.as_slice() {
                [text] => self.one(draft.slot, Place::Anywhere, text),
                texts => {
                    self.list.push(Needle { slot: draft.slot, place: Place::Never, text: "", members: Vec::new() });
                    let set = (self.list.len() - 1) as u32;
                    for text in texts {
                        let at = self.one(draft.slot, Place::Anywhere, text);
                        if let Some(needle) = self.list.get_mut(at as usize) {
                            needle.members.push(set | ENTRY);
                        }
                    }
                    set
                }
            };
        }
        Some(entry)
    }

    /// The entry that decides an atom, if its text was indexed as a witness.
    fn witness(&self, draft: &'d Draft<'_>) -> Option<u32> {
        match &draft.sign {
            Sign::Text { place, text } => self.known.get(&(draft.slot, *place, *text)).copied(),
            _ => None,
        }
    }

    fn one(&mut self, slot: u16, place: Place, text: &'d str) -> u32 {
        *self.known.entry((slot, place, text)).or_insert_with(|| {
            self.list.push(Needle { slot, place, text, members: Vec::new() });
            (self.list.len() - 1) as u32
        })
    }
}

impl Group {
    fn check(&mut self, draft: &Draft<'_>, regexes: &mut Regexes) -> Check {
        match draft.test {
            Test::Text { pattern, cased } => {
                let cased = *cased;
                match pattern {
                    Pattern::Exact(text) => Check::Whole { text: self.keep(text), cased },
                    Pattern::Prefix(text) => Check::Start { text: self.keep(text), cased },
                    Pattern::Suffix(text) => Check::End { text: self.keep(text), cased },
                    Pattern::Contains(text) => Check::Anywhere { text: self.keep(text), cased },
                    Pattern::Any => Check::Any,
                    Pattern::Glob(parts) => {
                        self.globs.push(Glob::new(parts));
                        Check::Glob { glob: (self.globs.len() - 1) as u32, cased }
                    }
                }
            }
            Test::Regex(pattern) => {
                let shared =
                    regexes.entry(pattern.as_str().into()).or_insert_with(|| Arc::new(LazyRegex::new(pattern)));
                self.regexes.push(Arc::clone(shared));
                Check::Regex { regex: (self.regexes.len() - 1) as u32, gate: ACCEPT }
            }
            Test::Cidr(text) => {
                // The builder refused what is no network.
                self.networks.extend(compare::network(text));
                Check::Network((self.networks.len().saturating_sub(1)) as u32)
            }
            Test::Compare(order, limit) => Check::Compare(*order, *limit),
            Test::Null => Check::Null,
            Test::Exists(wanted) => Check::Exists(*wanted),
            Test::FieldRef { how, cased, .. } => Check::Reference { other: draft.other, how: *how, cased: *cased },
            Test::TimePart(part, want) => Check::TimePart(*part, *want),
        }
    }

    fn keep(&mut self, text: &str) -> (u32, u32) {
        let start = self.texts.len() as u32;
        self.texts.push_str(text);
        (start, self.texts.len() as u32)
    }
}
