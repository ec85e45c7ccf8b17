#![no_main]
// Sysmon for Linux: the XML that a syslog line carries.
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let line = [b"Nov  2 09:00:00 host sysmon: <Event>", data].concat();
    shieldwall_decode::fuzzing::run("syslog", &line);
});
