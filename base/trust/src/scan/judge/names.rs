//! Names of Python callables, by what they can do. Used where a configuration names a callable in words; the symbolic
//! machine for pickles has a finer table of its own.

/// What a name can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Power {
    /// Runs code, reaches files, the network or the interpreter.
    Acts,
    /// Computes only: known and harmless.
    Computes,
    /// Nobody here knows it.
    Unknown,
}

/// Modules of the standard library any callable of which acts on the outside: processes, files, network, the interpreter.
const ACTING_MODULES: &str = "\
    os posix nt subprocess _posixsubprocess pty platform commands popen2 multiprocessing _multiprocessing \
    concurrent asyncio _winapi _osx_support _aix_support signal resource sched threading _thread antigravity \
    webbrowser idlelib turtle tkinter winreg msilib atexit code codeop runpy importlib imp pkgutil zipimport \
    zipapp marshal pickle _pickle cPickle pickletools shelve dill cloudpickle jsonpickle joblib copyreg compileall \
    py_compile pydoc doctest timeit trace bdb pdb cmd profile cProfile pstats site venv ensurepip pip setuptools \
    distutils pkg_resources lib2to3 test unittest _interpreters _xxsubinterpreters types inspect ctypes _ctypes \
    cffi numba gc sys _sitebuiltins _pyrepl rlcompleter io _io pathlib shutil tempfile glob fileinput linecache \
    tarfile zipfile gzip bz2 lzma sqlite3 dbm mmap fcntl mailbox mailcap netrc filecmp fsspec logging socket \
    _socket socketserver ssl _ssl http urllib urllib2 urllib3 ftplib smtplib poplib imaplib nntplib telnetlib \
    xmlrpc requests httpx aiohttp paramiko boto3 wsgiref selectors";

/// Built-in functions that run code, reach files or reach whatever else there is.
const ACTING_BUILTINS: &str = "\
    eval exec execfile compile open file __import__ getattr setattr delattr globals locals vars dir input \
    raw_input breakpoint help memoryview apply reload __build_class__ exit quit map filter reduce type super \
    object print id iter next callable";

/// Last parts of dotted names that act, whatever library they are taken from: loaders, savers, downloaders, evaluators.
const ACTING_LEAVES: &str = "\
    system popen spawn spawnl spawnv spawnlp spawnvp execv execve execl execlp execvp fork forkpty posix_spawn \
    check_output check_call getoutput getstatusoutput Popen run_string run_code run_path run_module import_module \
    __import__ exec_module load_module eval exec execfile compile unlink rmtree rmdir removedirs chmod chown \
    symlink urlopen urlretrieve get_file enable_unsafe_deserialization load_model load_weights save_model \
    save_weights model_from_json model_from_yaml model_from_config deserialize_keras_object func_load func_dump \
    unpack_archive extract_archive load_library load_op_library load_file_system_library py_function py_func \
    numpy_function read_file write_file matching_files image_dataset_from_directory text_dataset_from_directory \
    audio_dataset_from_directory load_img save_img read_pickle to_pickle loads fromfile tofile memmap genfromtxt \
    loadtxt savetxt download_url_to_file hub_load cpp_extension load_inline runstring exec_command call_external \
    dlopen CDLL LoadLibrary remove rename makedirs listdir putenv";

/// Whether a name is one of the words of a list.
pub(crate) fn listed(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|word| word == name)
}

/// What a dotted name can do: `module` may itself be dotted, `name` too.
pub(crate) fn power(module: &str, name: &str) -> Power {
    let root = module.split('.').next().unwrap_or_default();
    let leaf = name.rsplit('.').next().unwrap_or_default();
    if listed(ACTING_MODULES, root) {
        return Power::Acts;
    }
    if matches!(root, "builtins" | "__builtin__" | "__builtins__") {
        return match name {
            _ if listed(ACTING_BUILTINS, name) || name.contains("__") || name.contains('.') => Power::Acts,
            "dict" | "list" | "tuple" | "set" | "frozenset" | "int" | "float" | "complex" | "bool" | "str"
            | "bytes" | "bytearray" | "slice" | "range" | "len" | "abs" | "min" | "max" | "sum" | "round"
            | "sorted" | "zip" | "enumerate" | "any" | "all" | "NoneType" | "ellipsis" => Power::Computes,
            _ => Power::Unknown,
        };
    }
    // A module's own imports are attributes of it: `torch.serialization:os.system` needs no `os`.
    let reaches = |dotted: &str| {
        dotted
            .split('.')
            .skip(1)
            .any(|part| matches!(part, "os" | "sys" | "subprocess" | "builtins" | "importlib" | "shutil"))
    };
    if listed(ACTING_LEAVES, leaf)
        || reaches(module)
        || reaches(&format!("x.{name}"))
        || dunder(name)
        || dunder(module.strip_prefix("__torch__").unwrap_or(module).trim_start_matches("__main__"))
    {
        return Power::Acts;
    }
    match root {
        "operator" | "functools" | "itertools" => Power::Unknown,
        "math" | "cmath" | "decimal" | "fractions" | "datetime" | "collections" | "_collections" => Power::Computes,
        _ => Power::Unknown,
    }
}

/// Whether one part of a dotted name is a private attribute of Python's object model.
pub(crate) fn dunder(name: &str) -> bool {
    name.split('.').any(|part| part.len() > 4 && part.starts_with("__") && part.ends_with("__"))
}

/// What one dotted name in one string can do: `os.system`, `torch.nn.Linear`.
pub(crate) fn power_of_dotted(dotted: &str) -> Power {
    match dotted.rsplit_once('.') {
        Some((module, name)) => power(module, name),
        None => power("builtins", dotted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_by_what_they_can_do() {
        for (module, name) in [
            ("os", "system"),
            ("subprocess", "run"),
            ("builtins", "exec"),
            ("keras.utils", "get_file"),
            ("torch.serialization", "os.system"),
            ("keras.config", "enable_unsafe_deserialization"),
            ("numpy", "__class__"),
            ("asyncio.unix_events", "_UnixSubprocessTransport._start"),
        ] {
            assert_eq!(power(module, name), Power::Acts, "{module}.{name}");
        }
        assert_eq!(power("keras.layers", "Dense"), Power::Unknown);
        assert_eq!(power("builtins", "dict"), Power::Computes);
        assert_eq!(power_of_dotted("os.system"), Power::Acts);
    }
}
