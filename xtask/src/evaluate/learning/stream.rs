//! A stream of our own with everything that makes calibration hard: each entity has its level and its hours, days and weeks
//! have their rhythm, tails are heavy, the world drifts slowly and jumps twice, and attacks are hidden in it.
//!
//! One window is an entity's hour. Nothing here was fitted to a model: levels, rhythms and drifts were written down once.

use shieldwall_learn::{Feature, FeatureKind, Frame, Random, Schema};

/// Entities.
pub const ENTITIES: u64 = 200;

/// Days.
pub const DAYS: usize = 42;

/// What stands in a window, in order: logarithms of bytes out, connections, different destinations, failures; bytes a
/// connection; and how busy the hour is for everybody.
pub const FEATURES: [&str; 6] = ["bytes out", "connections", "destinations", "failures", "bytes a connection", "hour"];

/// How the world changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum World {
    /// It stays as it is.
    Still,
    /// Bytes grow by 2 % a day; on day 21 a backup begins for a third of the entities at night; on day 28 failures double.
    Drifting,
}

/// One entity's hour.
#[derive(Clone, Debug)]
pub struct Window {
    /// Hours since the stream began (a Monday, midnight).
    pub hour: usize,
    /// Whose.
    pub entity: u64,
    /// In the order of [`FEATURES`].
    pub row: [f64; 6],
    /// The attack that is in it.
    pub attack: Option<u32>,
}

impl Window {
    /// Days since the stream began.
    pub fn day(&self) -> usize {
        self.hour / 24
    }

    /// Event time, seconds.
    pub fn time_s(&self) -> i64 {
        self.hour as i64 * 3600
    }

    /// A number that no other window has.
    pub fn id(&self) -> u64 {
        self.hour as u64 * ENTITIES + self.entity
    }
}

/// The windows in order of time, with attacks from `first_attack` on: some two in three days, each a few hours of one
/// entity, from three to a hundred times its usual in one or two features.
pub fn stream(world: World, first_attack: usize, seed: u64) -> Vec<Window> {
    let root = Random::new(seed);
    let mut random = root.part(1);
    let people: Vec<Person> = (0..ENTITIES).map(|_| Person::new(&mut random)).collect();
    let attacks = attacks(first_attack, &mut root.part(2));
    let mut noise = root.part(3);
    let mut windows = Vec::with_capacity(DAYS * 24 * ENTITIES as usize);
    for hour in 0..DAYS * 24 {
        for (entity, person) in people.iter().enumerate() {
            let mut amounts = person.hour(hour, world, &mut noise);
            let attack = attacks.iter().find(|attack| attack.entity == entity as u64 && attack.hours.contains(&hour));
            if let Some(attack) = attack {
                attack.add_to(&mut amounts);
            }
            windows.push(Window {
                hour,
                entity: entity as u64,
                row: row(amounts, hour),
                attack: attack.map(|attack| attack.number),
            });
        }
    }
    windows
}

/// Windows as a table.
pub fn frame<'a>(windows: impl Iterator<Item = &'a Window>) -> Frame {
    let mut columns = vec![Vec::new(); FEATURES.len()];
    for window in windows {
        columns.iter_mut().zip(window.row).for_each(|(column, value)| column.push(value));
    }
    let features = FEATURES.iter().map(|name| Feature { name: (*name).to_owned(), kind: FeatureKind::Numeric });
    Frame::new(Schema { features: features.collect() }, columns).unwrap_or_default()
}

/// How attacks and entities differ: bytes, connections, destinations, failures.
type Amounts = [f64; 4];

struct Person {
    /// ln of how active.
    level: f64,
    /// Hours that its day is early or late.
    shift: f64,
    /// Whether the backup of day 21 concerns it.
    backed_up: bool,
    /// Failures an hour at full activity.
    failures: f64,
}

impl Person {
    fn new(random: &mut Random) -> Self {
        Self {
            level: 0.8 * normal(random),
            shift: 1.5 * normal(random),
            backed_up: random.unit() < 1.0 / 3.0,
            failures: 0.2 * (0.7 * normal(random)).exp(),
        }
    }

