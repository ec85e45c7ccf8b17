#![no_main]
use shieldwall_respond::actuator::ask::Ask;
use shieldwall_respond::guard::{Limits, Protected, check};
use shieldwall_respond::plan::Plan;
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let plan = match serde_json::from_slice::<Ask>(data) {
        Ok(Ask::Check { plan } | Ask::Apply { plan, .. }) => Some(plan),
        _ => Plan::read(data).ok(),
    };
    if let Some(plan) = plan {
        // One spelling: what is read back is the same plan, by the same name.
        let again = Plan::read(plan.to_json().as_bytes());
        assert!(again.is_ok_and(|again| again.hash() == plan.hash()) || plan.to_json().is_empty());
        let _ = plan.words();
        let _ = check(plan, &Protected::default(), &Limits::default(), &[], 0);
    }
});
