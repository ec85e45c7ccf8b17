//! The symbolic machine on pickles put together here, opcode by opcode. Payloads are `echo` only; nothing is unpickled.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "a test")]

mod spelling;

use shieldwall_trust::scan::{Report, Verdict, scan};
use spelling::{Seeded, call};

fn read(bytes: &[u8]) -> Report {
    scan(&bytes.to_vec())
}

const ACTING: &[(&str, &str)] = &[
    ("os", "system"),
    ("posix", "system"),
    ("nt", "system"),
    ("subprocess", "Popen"),
    ("subprocess", "check_output"),
    ("builtins", "eval"),
    ("__builtin__", "exec"),
    ("builtins", "__import__"),
    ("builtins", "open"),
    ("builtins", "getattr"),
    ("runpy", "run_path"),
    ("pty", "spawn"),
    ("socket", "create_connection"),
    ("urllib.request", "urlopen"),
    ("shutil", "rmtree"),
    ("importlib", "import_module"),
    ("pkgutil", "resolve_name"),
    ("pydoc", "locate"),
    ("ctypes", "CDLL"),
    ("code", "interact"),
    ("timeit", "timeit"),
    ("cProfile", "run"),
    ("logging.config", "listen"),
    ("uuid", "_get_command_stdout"),
    ("torch", "os.system"),
    ("numpy.core.multiarray", "overrides.os.system"),
    ("collections", "_sys.modules.get"),
    ("pathlib", "os.system"),
    ("torch", "load"),
    ("numpy", "load"),
    ("joblib", "load"),
    ("pandas", "read_pickle"),
    ("pickle", "loads"),
    ("marshal", "loads"),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
    ("_interpreters", "run_string"),
    ("multiprocessing.util", "spawnv_passfds"),
    ("pip._internal.main", "main"),
    ("sklearn.datasets", "load_svmlight_file"),
];

#[test]
fn no_spelling_of_a_call_hides_it() {
    let mut random = Seeded(7);
    for round in 0..4_000 {
        let (module, name) = ACTING[random.below(ACTING.len())];
        let bytes = call(&mut random, module, name);
        let report = read(&bytes);
        assert_eq!(
            report.verdict(),
            Verdict::Malicious,
            "round {round}: {module}.{name} {bytes:?} {:#?}",
            report.findings()
        );
    }
}

