#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = shieldwall_trust::registry::sealed::open(data, &[]);
});
