"""Names what Python can call: the public functions and classes of the standard library and, where they are installed, of numpy
and torch. Modules are imported to be listed; nothing in them is called.

python callables.py        one `module<TAB>name` a line, sorted
"""

import contextlib, importlib, io, os, pkgutil, sys, warnings

warnings.simplefilter("ignore")
# Modules that do something when they are imported, or that are there for tests.
SKIPPED = {"antigravity", "this", "__main__", "idlelib", "test", "lib2to3", "turtledemo", "tkinter", "turtle"}
# Modules below these are listed too.
DEEP = ("asyncio", "concurrent", "ctypes", "email", "encodings", "http", "importlib", "json", "logging", "multiprocessing",
        "numpy", "torch", "unittest", "urllib", "wsgiref", "xml", "xmlrpc")
DEEP_MAX = 600


def modules():
    roots = sorted(name for name in sys.stdlib_module_names if name not in SKIPPED) + ["numpy", "torch"]
    for root in roots:
        yield root
        if root in DEEP:
            with contextlib.suppress(Exception):
                package = importlib.import_module(root)
                found = pkgutil.walk_packages(package.__path__, root + ".", onerror=lambda _: None)
                for _, (_, name, _) in zip(range(DEEP_MAX), found):
                    if not any(part.startswith("__") or "test" in part for part in name.split(".")):
                        yield name


names = set()
out, sys.stdout = sys.stdout, io.StringIO()
for name in modules():
    try:
        module = importlib.import_module(name)
    except BaseException:
        continue
    for key, value in vars(module).items():
        own = getattr(value, "__module__", None) in (name, None)
        if callable(value) and own and not key.startswith("__") and key.isascii():
            names.add((name, key))
for module, name in sorted(names):
    print(f"{module}\t{name}", file=out)
out.flush()
os._exit(0)
