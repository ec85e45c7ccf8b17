//! The shapes in which the generated table stands: attributes, objects, classes.
//!
//! Everything is `'static` and shared: an attribute that looks the same in thirty objects is stored once, objects and
//! classes list indices into that store, sorted by attribute name. The table costs about 100 KB of read-only data
//! and nothing at start.

use super::table;

/// Type of an attribute's value: a data type of the dictionary, or an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names are the dictionary's own (`BooleanT` is `boolean_t`).
pub enum Type {
    BooleanT,
    BytestringT,
    DatetimeT,
    EmailT,
    FileHashT,
    FileNameT,
    FilePathT,
    FloatT,
    HostnameT,
    IntegerT,
    IpT,
    JsonT,
    LongT,
    MacT,
    PortT,
    ProcessNameT,
    RegKeyPathT,
    ResourceUidT,
    StringT,
    SubnetT,
    TimestampT,
    UrlT,
    UsernameT,
    UuidT,
    /// An object, by its index in [`super::OBJECTS`].
    Object(u16),
}

impl Type {
    /// Whether JSON writes such a value as a whole number.
    pub const fn is_integer(self) -> bool {
        matches!(self, Self::IntegerT | Self::LongT | Self::PortT | Self::TimestampT)
    }

    /// Whether JSON writes such a value as a string.
    pub const fn is_text(self) -> bool {
        !self.is_integer() && !matches!(self, Self::BooleanT | Self::FloatT | Self::JsonT | Self::Object(_))
    }

    /// The object, if the type is one.
    pub fn object(self) -> Option<&'static Object> {
        match self {
            Self::Object(at) => table::OBJECTS.get(usize::from(at)),
            _ => None,
        }
    }
}

/// How much a producer owes an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// May be left out.
    Optional,
    /// Should be there.
    Recommended,
    /// Must be there.
    Required,
}

/// One attribute as one class or object has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Name, as in JSON.
    pub name: &'static str,
    /// Type of the value, or of each element of an array.
    pub kind: Type,
    /// Whether the value is an array.
    pub array: bool,
    /// How much a producer owes it.
    pub requirement: Requirement,
    /// The profile that brings it; empty if it is always there.
    pub profile: &'static str,
    /// Whether the schema has retired it.
    pub deprecated: bool,
    pub(super) choices: u16,
}

impl Attribute {
    /// The allowed values with their captions, sorted by value text; empty if any value will do.
    pub fn choices(&self) -> &'static [(&'static str, &'static str)] {
        table::CHOICES.get(usize::from(self.choices)).copied().unwrap_or_default()
    }

    /// The caption of a numbered value (`severity_id` 4 → `High`).
    pub fn caption(&self, value: i64) -> Option<&'static str> {
        self.choices().iter().find(|(text, _)| text.parse() == Ok(value)).map(|(_, caption)| *caption)
    }
}

/// What a class or object asks of its attributes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Constraints {
    /// At least one of these must be there, if there are any names.
    pub at_least_one: &'static [&'static str],
    /// Exactly one of these must be there, if there are any names.
    pub just_one: &'static [&'static str],
}

/// An OCSF object.
#[derive(Clone, Copy, Debug)]
pub struct Object {
    /// Name (`process`).
    pub name: &'static str,
    /// Constraints.
    pub constraints: Constraints,
    pub(super) attributes: &'static [u16],
}

impl Object {
    /// Its attributes, sorted by name.
    pub fn attributes(&self) -> impl Iterator<Item = &'static Attribute> {
        listed(self.attributes)
    }

    /// One attribute.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        find(self.attributes, name)
    }

    /// Whether it takes any attribute (`unmapped` is such an object).
    pub const fn is_free(&self) -> bool {
        self.attributes.is_empty()
    }
}

/// An OCSF event class.
#[derive(Clone, Copy, Debug)]
pub struct Class {
    /// `class_uid`.
    pub uid: u32,
    /// Name (`process_activity`).
    pub name: &'static str,
    /// Caption (`Process Activity`): what JSON calls `class_name`.
    pub caption: &'static str,
    /// `category_uid`.
    pub category: u32,
    /// Constraints.
    pub constraints: Constraints,
    pub(super) attributes: &'static [u16],
}

impl Class {
    /// Its attributes, sorted by name.
    pub fn attributes(&self) -> impl Iterator<Item = &'static Attribute> {
        listed(self.attributes)
    }

    /// One attribute.
    pub fn attribute(&self, name: &str) -> Option<&'static Attribute> {
        find(self.attributes, name)
    }

    /// Its activities: `activity_id` with caption.
    pub fn activities(&self) -> &'static [(&'static str, &'static str)] {
        self.attribute("activity_id").map(Attribute::choices).unwrap_or_default()
    }
}

fn listed(indices: &'static [u16]) -> impl Iterator<Item = &'static Attribute> {
    indices.iter().filter_map(|at| table::ATTRIBUTES.get(usize::from(*at)))
}

fn find(indices: &'static [u16], name: &str) -> Option<&'static Attribute> {
    let of = |at: u16| table::ATTRIBUTES.get(usize::from(at));
    let found = indices.binary_search_by(|at| of(*at).map_or("", |attribute| attribute.name).cmp(name)).ok()?;
    of(*indices.get(found)?)
}
