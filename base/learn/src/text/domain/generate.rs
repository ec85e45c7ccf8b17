//! Domain names made by ourselves: the only data that the shipped model of domains is trained on, and styles of hostile
//! names that every model of domains learns beside its own data.
//!
//! Benign names follow how people and firms name things (words, names, places, compounds, abbreviations, syllables of
//! several languages, numbers) and how machines are named below them (services, clouds, content networks, ids). Hostile ones
//! follow the *styles* in which malware generates names, one group each, and names that carry data. The styles are general
//! schemes with parameters drawn anew in each campaign; no family's code, seed or word list is used.

use crate::random::Random;
use crate::text::words;

/// Changes whenever what is generated changes.
pub const VERSION: u32 = 1;

/// A name, whether it is hostile, and the group (style and campaign) that it belongs to.
pub struct Generated {
    /// The name, with a suffix.
    pub name: String,
    /// Hostile.
    pub hostile: bool,
    /// What belongs together.
    pub group: u32,
}

/// Campaigns (parameter draws) of each style.
const CAMPAIGNS: usize = 24;

/// The lists, split once.
struct Lists {
    english: Vec<&'static str>,
    european: Vec<&'static str>,
    names: Vec<&'static str>,
    places: Vec<&'static str>,
    affixes: Vec<&'static str>,
    pinyin: Vec<&'static str>,
    romaji: Vec<&'static str>,
    brand: Vec<&'static str>,
    hosts: Vec<&'static str>,
    short: Vec<&'static str>,
}

impl Lists {
    fn new() -> Self {
        let split = |list: &'static str| list.split_whitespace().collect();
        Self {
            english: split(words::ENGLISH),
            european: split(words::EUROPEAN),
            names: split(words::NAMES),
            places: split(words::PLACES),
            affixes: split(words::AFFIXES),
            pinyin: split(words::PINYIN),
            romaji: split(words::ROMAJI),
            brand: split(words::BRAND),
            hosts: split(words::HOSTS),
            short: split(words::SHORT),
        }
    }
}

fn pick<'a>(random: &mut Random, list: &[&'a str]) -> &'a str {
    list.get(random.below(list.len())).copied().unwrap_or("")
}

fn letters(random: &mut Random, alphabet: &[u8], length: usize) -> String {
    (0..length).filter_map(|_| alphabet.get(random.below(alphabet.len())).map(|byte| char::from(*byte))).collect()
}

fn between(random: &mut Random, low: usize, high: usize) -> usize {
    low + random.below(high + 1 - low)
}

fn syllables(random: &mut Random, list: &[&str], low: usize, high: usize) -> String {
    (0..between(random, low, high)).map(|_| pick(random, list)).collect()
}

const SUFFIXES: &[&str] = &[
    "com", "net", "org", "info", "biz", "ru", "de", "co.uk", "io", "cn", "com.br", "fr", "it", "pl", "top", "xyz",
    "eu", "us", "in",
];

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const ALNUM: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const HEX: &[u8] = b"0123456789abcdef";
const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
const VOWELS: &[u8] = b"aeiou";
const CONSONANTS: &[u8] = b"bcdfghjklmnpqrstvwxz";

/// Benign names, each a group of its own (numbers from `group`).
pub fn benign(count: usize, group: u32, random: &mut Random) -> Vec<Generated> {
    let lists = Lists::new();
    (0..count)
        .map(|at| {
            let mut name = registered(&lists, random);
            if random.below(10) < 3 {
                name = format!("{}.{name}", host(&lists, random));
            }
            let suffix = pick(random, SUFFIXES);
            Generated { name: format!("{name}.{suffix}"), hostile: false, group: group + at as u32 }
        })
        .collect()
}

