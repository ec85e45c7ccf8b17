//! How much and how many: what is measured of an entity in an hour or a day.

use super::detectors::{GUESSING, LATERAL, SCAN, VOLUME};

macro_rules! measures {
    ($($name:ident: $detector:ident, $day:literal, $different:literal, $least:literal, $what:literal;)*) => {
        /// What is measured. Kept baselines name measures by number: only ever added to at the end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub(super) enum Measure { $($name),* }

        /// What each measure is, in the order of [`Measure`].
        pub(super) const MEASURES: &[Facts] = &[
            $(Facts { detector: $detector, day: $day, different: $different, least: $least, what: $what }),*
        ];
    };
}

/// What a measure is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    /// The detector it belongs to.
    pub detector: u16,
    /// Per day, not per hour.
    pub day: bool,
    /// Counts different things rather than adding up amounts.
    pub different: bool,
    /// Below this nothing is said, however unusual: so little harms nobody and people notice nothing.
    pub least: u64,
    /// In words.
    pub what: &'static str,
}

measures! {
    RecordsHour: VOLUME, false, false, 200, "records in an hour";
    RecordsDay: VOLUME, true, false, 1000, "records in a day";
    BytesOutHour: VOLUME, false, false, 5_000_000, "bytes sent in an hour";
    BytesOutDay: VOLUME, true, false, 20_000_000, "bytes sent in a day";
    FilesHour: VOLUME, false, false, 200, "files written in an hour";
    ProgramsHour: VOLUME, false, true, 20, "different programs in an hour";
    DestinationsHour: SCAN, false, true, 20, "different destinations in an hour";
    DestinationsDay: SCAN, true, true, 30, "different destinations in a day";
    PortsHour: SCAN, false, true, 12, "different ports in an hour";
    NamesHour: VOLUME, false, true, 60, "different names asked for in an hour";
    NoNameHour: VOLUME, false, false, 30, "names that do not exist in an hour";
    RefusedHour: SCAN, false, false, 30, "refused web requests in an hour";
    FailuresHour: GUESSING, false, false, 8, "failures in an hour";
    FailuresDay: GUESSING, true, false, 12, "failed logons in a day";
    FailedAccountsHour: GUESSING, false, true, 5, "accounts with failed logons from one source in an hour";
    FailedAccountsDay: GUESSING, true, true, 6, "accounts with failed logons from one source in a day";
    TargetedDay: GUESSING, true, false, 12, "failed logons of one account in a day";
    LogonHostsHour: LATERAL, false, true, 4, "hosts logged on to in an hour";
    LogonHostsDay: LATERAL, true, true, 5, "hosts logged on to in a day";
    LogonAccountsDay: LATERAL, true, true, 5, "accounts that logged on from one source in a day";
}

impl Measure {
    pub(super) fn facts(self) -> &'static Facts {
        static NOTHING: Facts = Facts { detector: VOLUME, day: false, different: false, least: u64::MAX, what: "" };
        MEASURES.get(self as usize).unwrap_or(&NOTHING)
    }
}

/// Bins of a measure: half powers of two, so that a bin is about 41 % wide; 0 is bin 0.
pub(super) fn bin(value: u64) -> u8 {
    if value == 0 {
        return 0;
    }
    // 1 + ⌊2 · log2 value⌋, exactly: the half step is where value² reaches 2^(2k+1).
    let whole = value.ilog2();
    let half = u128::from(value) * u128::from(value) >= 1u128 << (2 * whole + 1);
    (1 + 2 * whole + u32::from(half)) as u8
}

/// The least value of a bin, about.
pub(super) fn bin_value(bin: u8) -> f64 {
    if bin == 0 { 0.0 } else { 2f64.powf((f64::from(bin) - 1.0) / 2.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_half_powers_of_two() {
        let bins: Vec<u8> = [0, 1, 2, 3, 4, 5, 6, 8, u64::MAX].into_iter().map(bin).collect();
        assert_eq!(bins, [0, 1, 3, 4, 5, 5, 6, 7, 128]);
        assert_eq!(bin_value(bin(1024)), 1024.0);
    }
}
