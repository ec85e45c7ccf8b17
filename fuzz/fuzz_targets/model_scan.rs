#![no_main]
//! The whole scan: every format that claims the bytes reads them; behind a header of protocol 4, the pickle machine does.

use shieldwall_trust::scan::scan;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    scan(&data.to_vec());
    scan(&[b"\x80\x04", data].concat());
});