/// What somebody registers.
fn registered(lists: &Lists, random: &mut Random) -> String {
    let word = |random: &mut Random| match random.below(10) {
        0..=5 => pick(random, &lists.english),
        6 => pick(random, &lists.short),
        7..=8 => pick(random, &lists.european),
        _ => pick(random, &lists.names),
    };
    let joint = if random.below(8) == 0 { "-" } else { "" };
    match random.below(100) {
        0..=17 => format!("{}{joint}{}", word(random), word(random)),
        18 => international(random),
        19..=20 => format!("{}{joint}{}", word(random), pick(random, &lists.short)),
        21..=22 => {
            let letter = letters(random, LETTERS, 1);
            let number = [letters(random, b"0123456789", 1).repeat(3), random.below(1000).to_string()];
            let number = number.get(random.below(2)).map_or("", String::as_str);
            match random.below(3) {
                0 => format!("{letter}{number}{}", letters(random, LETTERS, 1)),
                1 => format!("{number}{}", pick(random, &lists.short)),
                _ => format!("{}{number}", letters(random, LETTERS, 2)),
            }
        }
        23..=24 => {
            format!("{}{}{}", pick(random, &lists.short), pick(random, &lists.short), pick(random, &lists.short))
        }
        25..=32 => word(random).to_owned(),
        33..=39 => format!("{}{joint}{}{joint}{}", word(random), word(random), word(random)),
        40..=46 => format!("{}{joint}{}", word(random), pick(random, &lists.affixes)),
        47..=50 => format!("{}{joint}{}", pick(random, &lists.affixes), word(random)),
        51..=55 => format!("{}{joint}{}", pick(random, &lists.names), pick(random, &lists.names)),
        56..=60 => format!("{}{joint}{}", pick(random, &lists.places), word(random)),
        61..=71 => {
            let brand = syllables(random, &lists.brand, 2, 4);
            if random.below(3) == 0 { format!("{brand}{joint}{}", word(random)) } else { brand }
        }
        72..=76 => {
            let length = between(random, 2, 5);
            let short = letters(random, LETTERS, length);
            match random.below(3) {
                0 => format!("{short}{joint}{}", word(random)),
                1 => format!("{short}{joint}{}", pick(random, &lists.affixes)),
                _ => short,
            }
        }
        77..=82 => syllables(random, &lists.pinyin, 2, 4),
        83..=87 => syllables(random, &lists.romaji, 2, 6),
        88..=90 => {
            let length = between(random, 3, 6);
            let number = letters(random, b"0123456789", length);
            if random.below(2) == 0 { number } else { format!("{}{number}", syllables(random, &lists.pinyin, 1, 2)) }
        }
        91..=93 => format!("{}{}", word(random), between(random, 1, 2030)),
        94..=95 => shortened(word(random), word(random)),
        96..=97 => misspelt(&format!("{}{}", word(random), word(random)), random),
        _ => {
            format!("{}{}{}", word(random), pick(random, &["2", "4", "n", "and", "of", "in", "y", "und"]), word(random))
        }
    }
}

/// Letters of other scripts, as a decoded label holds them.
fn international(random: &mut Random) -> String {
    let scripts = [
        (0x430u32, 32usize),
        (0x5d0, 27),
        (0x627, 36),
        (0x3042, 80),
        (0x30a2, 80),
        (0x4e00, 6000),
        (0xac00, 8000),
        (0xe01, 46),
    ];
    let (first, count) = scripts.get(random.below(scripts.len())).copied().unwrap_or((0x430, 32));
    (0..between(random, 2, 12)).filter_map(|_| char::from_u32(first + random.below(count) as u32)).collect()
}

/// The consonants of one word, or the heads of two: `mngr`, `intlcorp`.
fn shortened(first: &str, second: &str) -> String {
    let heads: String = first.chars().take(3).chain(second.chars().take(4)).collect();
    let bones: String =
        first.chars().enumerate().filter(|(at, c)| *at == 0 || !"aeiou".contains(*c)).map(|one| one.1).collect();
    if first.len() > 5 { bones + second } else { heads }
}

/// A word as a brand spells it: a letter doubled, dropped or swapped.
fn misspelt(word: &str, random: &mut Random) -> String {
    let at = random.below(word.len());
    let way = random.below(3);
    let swapped = |c: char| match c {
        'c' => 'k',
        's' => 'z',
        'i' => 'y',
        'o' => '0',
        'e' => '3',
        other => other,
    };
    let mut out = String::new();
    for (index, letter) in word.chars().enumerate() {
        match (index == at, way) {
            (true, 0) => out.extend([letter, letter]),
            (true, 1) => {}
            (true, _) => out.push(swapped(letter)),
            _ => out.push(letter),
        }
    }
    out
}

