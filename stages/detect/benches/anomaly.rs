//! What learning and judging cost: observations a second, both rounds.
//!
//! Observations are synthetic: 200 hosts over ten days, process starts, connections and logons in equal parts, names with a
//! long tail. `cargo bench -p shieldwall-detect --bench anomaly`

#![allow(clippy::unwrap_used, reason = "a bench")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use shieldwall_detect::anomaly::{Learner, Settings};
use shieldwall_learn::Random;
use shieldwall_schema::observation::learned_path;
use shieldwall_schema::{Observation, Observed, Place, Timestamp};

const RECORDS: usize = 200_000;

fn main() {
    divan::main();
}

fn observation(class: u32, activity: u32, host: &str, fields: &[(&str, String)]) -> Observation {
    let mut fields: Vec<(u16, String)> =
        fields.iter().map(|(path, value)| (learned_path(path).unwrap(), value.clone())).collect();
    fields.push((learned_path("device.hostname").unwrap(), host.to_owned()));
    fields.sort();
    let service = "security".to_owned();
    Observation { class, activity, product: "windows".into(), service, host: Some(host.to_owned()), fields, count: 1 }
}

fn stream() -> Vec<(Timestamp, Observation)> {
    let mut random = Random::new(1);
    let mut zipf = move |n: f64| (n.powf(random.unit()) - 1.0) as usize;
    (0..RECORDS)
        .map(|at| {
            let host = format!("ws{}", zipf(200.0));
            let one = match at % 3 {
                0 => {
                    let program = format!("C:\\Windows\\System32\\program{}.exe", zipf(500.0));
                    let parent = format!("C:\\Windows\\parent{}.exe", zipf(30.0));
                    observation(
                        1007,
                        1,
                        &host,
                        &[
                            ("process.parent_process.file.path", parent),
                            ("process.cmd_line", format!("{program} -k group -p {}", zipf(5000.0))),
                            ("process.file.path", program),
                            ("process.user.name", "NT AUTHORITY\\SYSTEM".into()),
                            ("metadata.event_code", "4688".into()),
                        ],
                    )
                }
                1 => observation(
                    4001,
                    1,
                    &host,
                    &[
                        ("actor.process.file.path", format!("C:\\x\\program{}.exe", zipf(50.0))),
                        ("dst_endpoint.ip", format!("198.51.{}.{}", zipf(256.0), zipf(256.0))),
                        ("dst_endpoint.port", "443".into()),
                        ("traffic.bytes_out", zipf(1e6).to_string()),
                        ("metadata.event_code", "3".into()),
                    ],
                ),
                _ => observation(
                    3002,
                    1,
                    &host,
                    &[
                        ("user.name", format!("CORP\\user{}", zipf(1000.0))),
                        ("src_endpoint.ip", format!("192.0.2.{}", zipf(256.0))),
                        ("logon_type_id", "3".into()),
                        ("metadata.event_code", "4624".into()),
                    ],
                ),
            };
            let seconds = 1_704_672_000 + (at * 10 * 86_400 / RECORDS) as i64;
            (Timestamp::from_seconds(seconds, 0).unwrap(), one)
        })
        .collect()
}

fn each(stream: &[(Timestamp, Observation)], mut see: impl FnMut(&Observed<'_>)) {
    for (offset, (time, observation)) in stream.iter().enumerate() {
        see(&Observed { time: Some(*time), source: 0, place: Place::offset(offset as u64), observation });
    }
}

#[divan::bench(sample_count = 5)]
fn learn(bencher: Bencher<'_, '_>) {
    let stream = stream();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let mut learner = Learner::new(Settings::default());
        each(&stream, |seen| learner.learn(seen));
        learner.learned();
        black_box(learner);
    });
}

#[divan::bench(sample_count = 5)]
fn learn_and_judge(bencher: Bencher<'_, '_>) {
    let stream = stream();
    bencher.counter(ItemsCount::new(RECORDS)).bench_local(|| {
        let mut learner = Learner::new(Settings::default());
        each(&stream, |seen| learner.learn(seen));
        learner.learned();
        each(&stream, |seen| learner.judge(seen));
        black_box(learner.finish());
    });
}
