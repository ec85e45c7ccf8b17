//! Questions to the table: classes, names, and the walk of a dotted path.

use super::table;
use super::types::{Attribute, Class, Object, Type};

/// Most names in a path. The schema is recursive (`process.parent_process.parent_process…`); real paths have five or six.
pub const PATH_DEPTH_MAX: usize = 12;

/// The prefix of paths that the schema leaves to the producer.
pub const UNMAPPED: &str = "unmapped.";

/// `class_uid` of *Detection Finding*.
pub const DETECTION_FINDING: u32 = 2004;

/// `class_uid` of *Incident Finding*.
pub const INCIDENT_FINDING: u32 = 2005;

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
pub struct OcsfField {
    /// The last attribute; `None` inside a free-form object or JSON value, such as below `unmapped`.
    pub attribute: Option<&'static Attribute>,
    /// Whether the path runs through an array, so that a record may hold several values.
    pub many: bool,
}

impl OcsfField {
    /// The type of the value; free-form values are JSON.
    pub fn kind(&self) -> Type {
        self.attribute.map_or(Type::JsonT, |attribute| attribute.kind)
    }
}

/// The class with this `class_uid`; 0 is the Base Event.
pub fn class(uid: u32) -> Option<&'static Class> {
    table::CLASSES.binary_search_by_key(&uid, |class| class.uid).ok().and_then(|at| table::CLASSES.get(at))
}

/// Every class, sorted by uid.
pub fn classes() -> &'static [Class] {
    table::CLASSES
}

/// The object of this name.
pub fn object(name: &str) -> Option<&'static Object> {
    let at = table::OBJECTS.binary_search_by(|object| object.name.cmp(name)).ok()?;
    table::OBJECTS.get(at)
}

/// The class's caption (`Process Activity`).
pub fn class_name(uid: u32) -> Option<&'static str> {
    class(uid).map(|class| class.caption)
}

/// The category's caption (`System Activity`); `Uncategorized` for 0.
pub fn category_name(uid: u32) -> Option<&'static str> {
    table::CATEGORIES.iter().find(|(id, _)| *id == uid).map(|(_, caption)| *caption)
}

/// The activity's caption (`Launch`).
pub fn activity_name(class_uid: u32, activity: u32) -> Option<&'static str> {
    class(class_uid)?.attribute("activity_id")?.caption(i64::from(activity))
}

/// `type_uid` of a class and activity.
pub const fn type_uid(class_uid: u32, activity: u32) -> u64 {
    class_uid as u64 * 100 + activity as u64
}

/// Walks a dotted path from a class: `resolve(1007, "process.file.path")`. Arrays are walked through.
///
/// `None` for names that the schema does not have, empty names, and paths deeper than [`PATH_DEPTH_MAX`]. Below
/// `unmapped`, every name is accepted.
pub fn resolve(class_uid: u32, path: &str) -> Option<OcsfField> {
    let class = class(class_uid)?;
    walk(path, |name| class.attribute(name))
}

/// Walks a dotted path from an object: `resolve_in(evidences, "process.file.path")`.
pub fn resolve_in(object: &'static Object, path: &str) -> Option<OcsfField> {
    walk(path, |name| object.attribute(name))
}

fn walk(path: &str, first: impl Fn(&str) -> Option<&'static Attribute>) -> Option<OcsfField> {
    let mut many = false;
    let mut here: Option<&'static Attribute> = None;
    for (depth, name) in path.split('.').enumerate() {
        if depth >= PATH_DEPTH_MAX || name.is_empty() {
            return None;
        }
        let next = match here {
            None => with_datetime(name, &first),
            Some(attribute) => match attribute.kind {
                Type::JsonT => return Some(OcsfField { attribute: None, many }),
                kind => {
                    let object = kind.object()?;
                    if object.is_free() {
                        return Some(OcsfField { attribute: None, many });
                    }
                    with_datetime(name, &|name: &str| object.attribute(name))
                }
            },
        }?;
        many |= next.array;
        here = Some(next);
    }
    Some(OcsfField { attribute: here, many })
}

/// The `datetime` profile gives every `timestamp_t` attribute a twin that ends in `_dt`.
fn with_datetime(name: &str, of: &impl Fn(&str) -> Option<&'static Attribute>) -> Option<&'static Attribute> {
    of(name).or_else(|| {
        let twin = of(name.strip_suffix("_dt")?)?;
        (twin.kind == Type::TimestampT).then_some(&DATETIME)
    })
}

static DATETIME: Attribute = Attribute {
    name: "_dt",
    kind: Type::DatetimeT,
    array: false,
    requirement: super::Requirement::Optional,
    profile: "datetime",
    deprecated: false,
    choices: 0,
};