/// What stands before a registered name.
fn host(lists: &Lists, random: &mut Random) -> String {
    let number = |random: &mut Random| random.below(256).to_string();
    match random.below(20) {
        0..=7 => pick(random, &lists.hosts).to_owned(),
        8..=9 => format!("{}.{}", pick(random, &lists.hosts), pick(random, &lists.english)),
        10 => format!("{}-{}", pick(random, &lists.hosts), pick(random, &lists.places)),
        11 => format!("{}{:02}", pick(random, &lists.hosts), random.below(40)),
        12 => {
            let [a, b, c, d] = [(); 4].map(|()| number(random));
            let lead = pick(random, &["ec2-", "ip-", "host-", "static-", "cpe-", "dsl-", "", "pool-"]);
            format!("{lead}{a}-{b}-{c}-{d}.{}", pick(random, &["compute", "dynamic", "broadband", "res", "pool"]))
        }
        13 => format!("{}-{}.{}", pick(random, &lists.english), letters(random, HEX, 8), pick(random, &lists.hosts)),
        14 => format!("d{}.cdn", letters(random, ALNUM, 13)),
        15 => format!("e{}.{}", random.below(99_999), pick(random, &["dscb", "dsca", "g", "x", "b"])),
        16 => format!("r{}---sn-{}", random.below(20), letters(random, ALNUM, 8)),
        17 => format!(
            "{}.{}.{}",
            pick(random, &lists.hosts),
            pick(random, &["eu-west-1", "us-east-2", "ap-south-1"]),
            pick(random, &lists.hosts)
        ),
        18 => format!("_{}._tcp.{}", pick(random, &["ldap", "kerberos", "sip", "xmpp"]), pick(random, &lists.hosts)),
        _ => format!("{}-{}", pick(random, &lists.english), pick(random, &lists.english)),
    }
}

/// One way to make names.
type Style = fn(&Lists, &mut Campaign) -> String;

/// What a campaign has drawn once, and its chance for each name.
struct Campaign {
    random: Random,
    low: usize,
    high: usize,
    state: u64,
    words: Vec<&'static str>,
    alphabet: Vec<u8>,
}

impl Campaign {
    fn length(&mut self) -> usize {
        between(&mut self.random, self.low, self.high)
    }
}

const STYLES: &[Style] = &[
    |_, campaign| {
        let length = campaign.length();
        letters(&mut campaign.random, LETTERS, length)
    },
    // A linear congruential generator whose low bits give the letters.
    |_, campaign| {
        (0..campaign.length())
            .map(|_| {
                campaign.state = campaign.state.wrapping_mul(1_103_515_245).wrapping_add(12_345) & 0x7fff_ffff;
                char::from(b'a' + ((campaign.state >> 8) % 25) as u8)
            })
            .collect()
    },
    |_, campaign| {
        let length = campaign.length();
        letters(&mut campaign.random, ALNUM, length)
    },
    |_, campaign| {
        let length = 8 + 8 * (campaign.low % 4);
        letters(&mut campaign.random, HEX, length)
    },
    |_, campaign| {
        let length = campaign.length() + 6;
        letters(&mut campaign.random, BASE32, length)
    },
    // Consonants mostly.
    |_, campaign| {
        (0..campaign.length())
            .map(|_| {
                let list = if campaign.random.below(8) == 0 { VOWELS } else { CONSONANTS };
                letters(&mut campaign.random, list, 1)
            })
            .collect()
    },
    // Consonant, vowel, consonant, …: can be spoken, in no language.
    |_, campaign| {
        (0..campaign.length())
            .map(|at| letters(&mut campaign.random, if at % 2 == campaign.low % 2 { VOWELS } else { CONSONANTS }, 1))
            .collect()
    },
    // Spoken pairs with rare letters.
    |_, campaign| {
        (0..campaign.length().div_ceil(2))
            .map(|_| {
                let (first, second) =
                    if campaign.random.below(3) == 0 { (VOWELS, CONSONANTS) } else { (CONSONANTS, b"aeiouy" as &[u8]) };
                letters(&mut campaign.random, first, 1) + &letters(&mut campaign.random, second, 1)
            })
            .collect()
    },
    // Few letters only.
    |_, campaign| {
        let length = campaign.length();
        letters(&mut campaign.random, &campaign.alphabet.clone(), length)
    },
    // Two words of a campaign's list.
    |_, campaign| {
        let words = campaign.words.clone();
        format!("{}{}", pick(&mut campaign.random, &words), pick(&mut campaign.random, &words))
    },
    // Words and a number or letters behind.
    |lists, campaign| {
        let tail = between(&mut campaign.random, 3, 6);
        format!("{}{}", pick(&mut campaign.random, &lists.english), letters(&mut campaign.random, ALNUM, tail))
    },
    // A fixed tail, the first letters change.
    |_, campaign| {
        let tail: String = campaign.words.iter().take(3).copied().collect();
        format!("{}{tail}", letters(&mut campaign.random, LETTERS, 4 + campaign.low % 3))
    },
    // Arithmetic on a date: the same letters shift together.
    |_, campaign| {
        campaign.state = campaign.state.wrapping_add(0x1_0001).rotate_left(3);
        let state = campaign.state;
        (0..campaign.length())
            .map(|at| char::from(b'a' + ((state >> (at % 13)).wrapping_mul(at as u64 + 3) % 26) as u8))
            .collect()
    },
    // Digits mostly.
    |_, campaign| {
        let length = campaign.length();
        letters(&mut campaign.random, b"0123456789abcdefghij", length)
    },
    // Letters whose neighbours depend on each other (xor with the last).
    |_, campaign| {
        let mut last = campaign.state as u8;
        (0..campaign.length())
            .map(|at| {
                last = last.wrapping_mul(7) ^ (campaign.random.below(64) as u8).wrapping_add(at as u8);
                char::from(b'a' + last % 26)
            })
            .collect()
    },
    // Long ones.
    |_, campaign| {
        let length = campaign.length() + 12;
        letters(&mut campaign.random, LETTERS, length)
    },
    // Groups of letters and digits in turn.
    |_, campaign| {
        (0..campaign.length() / 3)
            .map(|_| letters(&mut campaign.random, LETTERS, 2) + &letters(&mut campaign.random, b"0123456789", 1))
            .collect()
    },
];

