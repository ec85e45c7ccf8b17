#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| shieldwall_collect::fuzz_container(data));
