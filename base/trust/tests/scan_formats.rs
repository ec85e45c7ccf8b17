//! What the scan says of containers and of formats without pickles: on the labelled artifacts where they are at hand, and on
//! hostile bytes made here. Payloads are `echo` only, put together opcode by opcode; nothing is ever unpickled.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test"
)]

use std::path::PathBuf;

use shieldwall_trust::scan::{Bytes, Report, Verdict};

fn scan(bytes: &dyn Bytes) -> Report {
    shieldwall_trust::scan::scan(bytes)
}

fn check(name: &str, bytes: &[u8], expected: Verdict) {
    let report = scan(&bytes.to_vec());
    assert_eq!(report.verdict(), expected, "{name}: {:?} {:#?}", report.formats, report.findings());
}

fn data() -> Option<PathBuf> {
    let root = std::env::var_os("SHIELDWALL_DATA")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")), PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    eprintln!("SKIPPED: no data in {}; set SHIELDWALL_DATA", root.display());
    None
}

/// Kinds of artifacts that are this part's: everything whose payload is no bare pickle.
fn is_ours(path: &str) -> bool {
    [
        "/keras",
        "/gguf/",
        "/onnx/",
        "/safetensors/",
        "/repo/",
        "/jinja2/",
        "/archives/",
        "/tensorflow",
        "/manifests/",
        "/sentencepiece/",
    ]
    .iter()
    .any(|part| path.contains(part))
        && !path.ends_with(".pkl")
}

#[test]
fn labelled_artifacts_are_called_by_their_names() {
    let Some(root) = data().map(|root| root.join("model-artifacts")) else { return };
    let Ok(labels) = std::fs::read_to_string(root.join("labels.tsv")) else {
        eprintln!("SKIPPED: no labelled artifacts in {}", root.display());
        return;
    };
    let (mut malicious, mut found, mut benign, mut clean, mut wrong) = (0, 0, 0, 0, Vec::new());
    for line in labels.lines().skip(1) {
        let mut fields = line.split('\t');
        let (path, label) = (fields.next().unwrap(), fields.next().unwrap());
        if !is_ours(path) {
            continue;
        }
        let verdict = scan(&std::fs::File::open(root.join(path)).unwrap()).verdict();
        match (label, verdict) {
            ("malicious", verdict) => {
                malicious += 1;
                found += u32::from(verdict == Verdict::Malicious);
                if verdict == Verdict::Clean {
                    wrong.push(format!("silently clean: {path}"));
                }
            }
            ("benign", verdict) => {
                benign += 1;
                clean += u32::from(verdict == Verdict::Clean);
                if verdict != Verdict::Clean {
                    eprintln!("not proven: {path}");
                }
                if verdict == Verdict::Malicious {
                    wrong.push(format!("false alarm: {path}"));
                }
            }
            ("structural", Verdict::Clean) => wrong.push(format!("structural and clean: {path}")),
            _ => {}
        }
    }
    println!("{found} of {malicious} malicious found, {clean} of {benign} benign clean");
    assert!(wrong.is_empty(), "{wrong:#?}");
    // Left: a layer whose class is not in the file.
    assert!(malicious > 40 && found + 1 >= malicious, "{found} of {malicious}");
    assert!(benign > 10 && clean + 1 >= benign, "{clean} of {benign}");
}

#[test]
fn the_models_of_onnx_own_tests_are_clean() {
    let Some(root) = data().map(|root| root.join("onnx-testdata")) else { return };
    let mut open = vec![root.clone()];
    let mut many = 0;
    while let Some(folder) = open.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            eprintln!("SKIPPED: no {}", folder.display());
            return;
        };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
                continue;
            }
            many += 1;
            let report = scan(&std::fs::File::open(&path).unwrap());
            assert_eq!(report.verdict(), Verdict::Clean, "{}: {:#?}", path.display(), report.findings());
        }
    }
    assert!(many > 100, "{many}");
}

/// `os.system("echo hi")`, protocol 4: two texts, STACK_GLOBAL, a tuple of one, REDUCE, STOP.
fn payload() -> Vec<u8> {
    let mut out = b"\x80\x04".to_vec();
    for text in ["os", "system"] {
        out.extend([0x8c, text.len() as u8]);
        out.extend(text.as_bytes());
    }
    out.push(0x93);
    out.extend(b"\x8c\x07echo hi\x85R.");
    out
}

