#![no_main]
use shieldwall_respond::playbook::{Playbook, condition::Condition};
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    if let Ok(playbook) = Playbook::read(data) {
        let again = Playbook::read(playbook.canonical().as_bytes()).expect("what was read is read again");
        assert_eq!(again.canonical(), playbook.canonical());
    }
    let _ = std::str::from_utf8(data).map(Condition::read);
});
