"""Asks one other scanner of model files what it says of each file. Nothing is loaded: the tools read statically.

python scan_peers.py TOOL < paths        one JSON object a line: path, verdict = found | clean | unread

TOOL is picklescan, modelscan, fickling or modelaudit, as installed beside this Python, with its defaults, one file at a time.
`unread` is what the tool skipped, gave an error for, or did not finish within LIMIT seconds.
"""

import json, logging, os, signal, sys, warnings

LIMIT = 25
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)


class TooLong(BaseException):
    pass


def alarm(*_):
    raise TooLong


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


def main():
    # What tools print must not mix with what we print.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    judge = {"picklescan": picklescan, "modelscan": modelscan, "fickling": fickling, "modelaudit": modelaudit}[sys.argv[1]]()
    signal.signal(signal.SIGALRM, alarm)
    for path in sys.stdin.read().splitlines():
        signal.alarm(LIMIT)
        try:
            verdict = judge(path)
        except (Exception, TooLong, SystemExit):
            verdict = "unread"
        signal.alarm(0)
        print(json.dumps({"path": path, "verdict": verdict}), file=out, flush=True)


main()
