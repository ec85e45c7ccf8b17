//! Request parameters of honest clients, made by ourselves: names, addresses, prose, code-like searches, JSON, tokens, links.
//! What quiets false alarms is variety, most of all in what looks like an attack and is none.

use shieldwall_learn::Random;

use super::words;

/// Changes whenever what is generated changes.
pub const VERSION: u32 = 1;

struct Lists {
    english: Vec<&'static str>,
    european: Vec<&'static str>,
    names: Vec<&'static str>,
    places: Vec<&'static str>,
    hosts: Vec<&'static str>,
}

fn pick<'a>(random: &mut Random, list: &[&'a str]) -> &'a str {
    list.get(random.below(list.len())).copied().unwrap_or("")
}

fn letters(random: &mut Random, alphabet: &[u8], length: usize) -> String {
    (0..length).filter_map(|_| alphabet.get(random.below(alphabet.len())).map(|byte| char::from(*byte))).collect()
}

fn title(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const HEX: &[u8] = b"0123456789abcdef";

/// Names of parameters.
const KEYS: &[&str] = &[
    "q",
    "query",
    "search",
    "s",
    "id",
    "page",
    "p",
    "name",
    "user",
    "username",
    "email",
    "lang",
    "locale",
    "sort",
    "order",
    "filter",
    "limit",
    "offset",
    "token",
    "session",
    "sid",
    "csrf_token",
    "redirect",
    "url",
    "next",
    "return_to",
    "ref",
    "utm_source",
    "utm_campaign",
    "category",
    "cat",
    "tag",
    "type",
    "format",
    "callback",
    "date",
    "from",
    "to",
    "start",
    "end",
    "file",
    "path",
    "title",
    "comment",
    "message",
    "body",
    "text",
    "address",
    "city",
    "zip",
    "phone",
    "color",
    "size",
    "price",
    "min",
    "max",
    "width",
    "height",
    "v",
    "version",
    "ts",
    "_",
    "key",
    "value",
    "data",
    "state",
    "code",
    "select",
    "where",
    "action",
    "cmd",
    "view",
    "mode",
    "password",
];

/// Sentences with words that interpreters know too.
const TRICKY: &[&str] = &[
    "select the best option from the list below",
    "please update my order and delete the old one",
    "union of workers and students",
    "drop table tennis club",
    "where is the table from the order",
    "and or not",
    "either this or that",
    "how to insert into a group",
    "what does ls -la do",
    "cat food and dog food",
    "the id is null",
    "like it or not",
    "having fun or not having fun",
    "create a new user account",
    "order by phone or by mail",
    "group by group discussion",
    "exec summary",
    "cast and crew",
    "limit 10 items per order",
    "set the table for 2",
    "between 5 and 10 people",
    "count on me",
    "sleep well",
    "union jack",
    "join us at 5",
    "from paris to london and back",
    "it's a trap",
    "o'reilly & sons",
    "rock 'n' roll",
    "don't or won't",
    "women's shoes",
    "5' 11\" tall",
    "13\" laptop",
    "C++ or C#",
    "AT&T",
    "Q&A",
    "R&D",
    "a/b testing",
    "24/7 support",
    "and/or",
    "50% off",
    "100% cotton",
    "$5 - $10",
    "price > 100",
    "x < y",
    "I <3 you",
    ":-) ;-)",
    "(see below)",
    "[draft] notes",
    "{placeholder}",
    "foo_bar",
    "#hashtag",
    "@someone",
    "1+1=2",
    "a=b",
    "e=mc^2",
    "2 * 3 = 6",
    "y = f(x)",
    "f(x) = x^2 + 1",
    "p < 0.05",
    "C:\\Users\\Public\\Documents",
    "/home/user/photos",
    "../images/logo.png",
    "index.html#top",
    "javascript tutorial",
    "java script or python",
    "php function list",
    "alert settings",
    "document title",
    "window cleaning",
    "cookie recipes",
    "script writing course",
    "bash bish bosh",
    "ping pong",
    "how to ping a server",
    "wget vs curl",
    "sql select statement example",
    "html img tag onload",
    "error: unexpected token",
    "NullPointerException in main",
    "site:example.com -test \"exact phrase\"",
    "(cats OR dogs) AND NOT birds",
    "title:\"data mining\" author:smith",
    "name=*",
    "*.pdf",
    "SELECT COUNT(*) explained",
    "what is a left join",
    "<b>bold</b> text",
    "<p>Hello <em>world</em></p>",
    "**bold** and _italic_",
    "`code` in markdown",
    "- item one\n- item two",
    "see http://example.com/a?b=c",
    "T-shirt (L), 2x",
    "v1.2.3-beta",
    "#ff00aa",
    "rgb(255, 0, 0)",
    "calc(100% - 20px)",
    "12:30 -- 13:45",
    "10.0.0.1",
    "2001:db8::1",
    "+44 20 7946 0958",
    "(555) 123-4567",
    "; thanks",
    "yes; no; maybe",
    "one|two|three",
    "a,b,c",
    "---",
    "...",
    "!!!",
    "???",
    "N/A",
    "null",
    "undefined",
    "NaN",
    "true",
    "false",
    "-1",
    "0",
    "1e5",
    "0x1F",
    "007",
    "test",
    "admin",
    "root cause",
    "password reset",
    "system settings",
    "file upload",
    "function keys",
];

/// Values, each with its own way of being written.
fn value(lists: &Lists, random: &mut Random) -> String {
    let word = |random: &mut Random| {
        if random.below(3) == 0 { pick(random, &lists.european) } else { pick(random, &lists.english) }
    };
    let name = |random: &mut Random| title(pick(random, &lists.names));
    match random.below(32) {
        0..=1 => random.below(10usize.pow(1 + random.clone().below(9) as u32)).to_string(),
        2 => word(random).to_owned(),
        3..=5 => (0..2 + random.below(9)).map(|_| word(random)).collect::<Vec<_>>().join(" "),
        6 => format!("{} {}", name(random), name(random)),
        7 => {
            let glue = ["O'", "D'", "Mc", "van der ", "de la ", "L'"][random.below(6)];
            format!("{} {glue}{}", name(random), name(random))
        }
        8 => format!(
            "{}.{}{}@{}.{}",
            pick(random, &lists.names),
            pick(random, &lists.names),
            random.below(99),
            word(random),
            ["com", "org", "de", "co.uk"][random.below(4)]
        ),
        9..=12 => pick(random, TRICKY).to_owned(),
        13 => format!("{} {}", pick(random, TRICKY), word(random)),
        14 => format!("{} {} {}", word(random), pick(random, TRICKY), word(random)),
        15 => {
            let length = 16 + random.below(80);
            letters(random, BASE64, length) + ["", "=", "=="][random.below(3)]
        }
        16 => format!(
            "eyJ{}.eyJ{}.{}",
            letters(random, BASE64_URL, 30),
            letters(random, BASE64_URL, 80),
            letters(random, BASE64_URL, 43)
        ),
        17 => {
            let length = [8, 16, 32, 40, 64][random.below(5)];
            letters(random, HEX, length)
        }
        18 => [8, 4, 4, 4, 12].map(|length| letters(random, HEX, length)).join("-"),
        19 => link(lists, random),
        20 => json(lists, random, 2),
        21 => format!(
            "20{:02}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            random.below(30),
            1 + random.below(12),
            1 + random.below(28),
            random.below(24),
            random.below(60),
            random.below(60)
        ),
        22 => format!(
            "/{}/{}/{}.{}",
            word(random),
            word(random),
            word(random),
            ["html", "php", "js", "png", "pdf", "css"][random.below(6)]
        ),
        23 => format!(
            "{} {}, {} {}",
            1 + random.below(300),
            title(word(random)),
            random.below(99_999),
            title(pick(random, &lists.places))
        ),
        24 => format!("{} eq '{}' and {} gt {}", word(random), word(random), word(random), random.below(100)),
        25 => format!("{{ {} {{ {} {} }} }}", word(random), word(random), word(random)),
        26 => format!(
            "[{}]",
            (0..1 + random.below(5)).map(|_| random.below(1000).to_string()).collect::<Vec<_>>().join(",")
        ),
        27 => agent(random),
        28 => format!(
            "<p>{} {} <a href=\"{}\">{}</a></p>",
            title(word(random)),
            word(random),
            link(lists, random),
            word(random)
        ),
        29 => international(random),
        30 => {
            format!("<?xml version=\"1.0\"?><{0}><{1}>{2}</{1}></{0}>", word(random), word(random), random.below(1000))
        }
        _ => format!("{}_{}[{}]", word(random), word(random), random.below(20)),
    }
}

fn link(lists: &Lists, random: &mut Random) -> String {
    let (host, word) = (pick(random, &lists.hosts), pick(random, &lists.english));
    let tail = match random.below(4) {
        0 => String::new(),
        1 => format!("{}/{}.html", pick(random, &lists.english), pick(random, &lists.english)),
        2 => format!("{}?id={}&lang=en", pick(random, &lists.english), random.below(9999)),
        _ => format!("{}/?q={}#top", pick(random, &lists.english), pick(random, &lists.english)),
    };
    format!("https://{host}.{word}.com/{tail}")
}

fn json(lists: &Lists, random: &mut Random, depth: usize) -> String {
    let fields: Vec<String> = (0..1 + random.below(4))
        .map(|_| {
            let inner = match random.below(5) {
                0 => random.below(10_000).to_string(),
                1 => "true".to_owned(),
                2 if depth > 0 => json(lists, random, depth - 1),
                3 => "null".to_owned(),
                _ => format!("\"{} {}\"", pick(random, &lists.english), pick(random, &lists.names)),
            };
            format!("\"{}\":{inner}", pick(random, KEYS))
        })
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn agent(random: &mut Random) -> String {
    let system = pick(
        random,
        &[
            "Windows NT 10.0; Win64; x64",
            "X11; Linux x86_64",
            "Macintosh; Intel Mac OS X 10_15_7",
            "iPhone; CPU iPhone OS 17_1 like Mac OS X",
        ],
    );
    match random.below(4) {
        0 => format!("curl/8.{}.{}", random.below(10), random.below(5)),
        1 => format!("python-requests/2.{}.0", random.below(32)),
        _ => format!(
            "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
            90 + random.below(50)
        ),
    }
}

fn international(random: &mut Random) -> String {
    let scripts =
        [(0x430u32, 32usize), (0x5d0, 27), (0x627, 36), (0x3042, 80), (0x4e00, 6000), (0xac00, 8000), (0xe0, 30)];
    let (first, count) = scripts.get(random.below(scripts.len())).copied().unwrap_or((0x430, 32));
    (0..2 + random.below(20))
        .filter_map(
            |_| if random.below(7) == 0 { Some(' ') } else { char::from_u32(first + random.below(count) as u32) },
        )
        .collect()
}

/// Percent encoding as a form does it.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Values alone, and whole request targets, forms, bodies, cookies.
pub fn benign(count: usize, random: &mut Random) -> Vec<String> {
    let split = |list: &'static str| list.split_whitespace().collect();
    let lists = Lists {
        english: split(words::ENGLISH),
        european: split(words::EUROPEAN),
        names: split(words::NAMES),
        places: split(words::PLACES),
        hosts: split(words::HOSTS),
    };
    (0..count)
        .map(|_| {
            let pair = |random: &mut Random| {
                let text = value(&lists, random);
                let text = match random.below(8) {
                    0 => text,
                    1 => encoded(&encoded(&text)),
                    _ => encoded(&text),
                };
                format!("{}={text}", pick(random, KEYS))
            };
            let pairs =
                |random: &mut Random| (0..1 + random.below(6)).map(|_| pair(random)).collect::<Vec<_>>().join("&");
            match random.below(12) {
                0..=5 => value(&lists, random),
                6..=7 => format!("/{}?{}", pick(random, &lists.english), pairs(random)),
                8 => pairs(random),
                9 => format!("/{}/{}/{}", pick(random, &lists.hosts), pick(random, &lists.english), random.below(1000)),
                10 => json(&lists, random, 3),
                _ => (0..1 + random.below(4))
                    .map(|_| format!("{}={}", pick(random, KEYS), letters(random, BASE64_URL, 22)))
                    .collect::<Vec<_>>()
                    .join("; "),
            }
        })
        .collect()
}