/// Names that carry data: labels full of encoded bytes below a short name.
const TUNNELS: &[Style] = &[
    |lists, campaign| tunnel(lists, campaign, HEX, 3),
    |lists, campaign| tunnel(lists, campaign, BASE32, 3),
    |lists, campaign| tunnel(lists, campaign, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", 3),
    |lists, campaign| tunnel(lists, campaign, HEX, 1),
    |lists, campaign| format!("{:04x}.{}", campaign.random.below(65_536), tunnel(lists, campaign, BASE32, 2)),
];

fn tunnel(lists: &Lists, campaign: &mut Campaign, alphabet: &[u8], labels: usize) -> String {
    let count = between(&mut campaign.random, 1, labels);
    let mut name = String::new();
    for _ in 0..count {
        let length = between(&mut campaign.random, 24, 63);
        name.push_str(&letters(&mut campaign.random, alphabet, length));
        name.push('.');
    }
    name.push_str(&registered(lists, &mut Random::new(campaign.state)));
    name
}

/// Hostile names: each style in several campaigns, as many names of each, or where few are asked for, some of all.
pub fn hostile(count: usize, group: u32, random: &mut Random) -> Vec<Generated> {
    let lists = Lists::new();
    let styles: Vec<Style> = STYLES.iter().chain(TUNNELS).copied().collect();
    let each = count.div_ceil(styles.len() * CAMPAIGNS);
    let mut all = Vec::new();
    for (number, style) in (0u32..).zip(&styles) {
        for _ in 0..CAMPAIGNS {
            let low = between(random, 6, 14);
            let mut alphabet = LETTERS.to_vec();
            random.shuffle(&mut alphabet);
            alphabet.truncate(between(random, 8, 16));
            let words = (0..60).map(|_| pick(random, &lists.english)).collect();
            let high = low + random.below(8);
            let mut campaign =
                Campaign { random: Random::new(random.bits()), low, high, state: random.bits(), words, alphabet };
            let suffix = pick(random, SUFFIXES);
            for _ in 0..each {
                let name = format!("{}.{suffix}", style(&lists, &mut campaign));
                all.push(Generated { name, hostile: true, group: group + number });
            }
        }
    }
    if all.len() > count {
        random.shuffle(&mut all);
        all.truncate(count);
    }
    all
}
