#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    shieldwall_decode::fuzzing::run("zeek", data);
});
