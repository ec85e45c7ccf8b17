#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    shieldwall_decode::fuzzing::run("w3c", data);
});
