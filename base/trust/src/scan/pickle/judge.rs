//! What a name can do when it is called: by exact module and name, after every way around them is undone.

use super::{allow, danger};

/// What a name can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Power {
    /// Makes a value from its arguments and nothing else.
    Computes,
    /// A class of a known library: making an object and setting its attributes runs nothing; what its `__init__` does is
    /// not known.
    Class,
    /// Something of a known library: naming it is no harm, calling it may be.
    Library,
    /// Something harmless of the standard library: naming it is no harm, but no model has to call it.
    Named,
    /// Nobody here knows it.
    Unknown,
    /// A class of a library that reaches out: calling it acts, an object that is made without its `__init__` is only not
    /// known.
    Outside,
    /// Runs code, touches files, reaches the network or the interpreter.
    Acts,
}

/// Whether a name can be one: modules and names of prose cannot.
pub(super) fn is_name(name: &str) -> bool {
    name.split('.').all(|part| {
        part.chars().all(|c| c == '_' || c.is_alphanumeric()) && !part.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// The module and name that are meant: Python 2's names become Python 3's, and a dotted name that passes through another
/// module is a name of that module. `torch`, `os.system` is `os.system`: `torch` imports `os`.
pub(super) fn resolve(module: &str, name: &str) -> (String, String) {
    let module = match module {
        "__builtin__" | "__builtins__" | "exceptions" | "future.builtins" | "past.builtins" | "six.moves.builtins" => {
            "builtins"
        }
        "copy_reg" => "copyreg",
        "UserDict" | "UserList" | "UserString" => "collections",
        "itertools" if name == "imap" => "builtins",
        other => other,
    };
    let module = module.strip_prefix("six.moves.").unwrap_or(module);
    let name = if module == "itertools" && name == "imap" { "map" } else { name };
    let parts: Vec<&str> = name.split('.').collect();
    // The last part that is a module of the standard library and is gone through.
    let through = parts.iter().rposition(|part| {
        let part = part.trim_start_matches('_');
        danger::is_stdlib(part) || part == "__builtins__" || part == "builtins"
    });
    match through {
        Some(at) if at + 1 < parts.len() => {
            let first = parts.get(at).copied().unwrap_or_default();
            let first = if first.contains("builtins") { "builtins" } else { first.trim_start_matches('_') };
            (first.to_owned(), parts.get(at + 1..).unwrap_or_default().join("."))
        }
        _ => (module.to_owned(), name.to_owned()),
    }
}

/// Whether it makes an object of the class that is its first argument, without `__init__`.
pub(super) fn reconstructs(module: &str, name: &str) -> bool {
    matches!(
        (module, name),
        ("copyreg", "_reconstructor" | "__newobj__" | "__newobj_ex__")
            | ("torch._tensor", "_rebuild_from_type")
            | ("sklearn.externals.array_api_compat" | "pandas._libs.internals", "__newobj__")
    )
}

/// What a name can do.
pub(super) fn power(module: &str, name: &str) -> Power {
    let root = module.split('.').next().unwrap_or_default();
    if allow::computes(module, name) {
        return Power::Computes;
    }
    // A module by itself: what is taken from it is judged then.
    if name.is_empty() {
        return if danger::acting_root(root) { Power::Acts } else { Power::Library };
    }
    let parts = || module.split('.').skip(1).chain(name.split('.'));
    let dunder = parts().any(|part| part.len() > 4 && part.starts_with("__") && part.ends_with("__"));
    if dunder || parts().any(danger::through) || name.split('.').any(|part| part == "modules") {
        return Power::Acts;
    }
    // Classes of TorchScript, whose source lies in the same archive and is judged there; Python has no such module.
    if root == "__torch__" {
        return Power::Class;
    }
    if danger::acting_root(root)
        && !danger::is_stdlib(root)
        && is_class(name)
        && !danger::acting_class(module, name.rsplit('.').next().unwrap_or(name))
    {
        return Power::Outside;
    }
    // `torch`, `hub.load` is `torch.hub`, `load`: a dotted name passes through modules too.
    let through_module = name.contains('.') && danger::acting_module(&format!("{module}.{name}"));
    if danger::acting_root(root) || danger::acting_module(module) || through_module || danger::acting_name(module, name)
    {
        return Power::Acts;
    }
    if root == "builtins" {
        return if name.ends_with("Error") || name.ends_with("Warning") || name.ends_with("Exception") {
            Power::Computes
        } else {
            Power::Acts
        };
    }
    if danger::is_stdlib(root) {
        // Values of harmless modules may be named; calling what is not listed is taken for an attack.
        let hidden = name.split('.').any(|part| part.starts_with('_') || danger::smells(part));
        return if allow::harmless_module(module) && !hidden { Power::Named } else { Power::Acts };
    }
    let leaf = name.rsplit('.').next().unwrap_or(name);
    let known = allow::known_library(root);
    let class = is_class(name);
    if danger::smells(leaf) || !class && module.split('.').skip(1).any(danger::smells_module) {
        // Classes are named by what they hold: a `DataLoader` that is not called only has attributes.
        return match (known, class && !danger::acting_class(module, leaf)) {
            (true, true) => Power::Class,
            (false, true) => Power::Outside,
            _ => Power::Acts,
        };
    }
    match (known, class) {
        (true, true) if danger::acting_class(module, leaf) => Power::Acts,
        (true, true) => Power::Class,
        (true, false) => Power::Library,
        _ => Power::Unknown,
    }
}

/// Whether a name is that of a class: each part in CamelCase, as PEP 8 has it, private or not.
fn is_class(name: &str) -> bool {
    name.split('.').all(|part| {
        let part = part.trim_start_matches('_');
        part.starts_with(|c: char| c.is_ascii_uppercase()) && !part.contains('_')
            || matches!(part, "dtype" | "ndarray" | "generator" | "mtrand")
    })
}

/// What it does, in words, after "which".
pub(super) fn does(module: &str, name: &str) -> &'static str {
    let root = module.split('.').next().unwrap_or_default();
    let leaf = name.rsplit('.').next().unwrap_or(name);
    match root {
        "os" | "posix" | "nt" | "subprocess" | "_posixsubprocess" | "pty" | "commands" | "popen2" => {
            "runs programs or changes files"
        }
        "builtins" if matches!(leaf, "eval" | "exec" | "execfile" | "compile" | "__import__") => "runs Python code",
        "builtins" if matches!(leaf, "open" | "file") => "opens files",
        "builtins" => "reaches the interpreter",
        "socket" | "_socket" | "http" | "urllib" | "urllib2" | "ftplib" | "smtplib" | "telnetlib" | "ssl"
        | "requests" | "poplib" | "imaplib" | "nntplib" | "xmlrpc" | "httplib" => "reaches the network",
        "shutil" | "tempfile" | "io" | "_io" | "pathlib" | "fileinput" | "linecache" | "glob" => "touches files",
        "pickle" | "_pickle" | "cPickle" | "marshal" | "dill" | "cloudpickle" | "joblib" | "shelve" => {
            "loads or makes code in turn"
        }
        "importlib" | "runpy" | "imp" | "pkgutil" | "zipimport" | "pydoc" | "code" | "codeop" => "imports or runs code",
        "ctypes" | "_ctypes" | "cffi" => "loads native code",
        _ => "is not for loading a model: it can run code, touch files or reach the network",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_where_they_end() {
        for (module, name, expected) in [
            ("os", "system", Power::Acts),
            ("torch", "os.system", Power::Acts),
            ("numpy.core.multiarray", "overrides.os.system", Power::Acts),
            ("collections", "_sys.modules.__getitem__", Power::Acts),
            ("datetime", "sys.modules.get", Power::Acts),
            ("__builtin__", "eval", Power::Acts),
            ("six.moves.builtins", "eval", Power::Acts),
            ("collections", "OrderedDict", Power::Computes),
            ("numpy.core.multiarray", "_reconstruct", Power::Computes),
            ("numpy._core.multiarray", "_reconstruct", Power::Computes),
            ("sklearn.linear_model._logistic", "LogisticRegression", Power::Class),
            ("numpy", "log1p", Power::Library),
            ("numpy", "load", Power::Acts),
            ("torch", "hub.load", Power::Acts),
            ("yarl", "URL", Power::Outside),
            ("yarl", "load_url", Power::Acts),
            ("aiohttp.client", "ClientSession", Power::Outside),
            ("sympy.core.sympify", "sympify", Power::Acts),
            ("torch", "_dynamo.optimize", Power::Acts),
            ("weakref", "finalize", Power::Acts),
            ("mine", "Thing", Power::Unknown),
            ("__torch__.torch.nn.modules.linear.___torch_mangle_1", "Linear", Power::Class),
            ("__torch__.mine", "os.system", Power::Acts),
            ("torch.jit._pickle", "build_intlist", Power::Computes),
            ("torch.jit._serialization", "load", Power::Acts),
            ("torch.storage", "FloatStorage", Power::Class),
        ] {
            let (resolved, leaf) = resolve(module, name);
            let is = power(&resolved, &leaf);
            assert!(is == expected || is == Power::Computes && expected == Power::Class, "{module} {name}: {is:?}");
        }
    }
}
