//! Published advisories of single callables: the ids under which a trick is known, for whoever looks a finding up. Which
//! callable an id stands for is told by the samples that are named after it. They judge nothing: `allow` and `danger` do.

/// Module, name and ids. A callable that has none is no less dangerous.
const ADVISORIES: &[(&str, &str, &[&str])] = &[
    ("_osx_support", "_read_output", &["GHSA-g38g-8gr9-h9xp"]),
    ("_pyrepl.pager", "pipe_pager", &["GHSA-g38g-8gr9-h9xp"]),
    ("asyncio.unix_events", "_UnixSubprocessTransport._start", &["CVE-2025-10157", "GHSA-q77w-mwjj-7mqx"]),
    ("cProfile", "run", &["GHSA-49gj-c84q-6qm9"]),
    ("cProfile", "runctx", &["GHSA-9w88-8rmg-7g2p"]),
    ("code", "InteractiveInterpreter.runcode", &["GHSA-cj3c-v495-4xqh"]),
    ("ctypes", "CDLL", &["GHSA-4675-36f9-wf6r"]),
    ("distutils.file_util", "write_file", &["GHSA-m273-6v24-x4m4"]),
    ("doctest", "debug_script", &["GHSA-fqq6-7vqf-w3fg"]),
    ("ensurepip", "_run_pip", &["GHSA-xp4f-hrf8-rxw7"]),
    ("idlelib.autocomplete", "AutoComplete.fetch_completions", &["GHSA-7cq8-mj8x-j263"]),
    ("idlelib.autocomplete", "AutoComplete.get_entity", &["GHSA-6w4w-5w54-rjvr"]),
    ("idlelib.calltip", "Calltip.fetch_tip", &["GHSA-8r4j-24qv-fmq9"]),
    ("idlelib.calltip", "get_entity", &["GHSA-9xph-j2h6-g47v"]),
    ("idlelib.debugobj", "ObjectTreeItem.SetText", &["GHSA-3vg9-h568-4w9m"]),
    ("idlelib.pyshell", "ModifiedInterpreter.runcode", &["GHSA-3gf5-cxq9-w223"]),
    ("idlelib.pyshell", "ModifiedInterpreter.runcommand", &["GHSA-j343-8v2j-ff7w"]),
    ("idlelib.run", "Executive.runcode", &["GHSA-m869-42cg-3xwr"]),
    ("imaplib", "IMAP4_stream", &["GHSA-g38g-8gr9-h9xp"]),
    ("lib2to3.pgen2.grammar", "Grammar.loads", &["GHSA-f54q-57x4-jg88"]),
    ("lib2to3.pgen2.pgen", "ParserGenerator.make_label", &["GHSA-p9w7-82w4-7q8m"]),
    ("numpy.f2py.crackfortran", "getlincoef", &["GHSA-r8g5-cgf2-4m4m"]),
    ("pip", "main", &["CVE-2025-1716"]),
    ("pip._internal", "main", &["CVE-2025-1716"]),
    ("pkgutil", "resolve_name", &["GHSA-vvpj-8cmc-gx39"]),
    ("profile", "Profile.run", &["GHSA-x696-vm39-cp64"]),
    ("profile", "Profile.runctx", &["GHSA-6vqj-c2q5-j97w"]),
    ("profile", "run", &["GHSA-7wx9-6375-f5wh"]),
    ("pty", "spawn", &["GHSA-vqmv-47xg-9wpr"]),
    ("test.support.script_helper", "assert_python_ok", &["GHSA-g38g-8gr9-h9xp"]),
    ("torch.fx.experimental.symbolic_shapes", "ShapeEnv.evaluate_guards_expression", &["GHSA-f4x7-rfwp-v3xw"]),
    ("torch.utils._config_module", "ConfigModule.load_config", &["GHSA-vv6j-3g6g-2pvj"]),
    ("torch.utils.bottleneck.__main__", "run_autograd_prof", &["GHSA-4whj-rm5r-c2v8"]),
    ("torch.utils.collect_env", "run_and_read_all", &["GHSA-jhph-76pp-mggw"]),
    ("torch.utils.data.datapipes.utils.decoder", "basichandlers", &["GHSA-h3qp-7fh3-f8h4"]),
    ("trace", "Trace.run", &["GHSA-5qwp-399c-mjwf"]),
    ("trace", "Trace.runctx", &["GHSA-g344-hcph-8vgg"]),
    ("uuid", "_get_command_stdout", &["GHSA-g38g-8gr9-h9xp"]),
];

/// Ids of the advisories on a callable.
pub(super) fn of(module: &str, name: &str) -> &'static [&'static str] {
    ADVISORIES.iter().find(|(own, leaf, _)| (*own, *leaf) == (module, name)).map_or(&[], |(_, _, ids)| ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_by_the_exact_name_and_stand_once() {
        assert_eq!(of("uuid", "_get_command_stdout"), ["GHSA-g38g-8gr9-h9xp"]);
        assert!(of("uuid", "UUID").is_empty());
        assert!(ADVISORIES.windows(2).all(|two| (two[0].0, two[0].1) < (two[1].0, two[1].1)), "sorted, no name twice");
    }
}
