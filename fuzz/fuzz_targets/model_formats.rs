#![no_main]
//! Every format of model files that claims the bytes reads them, members in turn; and each reads them unasked.

use shieldwall_trust::scan::format::FORMATS;
use shieldwall_trust::scan::{Budget, Bytes, Inside, Report};

fn one(path: &[String], bytes: &dyn Bytes, budget: &Budget, report: &mut Report) {
    let member = |name: &str, bytes: &dyn Bytes, report: &mut Report| {
        if path.len() < 3 {
            let mut path = path.to_vec();
            path.push(name.to_owned());
            one(&path, bytes, budget, report);
        }
    };
    let inside = Inside { path, member: &member, budget };
    for format in FORMATS {
        if format.claims(bytes) || path.is_empty() {
            format.read(bytes, &inside, report);
        }
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| one(&[], &data.to_vec(), &Budget::of(data.len() as u64), &mut Report::default()));
