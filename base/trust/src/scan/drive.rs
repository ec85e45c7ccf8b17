//! Drives a scan: every format that claims the bytes reads them, members of containers are read the same way in turn.

use super::format::FORMATS;
use super::kinds::{LIMIT, UNKNOWN, found, limit};
use super::report::{Report, Weight};
use super::{Budget, Bytes, Inside, budget};

/// What the bytes would do to whoever loads them. What no format claims is not proven, what is empty is clean.
pub fn scan(bytes: &dyn Bytes) -> Report {
    let mut report = Report::default();
    one(&[], bytes, &Budget::of(bytes.len()), &mut report);
    report
}

fn one(path: &[String], bytes: &dyn Bytes, budget: &Budget, report: &mut Report) {
    let member = |name: &str, bytes: &dyn Bytes, report: &mut Report| {
        let mut path = path.to_vec();
        path.push(name.to_owned());
        let stop = |_: &str, _: &dyn Bytes, _: &mut Report| {};
        let inside = Inside { path: &path, member: &stop, budget };
        if path.len() > budget::DEPTH_MAX {
            let words = "containers within containers deeper than DEPTH_MAX were not read";
            return report.add(found(&inside, &LIMIT, Weight::NotProven, words));
        }
        if let Err(spent) = budget.member() {
            return report.add(limit(&inside, spent));
        }
        one(&path, bytes, budget, report);
    };
    let inside = Inside { path, member: &member, budget };
    let mut claimed = bytes.is_empty();
    for format in FORMATS.iter().filter(|format| format.claims(bytes)) {
        claimed = true;
        report.read_as(format.name());
        format.read(bytes, &inside, report);
    }
    if !claimed {
        let words = "no format that is known: nothing can be said about it";
        report.add(found(&inside, &UNKNOWN, Weight::NotProven, words));
    }
}