/// A zip with stored members, as Python's zipfile writes it. Returns the places of the members' bytes too.
fn zip(members: &[(&str, &[u8])]) -> (Vec<u8>, Vec<std::ops::Range<usize>>) {
    let (mut out, mut directory, mut places) = (Vec::new(), Vec::new(), Vec::new());
    for (name, bytes) in members {
        let at = out.len() as u32;
        let mut both = Vec::new();
        both.extend([20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0x28]);
        both.extend(crc(bytes).to_le_bytes());
        both.extend((bytes.len() as u32).to_le_bytes());
        both.extend((bytes.len() as u32).to_le_bytes());
        both.extend((name.len() as u16).to_le_bytes());
        both.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&both);
        out.extend(name.as_bytes());
        places.push(out.len()..out.len() + bytes.len());
        out.extend(*bytes);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&both);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    (out, places)
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        (0..8).for_each(|_| crc = crc >> 1 ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 });
    }
    !crc
}

/// xorshift64*: the same mutations everywhere.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % end
    }
}

#[test]
fn an_honest_zip_is_clean_and_its_payload_is_not() {
    let (good, _) = zip(&[("a/readme.txt", b"words"), ("a/version", b"3\n")]);
    check("good", &good, Verdict::Clean);
    let (bad, _) = zip(&[("a/data.pkl", &payload()), ("a/version", b"3\n")]);
    assert_ne!(scan(&bad).verdict(), Verdict::Clean);
}

#[test]
fn no_mutation_of_a_zip_hides_its_payload() {
    let payload = payload();
    let (zip, places) = zip(&[("a/data.pkl", payload.as_slice()), ("a/version", b"3\n"), ("a/data/0", b"\0\0\0\0")]);
    let mut random = Seeded(5);
    for round in 0..3_000 {
        let mut bytes = zip.clone();
        for _ in 0..=random.below(3) {
            match random.below(8) {
                0 => {
                    // A tail is cut, but never the payload.
                    let keep = places[0].end + random.below(bytes.len().saturating_sub(places[0].end).max(1));
                    bytes.truncate(keep.max(places[0].end));
                }
                1 => bytes.splice(0..0, vec![b'x'; 1 + random.below(40)]).for_each(drop),
                2 => bytes.extend(vec![b'y'; 1 + random.below(40)]),
                3 => {
                    let copy = zip[random.below(zip.len())..].to_vec();
                    bytes.extend(copy);
                }
                _ => {
                    // A byte of the headers; the payload itself stays, wherever it now lies.
                    let at = random.below(bytes.len());
                    let start = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
                    if !(start..start + payload.len()).contains(&at) {
                        bytes[at] =
                            [0, 1, 0x20, 0x40, 0xff, bytes[at] ^ 1, bytes[at].wrapping_add(1), random.below(256) as u8]
                                [random.below(8)];
                    }
                }
            }
        }
        let report = scan(&bytes);
        assert_ne!(report.verdict(), Verdict::Clean, "round {round}: {bytes:?}");
    }
}

#[test]
fn known_tricks_with_zips_are_named() {
    let (zip, places) = zip(&[("a/data.pkl", &payload()), ("a/version", b"3\n")]);
    let central = zip.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    for (what, at, value, advisory) in [
        ("flag bits in the directory only", central + 8, 0x40, "CVE-2025-1945"),
        ("CRC", central + 16, 0x99, "CVE-2025-10156"),
        ("name", 30, b'b', "CVE-2025-1944"),
    ] {
        let mut bytes = zip.clone();
        bytes[at] = value;
        let report = scan(&bytes);
        assert!(
            report.findings().iter().any(|finding| finding.advisories.contains(&advisory)),
            "{what}: {:#?}",
            report.findings()
        );
        assert_ne!(report.verdict(), Verdict::Clean);
    }
    let mut bytes = zip.clone();
    bytes[central + 10] = 99;
    assert_ne!(scan(&bytes).verdict(), Verdict::Clean, "method 99");
    assert_ne!(scan(&zip[..central].to_vec()).verdict(), Verdict::Clean, "no directory");
    assert_eq!(places.len(), 2);
    for name in ["../x", "/x", "C:\\x", "a/../../x"] {
        check(name, &self::zip(&[(name, b"x")]).0, Verdict::Malicious);
    }
    check("name twice", &self::zip(&[("a", b"x"), ("a", b"y")]).0, Verdict::NotProven);
}

fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    let mut out = (header.len() as u64).to_le_bytes().to_vec();
    out.extend(header.as_bytes());
    out.extend(data);
    out
}

