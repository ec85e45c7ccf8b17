"""Asks one other scanner of model files what it says of each file. Nothing is loaded: the tools read statically.

python scan_peers.py TOOL LIST OUT        LIST names a file a line; OUT gets one JSON object a line: path, verdict =
                                          found | clean | unread

TOOL is picklescan, modelscan, fickling or modelaudit, as installed beside this Python, with its defaults, one file at a time.
`unread` is what the tool skipped, gave an error for, crashed on, or did not finish within LIMIT seconds.
"""

import json, logging, os, resource, signal, sys, warnings

LIMIT = 25
# Address space of one file's scan.
MEMORY = 8 << 30
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)


def picklescan():
    from picklescan.scanner import scan_file_path

    def one(path):
        result = scan_file_path(path)
        return "found" if result.issues_count else "unread" if result.scan_err else "clean"

    return one


def modelscan():
    from modelscan.modelscan import ModelScan

    def one(path):
        scan = ModelScan()
        scan.scan(path)
        if scan.issues.all_issues:
            return "found"
        return "clean" if scan.scanned and not scan.errors else "unread"

    return one


def fickling():
    from fickling.analysis import Severity, check_safety
    from fickling.fickle import StackedPickle

    def one(path):
        with open(path, "rb") as file:
            stacked = StackedPickle.load(file)
        if not len(stacked):
            return "unread"
        return "found" if any(check_safety(one).severity > Severity.LIKELY_SAFE for one in stacked) else "clean"

    return one


def modelaudit():
    from modelaudit.core import determine_exit_code, scan_model_directory_or_file

    def one(path):
        result = scan_model_directory_or_file(path, timeout=LIMIT)
        severities = {str(getattr(issue.severity, "value", issue.severity)) for issue in result.issues}
        if severities & {"warning", "critical"}:
            return "found"
        return "clean" if determine_exit_code(result) == 0 else "unread"

    return one


def apart(judge, path):
    """In a process of its own: some tools crash on hostile files, or never come back."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        verdict = "unread"
        try:
            signal.alarm(LIMIT)
            verdict = judge(path)
        except BaseException:
            pass
        os.write(write, verdict.encode())
        os._exit(0)
    os.close(write)
    verdict = os.read(read, 16).decode()
    os.close(read)
    os.waitpid(child, 0)
    return verdict or "unread"


def main():
    tool, paths, out = sys.argv[1:]
    judge = {"picklescan": picklescan, "modelscan": modelscan, "fickling": fickling, "modelaudit": modelaudit}[tool]()
    with open(paths) as paths, open(out, "w") as out:
        for path in paths.read().splitlines():
            print(json.dumps({"path": path, "verdict": apart(judge, path)}), file=out, flush=True)


main()
