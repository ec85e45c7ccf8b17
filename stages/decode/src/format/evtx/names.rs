//! Field names, interned once per worker, so that a record's walk compares and looks up small numbers only.
//!
//! A name is found by its UTF-16 bytes as they stand in the chunk (no conversion on a hit) or by its text. Names made of
//! two parts (`Provider` and `Name` → `Provider_Name`) are remembered by the pair. Hostile logs may hold any number of
//! names: [`Names::is_full`] tells the owner to drop everything that was learnt and to begin anew.

use rustc_hash::FxHashMap;

use super::text::utf16_into;

/// A name's number within one [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameId(pub(super) u32);

/// Names a worker keeps before it begins anew. Real hosts have a few thousand.
const NAMES_MAX: usize = 16_384;
/// Bytes of name text a worker keeps before it begins anew.
const NAME_BYTES_MAX: usize = 4 << 20;

macro_rules! known {
    ($($name:ident = $text:literal,)*) => {
        /// Names that the decoder itself speaks of; interned first, in this order.
        #[allow(dead_code, reason = "some names are known for their place in the order only")]
        pub(super) mod known {
            use super::NameId;
            #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
            enum At { $($name,)* }
            $(pub(in super::super) const $name: NameId = NameId(At::$name as u32);)*
            pub(super) const TEXTS: &[&str] = &[$($text,)*];
        }
    };
}

known! {
    EMPTY = "",
    EVENT = "Event",
    SYSTEM = "System",
    EVENT_DATA = "EventData",
    USER_DATA = "UserData",
    DATA = "Data",
    COMPLEX_DATA = "ComplexData",
    NAME = "Name",
    PROVIDER_NAME = "Provider_Name",
    SYSTEM_TIME = "TimeCreated_SystemTime",
    // System's own elements, first to last.
    EVENT_ID = "EventID",
    VERSION = "Version",
    LEVEL = "Level",
    TASK = "Task",
    OPCODE = "Opcode",
    KEYWORDS = "Keywords",
    EVENT_RECORD_ID = "EventRecordID",
    CHANNEL = "Channel",
    COMPUTER = "Computer",
}

impl NameId {
    /// Whether it is the name of one of System's own elements.
    #[inline]
    pub(super) fn is_of_system(self) -> bool {
        (known::EVENT_ID..=known::COMPUTER).contains(&self)
    }
}

/// How the two parts of a name are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Join {
    /// Element and attribute: `Provider_Name`.
    Attribute,
    /// Section and element outside System, EventData and UserData: `RenderingInfo.Level`.
    Element,
}

/// The interner.
pub(super) struct Names {
    texts: Vec<Box<str>>,
    by_text: FxHashMap<Box<str>, NameId>,
    by_utf16: FxHashMap<Box<[u8]>, NameId>,
    by_pair: FxHashMap<(NameId, NameId, Join), NameId>,
    bytes: usize,
    scratch: String,
}

impl Names {
    /// With the [`known`] names.
    pub(super) fn new() -> Self {
        let mut names = Self {
            texts: Vec::new(),
            by_text: FxHashMap::default(),
            by_utf16: FxHashMap::default(),
            by_pair: FxHashMap::default(),
            bytes: 0,
            scratch: String::new(),
        };
        for text in known::TEXTS {
            names.of_text(text);
        }
        names
    }

    /// How many names there are; every id is smaller.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether a limit is reached, so that the owner must begin anew.
    pub(super) fn is_full(&self) -> bool {
        self.texts.len() > NAMES_MAX || self.by_utf16.len() > NAMES_MAX || self.bytes > NAME_BYTES_MAX
    }

    /// A name's text.
    pub(super) fn text(&self, id: NameId) -> &str {
        self.texts.get(id.0 as usize).map_or("", |text| text)
    }

    /// The id of a text.
    pub(super) fn of_text(&mut self, text: &str) -> NameId {
        if let Some(id) = self.by_text.get(text) {
            return *id;
        }
        let id = NameId(self.texts.len() as u32);
        self.texts.push(text.into());
        self.by_text.insert(text.into(), id);
        self.bytes += 2 * text.len();
        id
    }

    /// The id of a text in UTF-16LE, up to its first NUL.
    #[inline]
    pub(super) fn of_utf16(&mut self, bytes: &[u8]) -> NameId {
        if let Some(id) = self.by_utf16.get(bytes) {
            return *id;
        }
        self.learn_utf16(bytes)
    }

    #[cold]
    fn learn_utf16(&mut self, bytes: &[u8]) -> NameId {
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        utf16_into(bytes, &mut text);
        let id = self.of_text(&text);
        self.scratch = text;
        self.by_utf16.insert(bytes.into(), id);
        self.bytes += bytes.len();
        id
    }

    /// The id of a name made of two.
    #[inline]
    pub(super) fn joined(&mut self, first: NameId, second: NameId, join: Join) -> NameId {
        if let Some(id) = self.by_pair.get(&(first, second, join)) {
            return *id;
        }
        let separator = match join {
            Join::Attribute => '_',
            Join::Element => '.',
        };
        let text = format!("{}{separator}{}", self.text(first), self.text(second));
        let id = self.of_text(&text);
        self.by_pair.insert((first, second, join), id);
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_id_however_it_is_found() {
        let mut names = Names::new();
        let utf16: Vec<u8> = "Channel".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(names.of_utf16(&utf16), known::CHANNEL);
        let (provider, name) = (names.of_text("Provider"), known::NAME);
        assert_eq!(names.joined(provider, name, Join::Attribute), known::PROVIDER_NAME);
        let other = names.joined(provider, name, Join::Element);
        assert_eq!(names.text(other), "Provider.Name");
    }

    #[test]
    fn the_limit_is_noticed() {
        let mut names = Names::new();
        assert!(!names.is_full());
        for at in 0..=NAMES_MAX {
            names.of_text(&at.to_string());
        }
        assert!(names.is_full());
    }
}