#[test]
fn every_rule_of_a_safetensors_header() {
    use Verdict::{Clean, Malicious, NotProven};
    let tensor = |shape: &str, from: u64, to: u64| {
        format!(r#"{{"dtype":"F32","shape":[{shape}],"data_offsets":[{from},{to}]}}"#)
    };
    for (what, header, data, expected) in [
        ("one tensor", format!(r#"{{"a":{}}}"#, tensor("2", 0, 8)), 8, Clean),
        ("padded", format!(r#"{{"a":{}}}    "#, tensor("2", 0, 8)), 8, Clean),
        ("metadata", format!(r#"{{"__metadata__":{{"format":"pt"}},"a":{}}}"#, tensor("2", 0, 8)), 8, Clean),
        ("empty", "{}".to_owned(), 0, Clean),
        ("overlap", format!(r#"{{"a":{},"b":{}}}"#, tensor("2", 0, 8), tensor("2", 4, 12)), 12, NotProven),
        ("hole", format!(r#"{{"a":{},"b":{}}}"#, tensor("2", 0, 8), tensor("2", 12, 20)), 20, NotProven),
        ("name twice", format!(r#"{{"a":{},"a":{}}}"#, tensor("2", 0, 8), tensor("2", 8, 16)), 16, NotProven),
        (
            "key twice",
            r#"{"a":{"dtype":"F32","dtype":"F64","shape":[2],"data_offsets":[0,8]}}"#.to_owned(),
            8,
            NotProven,
        ),
        ("trailing", format!(r#"{{"a":{}}}"#, tensor("2", 0, 8)), 9, NotProven),
        ("past the end", format!(r#"{{"a":{}}}"#, tensor("2", 0, 8)), 7, NotProven),
        ("size", format!(r#"{{"a":{}}}"#, tensor("3", 0, 8)), 8, NotProven),
        ("overflow", format!(r#"{{"a":{}}}"#, tensor("4294967296,4294967296,4294967296", 0, 8)), 8, NotProven),
        ("negative", format!(r#"{{"a":{}}}"#, tensor("-2", 0, 8)), 8, NotProven),
        ("type", r#"{"a":{"dtype":"X","shape":[2],"data_offsets":[0,8]}}"#.to_owned(), 8, NotProven),
        ("not JSON", "{\"a\":".to_owned(), 8, NotProven),
        ("metadata that is no text", r#"{"__metadata__":{"a":1}}"#.to_owned(), 0, NotProven),
        ("metadata that is prose", r#"{"__metadata__":{"a":"never call os.system('x') on it"}}"#.to_owned(), 0, Clean),
        (
            "metadata that starts programs",
            r#"{"__metadata__":{"a":"import os; os.system('echo hi')"}}"#.to_owned(),
            0,
            Malicious,
        ),
        ("metadata that is source", r#"{"__metadata__":{"a":"import math\nmath.sqrt(2)"}}"#.to_owned(), 0, Clean),
        (
            "metadata that is a pickle",
            r#"{"__metadata__":{"a":"gASMAm9zjAZzeXN0ZW2TjAdlY2hvIGhphVIu"}}"#.to_owned(),
            0,
            Malicious,
        ),
    ] {
        check(what, &safetensors(&header, &vec![0; data]), expected);
    }
    let mut long = safetensors("{}", b"");
    long[0] = 200;
    check("a header longer than the file", &long, NotProven);
}

fn gguf(keys: &[(&str, &str)]) -> Vec<u8> {
    let mut out = b"GGUF\x03\0\0\0".to_vec();
    out.extend(0_u64.to_le_bytes());
    out.extend((keys.len() as u64).to_le_bytes());
    for (key, text) in keys {
        out.extend((key.len() as u64).to_le_bytes());
        out.extend(key.as_bytes());
        out.extend(8_u32.to_le_bytes());
        out.extend((text.len() as u64).to_le_bytes());
        out.extend(text.as_bytes());
    }
    out
}

#[test]
fn templates_in_gguf_are_judged_under_any_name() {
    for (key, text, expected) in [
        ("tokenizer.chat_template", "{% for m in messages %}{{ m['content'] }}{% endfor %}", Verdict::Clean),
        ("tokenizer.chat_template.rag", "{{ lipsum['__glo'~'bals__'] }}", Verdict::Malicious),
        ("adapter.prompt", "{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}", Verdict::Malicious),
        ("general.description", "words", Verdict::Clean),
    ] {
        check(key, &gguf(&[("general.architecture", "llama"), (key, text)]), expected);
    }
    let whole = gguf(&[("a", "b")]);
    for cut in 4..whole.len() {
        check("cut", &whole[..cut], Verdict::NotProven);
    }
    for at in [8, 16, 24] {
        let mut lies = whole.clone();
        lies[at + 7] = 0x7f;
        check("a count beyond everything", &lies, Verdict::NotProven);
    }
}

#[test]
fn files_of_repositories_are_read_by_their_content() {
    use Verdict::{Clean, Malicious, NotProven};
    for (text, expected) in [
        (r#"{"model_type":"llama","hidden_size":64}"#, Clean),
        (r#"{"auto_map":{"AutoModel":"modeling.X"}}"#, Malicious),
        (r#"{"weight_map":{"a":"model-1.safetensors"}}"#, Clean),
        (r#"{"weight_map":{"a":"../../x.safetensors"}}"#, Malicious),
        (r#"{"model":{"modelName":"m","handler":"handler.py"}}"#, NotProven),
        (r#"{"py/object":"os.system"}"#, Malicious),
        (r#"{"chat_template":[{"name":"default","template":"{{ x.__class__ }}"}]}"#, Malicious),
        ("flavors:\n  python_function:\n    loader_module: mlflow.sklearn\n", Clean),
        ("flavors:\n  python_function:\n    loader_module: subprocess\n", Malicious),
        ("flavors:\n  python_function:\n    loader_module: mine\n", NotProven),
        ("model:\n  _target_: nemo.collections.asr.models.EncDecCTCModel\n", Clean),
        ("model:\n  _target_: builtins.exec\n  _args_: ['1']\n", Malicious),
        ("model:\n  deeper:\n    - _target_: mine.Thing\n", NotProven),
        ("a: !!python/object/apply:os.system ['echo hi']\n", Malicious),
        ("a: !!python/object/new:mine.Thing []\n", NotProven),
        ("a: !!python/tuple [1, 2]\n", Clean),
        ("<?xml version=\"1.0\"?><!DOCTYPE p [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><PMML/>", Malicious),
        ("<?xml version=\"1.0\"?><PMML version=\"4.4\"/>", Clean),
        ("#!/bin/sh\necho hi\n", NotProven),
        ("import os\nos.system('echo hi')\n", Malicious),
        ("# Card\n\nNever call os.system(\"x\") on untrusted input.\n", Clean),
        (r#"{"nbformat":4,"cells":[{"cell_type":"code","source":["import os\n","os.system('echo hi')"]}]}"#, Malicious),
        (r#"{"nbformat":4,"cells":[{"cell_type":"markdown","source":["words"]}]}"#, Clean),
        ("{\"a\": 1", NotProven),
        ("{\"a\": 1, \"a\": 2}", NotProven),
        (
            r#"{"__class__":"function","__module__":"builtins","__loader__":"FunctionNode","content":{"module_path":"os","function":"system"}}"#,
            Malicious,
        ),
        (
            r#"{"__class__":"ufunc","__module__":"numpy","__loader__":"FunctionNode","content":{"module_path":"numpy","function":"log1p"}}"#,
            Clean,
        ),
        (
            r#"{"__class__":"methodcaller","__module__":"operator","__loader__":"OperatorFuncNode","content":{}}"#,
            Malicious,
        ),
        (r#"{"__class__":"Thing","__module__":"mine","__loader__":"ObjectNode","content":{}}"#, NotProven),
        ("a: &x os.system\nb: {_target_: *x}\n", Malicious),
        ("model:\n  _target_: torch.load\n  f: x\n", Malicious),
        ("{{ cycler.__init__.__globals__.os.popen('echo hi').read() }}", Malicious),
        ("{{ bos_token }}{% for m in messages %}{{ raise_exception('x') }}{% endfor %}", Clean),
        ("node {\n  op: \"PyFunc\"\n}\n", Malicious),
        ("node {\n  op: \"MatMul\"\n}\n", NotProven),
        ("---\nlicense: mit\ntags:\n- x\n---\n\n# Card\n\nUse: `a` [b](c) **d**: e\n", Clean),
        ("tree\nversion=v4\nnum_class=1\n", Clean),
    ] {
        check(text, text.as_bytes(), expected);
    }
}

fn tar(name: &str, kind: u8, link: &str, bytes: &[u8]) -> Vec<u8> {
    let mut block = vec![0; 512];
    block[..name.len()].copy_from_slice(name.as_bytes());
    block[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
    block[156] = kind;
    block[157..157 + link.len()].copy_from_slice(link.as_bytes());
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    block.extend(bytes);
    block.resize(block.len().next_multiple_of(512) + 1_024, 0);
    block
}

#[test]
fn tar_links_devices_and_paths() {
    use Verdict::{Clean, Malicious, NotProven};
    for (name, kind, link, expected) in [
        ("a.txt", b'0', "", Clean),
        ("../a.txt", b'0', "", Malicious),
        ("/a.txt", b'0', "", Malicious),
        ("a", b'2', "b", NotProven),
        ("a", b'2', "../../etc/passwd", Malicious),
        ("a", b'1', "/etc/passwd", Malicious),
        ("a", b'3', "", Malicious),
    ] {
        check(name, &tar(name, kind, link, if kind == b'0' { b"words" } else { b"" }), expected);
    }
    let mut hidden = tar("a.txt", b'0', "", b"words");
    hidden.extend(payload());
    check("after the end", &hidden, NotProven.max(scan(&hidden).verdict()));
    assert_ne!(scan(&hidden).verdict(), Clean);
}

#[test]
fn broken_bytes_of_every_format_are_read_without_harm() {
    let mut random = Seeded(11);
    let starts: Vec<Vec<u8>> = vec![
        b"PK\x03\x04".to_vec(),
        b"PK\x05\x06".to_vec(),
        b"\x89HDF\r\n\x1a\n\0".to_vec(),
        b"\x89HDF\r\n\x1a\n\x02\x08\x08".to_vec(),
        b"7z\xbc\xaf\x27\x1c".to_vec(),
        b"GGUF\x03\0\0\0".to_vec(),
        b"\x1f\x8b\x08\0".to_vec(),
        b"BZh91AY&SY".to_vec(),
        b"\xfd7zXZ\0".to_vec(),
        b"\x5d\0\0\x80\0".to_vec(),
        b"\x04\x22\x4d\x18".to_vec(),
        b"\x28\xb5\x2f\xfd".to_vec(),
        b"\x78\x9c".to_vec(),
        b"{L\0\0\0\0\0\0\0\x07learner{".to_vec(),
        b"{i\x01a[".to_vec(),
        b"\x08\x08:".to_vec(),
        b"\x10\0\0\0\0\0\0\0{".to_vec(),
        gguf(&[("a", "b")]),
        zip(&[("a", b"b")]).0,
        tar("a", b'0', "", b"b"),
    ];
    for start in starts {
        for _ in 0..200 {
            let mut bytes = start.clone();
            bytes.extend((0..random.below(300)).map(|_| 0_u8));
            for _ in 0..random.below(40) {
                let at = random.below(bytes.len());
                if at >= 4 {
                    bytes[at] = random.below(256) as u8;
                }
            }
            scan(&bytes);
        }
    }
}

/// What fuzzing found, made here again: every format reads it unasked, and a nest of archives costs little.
#[test]
fn what_fuzzing_found_is_read_without_harm() {
    use shieldwall_trust::scan::format::FORMATS;
    use shieldwall_trust::scan::{Budget, Inside};
    for bytes in [vec![0xff_u8; 80], vec![0; 80], b"\xff\xff\xff\xff\xff\xff\xff\xff{".to_vec(), Vec::new()] {
        let budget = Budget::of(bytes.len() as u64);
        let inside = Inside { path: &[], member: &|_, _, _| {}, budget: &budget };
        for format in FORMATS {
            format.claims(&bytes);
            format.read(&bytes, &inside, &mut Report::default());
        }
    }
    // An archive in an archive, five deep, in which one length lies: each level is read by several rules at once.
    let mut nest = zip(&[("m.pkl", &payload())]).0;
    for name in ["d.zip", "c.zip", "b.zip", "a.zip"] {
        nest = zip(&[(name, &nest)]).0;
    }
    let whole = nest.len();
    for at in (whole - 300..whole).chain(0..200) {
        for value in [0, 0x9c, 0xff] {
            let mut lies = nest.clone();
            lies[at] = value;
            let report = scan(&lies);
            assert_ne!(report.verdict(), Verdict::Clean, "byte {at} is {value}");
            assert!(report.more < 200_000, "byte {at} is {value}: {} findings", report.more);
        }
    }
}