#[test]
fn verdicts_by_what_is_done() {
    use Verdict::{Clean, Malicious, NotProven};
    let ext = b"\x80\x04ccopyreg\nadd_extension\n(\x8c\x02os\x8c\x06systemK\x01tR0\x82\x01\x8c\x07echo hi\x85R.";
    for (what, bytes, expected) in [
        ("data", &b"\x80\x04}\x94\x8c\x01aK\x01s."[..], Clean),
        ("a container", b"\x80\x04ccollections\nOrderedDict\n)R.", Clean),
        ("registry of extensions", ext, Malicious),
        ("an unknown extension", b"\x80\x02\x82\x63)R.", NotProven),
        (
            "a hook",
            b"\x80\x04ccollections\nOrderedDict\n)R}(\x8c\x0c__setstate__cos\nsystem\nub\x8c\x02hib.",
            Malicious,
        ),
        ("an import", b"\x80\x04cos\nsystem\n0N.", Malicious),
        ("an import that only reads", b"\x80\x04cgzip\nopen\n0N.", NotProven),
        ("a result", b"\x80\x04cos\nsystem\n.", Malicious),
        ("a class of nobody", b"\x80\x04cmine\nThing\n)\x81}b.", NotProven),
        (
            "an array of a mapped file",
            b"\x80\x04cnumpy.core.multiarray\n_reconstruct\ncnumpy\nmemmap\nK\x00\x85C\x01b\x87R.",
            Clean,
        ),
        ("a mapped file", b"\x80\x04cnumpy\nmemmap\n\x8c\x01a\x85\x81.", Malicious),
        ("a class of a library that reaches out", b"\x80\x04cyarl\nURL\n)\x81.", NotProven),
        ("the same, called", b"\x80\x04cyarl\nURL\n\x8c\x01a\x85R.", Malicious),
        ("a symbol", b"\x80\x04csympy.core.symbol\nSymbol\n\x8c\x01x\x85\x81.", NotProven),
        ("a text that sympy evaluates", b"\x80\x04csympy.core.numbers\nInteger\n\x8c\x01x\x85\x81.", Malicious),
        (
            "a library's own attribute",
            b"\x80\x04cnetworkx.classes.graph\nGraph\n)\x81}\x8c\x12__networkx_cache__}sb.",
            Clean,
        ),
        ("a reader that is made", b"\x80\x04cpandas._libs.parsers\nTextReader\n\x8c\x01a\x85R.", Malicious),
        ("a store that is opened", b"\x80\x04cpandas\nHDFStore\n\x8c\x01a\x85R.", Malicious),
        ("a class made on the way", b"\x80\x04cbuiltins\ntype\n\x8c\x01a)}\x87R.", NotProven),
        ("names poured into a module", b"\x80\x04cenum\nglobal_enum\ncenum\nEnum\n\x85R.", Malicious),
        ("a call for each item", b"\x80\x04citertools\nstarmap\ncnumpy\nsqueeze\n]\x86R.", Malicious),
        ("zeros without end", b"\x80\x04cbuiltins\nbytearray\n\x8a\x06\0\0\0\0\0\x01\x85R.", NotProven),
        ("an estimator", b"\x80\x04csklearn.svm._classes\nSVC\n)\x81}b.", Clean),
        ("its state acts", b"\x80\x04csklearn.svm._classes\nSVC\n)\x81}\x8c\x01fcos\nsystem\nsb.", Malicious),
        ("map", b"\x80\x04cbuiltins\nmap\ncos\nsystem\n]\x8c\x02hia\x86R.", Malicious),
        ("partial", b"\x80\x04cfunctools\npartial\ncos\nsystem\n\x85R.", Malicious),
        ("a computed name", b"\x80\x04\x8c\x02oscbuiltins\nstr\n\x8c\x06system\x85R\x93\x8c\x02hi\x85R.", Malicious),
        ("an instance is called", b"\x80\x04coperator\nitemgetter\nK\x01\x85R)R.", Malicious),
        ("a module is changed", b"\x80\x04csys\nmodules\n\x8c\x01aNs.", Malicious),
        ("a length of 2^62", b"\x80\x04\x8e\0\0\0\0\0\0\0\x40abc", NotProven),
        ("a text that is a pickle", b"\x80\x04\x8c\x18Y29zCnN5c3RlbQooUydoaScKdFIutR.", NotProven),
        ("a frame that lies", b"\x80\x04\x95\xff\0\0\0\0\0\0\0N.", NotProven),
        ("garbage follows", b"\x80\x04N.\xde\xad\xbe\xef", NotProven),
        ("a second stream acts", b"\x80\x04N.\x80\x02cos\nsystem\nU\x02hi\x85R.", Malicious),
        ("behind an error", b"\x80\x04\xff\xff\x80\x02cos\nsystem\nU\x02hi\x85R.", Malicious),
        ("prose", b"class Foo\n(in the beginning\nthere was a word\n", Clean),
    ] {
        let report = read(bytes);
        assert_eq!(report.verdict(), expected, "{what}: {:?} {:#?}", report.formats, report.findings());
    }
}

#[test]
fn calls_are_told_in_words() {
    let report = read(b"\x80\x04cos\nsystem\n\x8c\x07echo hi\x85R.");
    let finding = &report.findings()[0];
    assert_eq!(finding.call.as_deref(), Some("os.system(\"echo hi\")"));
    assert_eq!(finding.offset, 23);
}