    fn hour(&self, hour: usize, world: World, noise: &mut Random) -> Amounts {
        let active = self.level.exp() * busy(hour as f64 + self.shift);
        // One hour in fifty is something special: a heavy tail.
        let special = if noise.unit() < 0.02 { (1.0 - noise.unit()).powf(-0.6) } else { 1.0 };
        let connections = (40.0 * active * (0.5 * normal(noise)).exp() * special.sqrt()).ceil();
        let mut bytes = connections * 20_000.0 * (0.7 * normal(noise)).exp() * special;
        let destinations = (connections.powf(0.7) * (0.3 * normal(noise)).exp()).ceil();
        let mut failures = self.failures * active;
        if world == World::Drifting {
            let day = hour / 24;
            bytes *= 1.02f64.powi(day as i32);
            if day >= 21 && self.backed_up && hour % 24 < 5 {
                bytes += 3e6 * (0.3 * normal(noise)).exp();
            }
            if day >= 28 {
                failures *= 2.0;
            }
        }
        [bytes, connections, destinations, poisson(failures, noise)]
    }
}

/// How busy an hour is: nights a tenth, weekends a fifth.
fn busy(hour: f64) -> f64 {
    let (of_day, weekday) = (hour.rem_euclid(24.0), (hour / 24.0).floor().rem_euclid(7.0));
    let day = 0.1 + 0.9 * (-((of_day - 13.0) / 4.0).powi(2)).exp();
    if weekday >= 5.0 { day * 0.2 } else { day }
}

struct Attack {
    number: u32,
    entity: u64,
    hours: std::ops::Range<usize>,
    times: Amounts,
    plus: Amounts,
}

impl Attack {
    fn add_to(&self, amounts: &mut Amounts) {
        for ((amount, times), plus) in amounts.iter_mut().zip(self.times).zip(self.plus) {
            *amount = (*amount * times).max(plus);
        }
    }
}

fn attacks(first: usize, random: &mut Random) -> Vec<Attack> {
    let count = (DAYS - first) * 2 / 3;
    (0..count as u32)
        .map(|number| {
            let start = first * 24 + random.below((DAYS - first) * 24 - 6);
            // Three to a hundred times, evenly on a logarithmic scale.
            let strength = 3.0 * (100.0f64 / 3.0).powf(random.unit());
            let (times, plus) = match random.below(3) {
                // Data are carried out.
                0 => ([strength, 1.0, 1.0, 1.0], [strength * 400_000.0, 0.0, 0.0, 0.0]),
                // The network is scanned.
                1 => ([1.0, strength, strength, 1.0], [0.0, strength * 20.0, strength * 10.0, 0.0]),
                // Passwords are tried.
                _ => ([1.0, 1.0, 1.0, strength], [0.0, strength, 0.0, strength]),
            };
            let hours = start..start + 1 + random.below(4);
            Attack { number, entity: random.below(ENTITIES as usize) as u64, hours, times, plus }
        })
        .collect()
}

fn row([bytes, connections, destinations, failures]: Amounts, hour: usize) -> [f64; 6] {
    [
        bytes.ln_1p(),
        connections.ln_1p(),
        destinations.ln_1p(),
        failures.ln_1p(),
        (bytes / connections.max(1.0)).ln_1p(),
        busy(hour as f64),
    ]
}

/// A standard normal number (sum of twelve, Irwin–Hall): the same on every machine.
pub fn normal(random: &mut Random) -> f64 {
    (0..12).map(|_| random.unit()).sum::<f64>() - 6.0
}

/// A Poisson number by counting; means here are small.
fn poisson(mean: f64, random: &mut Random) -> f64 {
    let (mut count, mut product) = (0.0, random.unit());
    let limit = (-mean).exp();
    while product > limit && count < 1000.0 {
        product *= random.unit();
        count += 1.0;
    }
    count
}
