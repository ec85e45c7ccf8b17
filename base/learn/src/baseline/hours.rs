//! Hours of the week: 24 of a working day and 24 of a weekend day, and how much one says about another.

/// Places: hours 0–23 of Monday to Friday, then 0–23 of Saturday and Sunday.
pub const HOURS: usize = 48;

/// The place of an event time, `zone_s` seconds east of UTC. 1970-01-01 was a Thursday.
pub fn hour_of_week(time_s: i64, zone_s: i64) -> usize {
    let local = time_s.saturating_add(zone_s);
    let hour = local.rem_euclid(86_400) / 3600;
    let weekday = (local.div_euclid(86_400) + 3).rem_euclid(7);
    (hour + if weekday >= 5 { 24 } else { 0 }) as usize
}

/// How much a sighting at place `from` says about place `to`: itself 1, the neighbouring hours a half and a quarter, and
/// through the other kind of day a fifth of that. Two hours around: people are early or late by one, hardly by three.
pub(super) fn kinship(from: usize, to: usize) -> f64 {
    let (a, b) = (from % 24, to % 24);
    let apart = a.abs_diff(b).min(24 - a.abs_diff(b));
    let near = match apart {
        0 => 1.0,
        1 => 0.5,
        2 => 0.25,
        _ => 0.0,
    };
    if from / 24 == to / 24 { near } else { near * 0.2 }
}

/// Part of the week for amounts: 0 in working hours (7–19 of Monday to Friday), 1 else. Amounts have few sightings a part;
/// more parts would know less of each.
pub(super) fn part_of_week(time_s: i64, zone_s: i64) -> u64 {
    u64::from(!(7..19).contains(&hour_of_week(time_s, zone_s)))
}

/// How much an amount in another part of the week counts: enough to know the scale, too little to excuse an office day's
/// traffic at night.
pub(super) const OTHER_PART: f64 = 0.15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_fall_into_their_day() {
        // 2024-01-05 was a Friday, 23:30 UTC; an hour later, or in a zone two hours east, it is Saturday.
        let friday = 1_704_497_400;
        assert_eq!((hour_of_week(friday, 0), hour_of_week(friday, 7200)), (23, 24 + 1));
        assert_eq!(hour_of_week(-1, 0), 23, "the last hour of 1969-12-31, a Wednesday");
        assert!(hour_of_week(i64::MAX, i64::MAX) < HOURS && hour_of_week(i64::MIN, i64::MIN) < HOURS);
        assert_eq!((kinship(0, 23), kinship(0, 24), kinship(3, 9)), (0.5, 0.2, 0.0));
    }
}
