//! Which part of an event an element stands in, and what its values are called because of that.
//!
//! | element or attribute | name |
//! |---|---|
//! | `System/EventID` | `EventID` |
//! | `System/Provider@Name` | `Provider_Name` |
//! | `EventData/Data@Name=Image` | `Image` |
//! | `EventData/Data` without a name | `Data` |
//! | `EventData/Binary` | `Binary` |
//! | `UserData/…/ClientMachine` | `ClientMachine` |
//! | `UserData/…/Certificate@fileRef` | `Certificate_fileRef` |
//! | `RenderingInfo/Level` | `RenderingInfo.Level` |
//! | `UserData/LogFileCleared/Channel` | `UserData.Channel`: names of System's own elements stay System's |
//!
//! Namespace declarations (`xmlns…`) are no fields.

use super::names::{Join, NameId, Names, known};

/// The part of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Section {
    /// Around `Event`.
    Root,
    /// Directly in `Event`.
    Event,
    /// In `System`.
    System,
    /// In `EventData`.
    EventData,
    /// In `UserData`.
    UserData,
    /// In another part, such as `RenderingInfo`.
    Other(NameId),
}

impl Section {
    /// The section of the children of `element`, which stands in this section.
    #[inline]
    pub(super) fn inside(self, element: NameId) -> Self {
        match (self, element) {
            (Self::Root, known::EVENT) => Self::Event,
            (Self::Root | Self::Event, known::SYSTEM) => Self::System,
            (Self::Root | Self::Event, known::EVENT_DATA) => Self::EventData,
            (Self::Root | Self::Event, known::USER_DATA) => Self::UserData,
            (Self::Root | Self::Event, other) => Self::Other(other),
            (section, _) => section,
        }
    }

    /// Whether an element here is named by its `Name` attribute.
    #[inline]
    pub(super) fn names_by_attribute(self, element: NameId) -> bool {
        self == Self::EventData && (element == known::DATA || element == known::COMPLEX_DATA)
    }

    /// Whether an element here that holds nothing is a field that holds nothing.
    #[inline]
    pub(super) fn shows_empty(self) -> bool {
        matches!(self, Self::EventData | Self::UserData | Self::Other(_))
    }

    /// The name of a field here: `name` is its element's or that of its `Name` attribute.
    #[inline]
    pub(super) fn field_name(self, name: NameId, names: &mut Names) -> NameId {
        match self {
            Self::Other(part) => names.joined(part, name, Join::Element),
            Self::EventData if name.is_of_system() => names.joined(known::EVENT_DATA, name, Join::Element),
            Self::UserData if name.is_of_system() => names.joined(known::USER_DATA, name, Join::Element),
            _ => name,
        }
    }

    /// The name of an attribute; `None` for namespace declarations.
    #[inline]
    pub(super) fn attribute_name(self, element: NameId, attribute: NameId, names: &mut Names) -> Option<NameId> {
        if names.text(attribute).starts_with("xmlns") {
            return None;
        }
        let element = self.field_name(element, names);
        Some(names.joined(element, attribute, Join::Attribute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_table() {
        let mut names = Names::new();
        let [info, level, culture, xmlns] =
            ["RenderingInfo", "Level", "Culture", "xmlns"].map(|text| names.of_text(text));
        let event = Section::Root.inside(known::EVENT);
        let system = event.inside(known::SYSTEM);
        let other = event.inside(info);
        assert_eq!(system.inside(level), Section::System);
        let mut name = |section: Section, element| {
            let id = section.field_name(element, &mut names);
            names.text(id).to_owned()
        };
        assert_eq!(name(system, level), "Level");
        assert_eq!(name(other, level), "RenderingInfo.Level");
        assert_eq!(name(Section::EventData, level), "EventData.Level");
        assert_eq!(name(Section::UserData, culture), "Culture");
        let attribute = event.attribute_name(info, culture, &mut names).map(|id| names.text(id).to_owned());
        assert_eq!(attribute.as_deref(), Some("RenderingInfo_Culture"));
        assert_eq!(event.attribute_name(info, xmlns, &mut names), None);
        assert!(Section::EventData.names_by_attribute(known::DATA));
        assert!(!Section::UserData.names_by_attribute(known::DATA));
    }
}
