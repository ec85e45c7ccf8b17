#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let _ = shieldwall_trust::audit::entry::read(data);
    let _ = shieldwall_trust::audit::Head::read(data);
    let _ = shieldwall_trust::audit::check::chain(&mut &data[..], Some(1));
});