/// Lists that hold the same list again and again; each level so many times the one before.
fn levels(many: u8, times: usize) -> Vec<u8> {
    let mut out = b"\x80\x04]\x94".to_vec();
    for level in 0..many {
        out.extend(*b"](");
        (0..times).for_each(|_| out.extend([b'h', level]));
        out.extend([b'e', 0x94]);
    }
    out.push(b'.');
    out
}

/// A list that holds itself.
fn ring(times: usize) -> Vec<u8> {
    let mut out = b"\x80\x04]\x94".to_vec();
    (0..times).for_each(|_| out.extend(*b"h\0a"));
    out.push(b'.');
    out
}

#[test]
fn what_never_ends_when_it_is_walked_is_a_bomb_and_what_is_shared_is_none() {
    use Verdict::{Clean, Malicious, NotProven};
    // A tree whose nodes are shared in pairs that differ: `(left, right)`, as hash-consed expressions have them.
    let mut shared = b"\x80\x04]\x94]\x94".to_vec();
    for level in 0..60_u8 {
        shared.extend([b'h', level, b'h', level + 1, 0x86, 0x94]);
    }
    shared.push(b'.');
    for (what, bytes, expected) in [
        ("ten by ten by ten", levels(3, 10), Clean),
        ("a thousand rows that are one row, a thousand times", levels(2, 1_000), Clean),
        ("laughs", levels(20, 10), Malicious),
        ("pairs all the way", levels(60, 2), Malicious),
        ("a list in itself", ring(1), Clean),
        ("a ring of one, forwards and backwards", ring(2), Clean),
        ("a list that is nothing but itself", ring(60), Malicious),
        ("shared pairs", shared, NotProven),
    ] {
        let report = read(&bytes);
        assert_eq!(report.verdict(), expected, "{what}: {:#?}", report.findings());
    }
}

#[test]
fn every_finding_of_a_pickle_names_its_weakness_and_its_technique() {
    for bytes in [
        &b"\x80\x04cos\nsystem\n\x8c\x07echo hi\x85R."[..],
        b"\x80\x04cos\nsystem\n0N.",
        b"\x80\x04cmine\nThing\n)\x81}b.",
        b"\x80\x04\xff",
        b"\x80\x04C\x10\x80\x04\x95\x05\0\0\0\0\0\0\0}NNs.",
    ] {
        for finding in read(bytes).findings() {
            assert!(finding.kind.cwe.contains(&"CWE-502") || finding.kind.name == "bomb", "{finding:?}");
            assert!(finding.kind.atlas.iter().any(|id| id.starts_with("AML.T00")), "{finding:?}");
            assert!(finding.words.len() > 10, "{finding:?}");
        }
    }
    let report = read(b"\x80\x04cpip\nmain\n]\x8c\x07install\x86R.");
    assert_eq!(report.findings()[0].advisories, ["CVE-2025-1716"]);
    assert_eq!(report.findings()[0].offset, 23);
}

#[test]
fn hostile_bytes_cost_little() {
    let mut deep = b"\x80\x04".to_vec();
    deep.extend(std::iter::repeat_n(b'(', 200_000));
    read(&deep);
    let mut tuples = b"\x80\x04N".to_vec();
    tuples.extend(std::iter::repeat_n(0x85, 300_000));
    tuples.push(b'.');
    read(&tuples);
    // Lists of ten references to lists of ten references: twenty deep.
    let mut bomb = b"\x80\x04]\x94".to_vec();
    for level in 0..20_u8 {
        bomb.extend(*b"](");
        (0..10).for_each(|_| bomb.extend([b'h', level]));
        bomb.extend([b'e', 0x94]);
    }
    bomb.push(b'.');
    assert_eq!(read(&bomb).verdict(), Verdict::Malicious);
    let mut random = Seeded(3);
    for _ in 0..20_000 {
        let mut bytes = call(&mut random, "os", "system");
        for _ in 0..random.below(6) {
            let at = random.below(bytes.len());
            bytes[at] = random.below(256) as u8;
        }
        read(&bytes);
    }
}
