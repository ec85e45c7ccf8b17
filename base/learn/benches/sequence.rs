//! Sequences a second, ids a second, log lines a second: `cargo bench -p shieldwall-learn --bench sequence`, one core.
//!
//! Sessions are drawn from a small service with parallel steps (fifteen ids, mostly known by heart) and from long traces
//! of eighty ids (three hundred, none like another); lines are those of an SSH server.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench")]

use divan::Bencher;
use divan::counter::ItemsCount;
use shieldwall_learn::sequence::{Drain, Scratch, SequenceData, SequenceModel, SequenceSettings, Token, Transitions};
use shieldwall_learn::{Model, Random};

const SESSIONS: usize = 2000;

fn main() {
    divan::main();
}

/// Three workers that each take three steps, in any interleaving.
fn short(random: &mut Random) -> Vec<i64> {
    let mut ids = vec![1, 2];
    let mut steps = [0; 3];
    while steps.iter().sum::<i64>() < 9 {
        let worker = random.below(3);
        if let Some(step) = steps.get_mut(worker).filter(|step| **step < 3) {
            ids.push(10 * (worker as i64 + 1) + *step);
            *step += 1;
        }
    }
    ids.extend([3, 4]);
    ids
}

/// A chain over eighty ids with four usual successors each.
fn long(random: &mut Random) -> Vec<i64> {
    let mut at = 1;
    (0..300)
        .map(|_| {
            at = if random.below(50) == 0 {
                random.below(80) as i64
            } else {
                (at * 7 + random.below(4) as i64 * 13) % 80
            };
            at
        })
        .collect()
}

fn sessions(draw: fn(&mut Random) -> Vec<i64>, seed: u64, count: usize) -> SequenceData {
    let mut random = Random::new(seed);
    let mut data = SequenceData::default();
    for _ in 0..count {
        let tokens: Vec<Token<'_>> = draw(&mut random).into_iter().map(Token::Number).collect();
        data.push(&tokens, 0).unwrap();
    }
    data
}

fn kind(name: &str) -> fn(&mut Random) -> Vec<i64> {
    if name == "short" { short } else { long }
}

/// Per session.
#[divan::bench(args = ["short", "long"])]
fn score(bencher: Bencher<'_, '_>, name: &str) {
    let model = fitted(name);
    let later = encoded(&model, name);
    let mut scratch = Scratch::default();
    bencher
        .counter(ItemsCount::new(later.len()))
        .bench_local(|| later.iter().map(|ids| model.score_with(ids, &mut scratch)).sum::<f64>());
}

/// Per session.
#[divan::bench(args = ["short", "long"])]
fn explain(bencher: Bencher<'_, '_>, name: &str) {
    let model = fitted(name);
    let later = encoded(&model, name);
    bencher
        .counter(ItemsCount::new(later.len()))
        .bench_local(|| later.iter().map(|ids| model.explain(ids).contributions.len()).sum::<usize>());
}

/// Per session fitted on, cross-fitting included.
#[divan::bench(args = ["short", "long"], sample_count = 5)]
fn fit(bencher: Bencher<'_, '_>, name: &str) {
    let data = sessions(kind(name), 1, SESSIONS);
    bencher.counter(ItemsCount::new(data.len())).bench_local(|| {
        SequenceModel::fit(&data, &SequenceSettings::default(), &mut Random::new(1)).unwrap().sequences()
    });
}

fn fitted(name: &str) -> SequenceModel {
    SequenceModel::fit(&sessions(kind(name), 1, SESSIONS), &SequenceSettings::default(), &mut Random::new(1)).unwrap()
}

fn encoded(model: &SequenceModel, name: &str) -> Vec<Vec<u32>> {
    let data = sessions(kind(name), 2, SESSIONS);
    let encode = |at: usize| {
        let names = data.sequence(at).iter().map(|id| Token::Text(data.vocabulary().name(*id)));
        model.encode(&names.collect::<Vec<_>>())
    };
    (0..data.len()).map(encode).collect()
}

/// Per line.
#[divan::bench]
fn templates(bencher: Bencher<'_, '_>) {
    let mut random = Random::new(3);
    let lines: Vec<String> = (0..10_000)
        .map(|at| {
            let (user, ip, port) = (random.below(1000), random.below(250), random.below(60_000));
            match at % 4 {
                0 => format!("Failed password for invalid user u{user} from 173.234.31.{ip} port {port} ssh2"),
                1 => format!("pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=10.0.0.{ip}"),
                2 => format!("Received disconnect from 112.95.230.{ip}: 11: Bye Bye [preauth]"),
                _ => format!("reverse mapping checking getaddrinfo for host{user}.example.org [10.1.2.{ip}] failed"),
            }
        })
        .collect();
    let mut drain = Drain::default();
    bencher
        .counter(ItemsCount::new(lines.len()))
        .bench_local(|| lines.iter().map(|line| u64::from(drain.learn(line))).sum::<u64>());
}

/// Per event judged and learned.
#[divan::bench]
fn transitions(bencher: Bencher<'_, '_>) {
    let mut random = Random::new(4);
    let ids: Vec<u32> = (0..10_000).map(|at| (at % 12) + if random.below(40) == 0 { 20 } else { 0 }).collect();
    bencher.counter(ItemsCount::new(ids.len())).bench_local(|| {
        let mut known = Transitions::new(86_400.0);
        let mut sum = 0.0;
        for (at, three) in ids.windows(3).enumerate() {
            if let [two, one, next] = three {
                sum += known.surprise(Some(*two), Some(*one), *next, 64);
                known.learn(at as f64, Some(*two), Some(*one), *next);
            }
        }
        sum
    });
}
