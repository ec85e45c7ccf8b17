"""Referee: LightGBM, XGBoost and scikit-learn's isolation forest on the splits of `cargo xtask learning tabular`.

    python3 -m venv /tmp/referee && /tmp/referee/bin/pip install lightgbm xgboost scikit-learn
    SHIELDWALL_DATA=... /tmp/referee/bin/python xtask/referee/tabular.py

Never a dependency: what is not installed is left out. All runs take one thread; times are CPU seconds of the process.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np

DATA = Path(os.environ.get("SHIELDWALL_DATA", "../shared/data"))
SCHEMES = [("types", 5), ("families", 3), ("shift", 5)]
FAMILIES = [{"back", "land", "neptune", "pod", "smurf", "teardrop"}, {"ipsweep", "nmap", "portsweep", "satan"}]
FREQUENT = 900


def ranked(words):
    counts = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def flows():
    rows = [line.strip().split(",") for line in open(DATA / "nsl-kdd/KDDTrain+_20Percent.txt")]
    table = np.zeros((len(rows), 41))
    for at in range(41):
        words = [row[at] for row in rows]
        if at in (1, 2, 3):
            codes = {word: code for code, word in enumerate(sorted(set(words)))}
            table[:, at] = [codes[word] for word in words]
        else:
            table[:, at] = [float(word) for word in words]
    return table, [row[41] for row in rows], [row[2] for row in rows]


def held_out(scheme, folds, fold, attacks, services):
    types = {name: at for at, (name, _) in enumerate(ranked(name for name in attacks if name != "normal"))}
    normal_services = [service for name, service in zip(attacks, services) if name == "normal"]
    rare = [name for name, count in ranked(normal_services) if count < FREQUENT]
    rare = {name: at for at, name in enumerate(rare)}
    out, seen = np.zeros(len(attacks), bool), 0
    for row, (name, service) in enumerate(zip(attacks, services)):
        if name == "normal":
            out[row] = seen % folds == fold or (scheme == "shift" and rare.get(service, -1) % folds == fold and service in rare)
            seen += 1
        elif scheme == "families":
            out[row] = next((at for at, names in enumerate(FAMILIES) if name in names), 2) == fold
        else:
            out[row] = types[name] % folds == fold
    return out


def figures(scores, hostile):
    from sklearn.metrics import average_precision_score, roc_auc_score

    normal = np.sort(scores[~hostile])[::-1]

    def recall(rate):
        # Flag above the threshold that at most this share of normal rows exceeds; ties count against.
        return (scores[hostile] > normal[int(rate * len(normal))]).mean()

    return [roc_auc_score(hostile, scores), average_precision_score(hostile, scores), recall(0.01), recall(0.001)]


def timed(work):
    start = time.process_time()
    made = work()
    return made, time.process_time() - start


def models():
    made = {}
    try:
        import lightgbm

        settings = dict(objective="binary", num_leaves=31, learning_rate=0.05, num_threads=1, verbose=-1, deterministic=True)

        def fit(table, hostile, settings=settings):
            model = lightgbm.train(settings, lightgbm.Dataset(table, hostile, categorical_feature=[1, 2, 3]), 300)
            return lambda rows: model.predict(rows, raw_score=True, num_threads=1)

        made["LightGBM, categorical"] = fit
    except ImportError:
        print("left out: lightgbm", file=sys.stderr)
    try:
        import xgboost

        def fit(table, hostile):
            settings = dict(objective="binary:logistic", tree_method="hist", max_depth=6, eta=0.05, nthread=1)
            model = xgboost.train(settings, xgboost.DMatrix(table, hostile), 300)
            return lambda rows: model.inplace_predict(rows, predict_type="margin")

        made["XGBoost hist"] = fit
    except ImportError:
        print("left out: xgboost", file=sys.stderr)

    from sklearn.ensemble import IsolationForest

    def fit(table, hostile):
        model = IsolationForest(n_estimators=300, random_state=1, n_jobs=1).fit(table[~hostile])
        return lambda rows: -model.score_samples(rows)

    made["scikit-learn isolation forest 300"] = fit
    return made


def main():
    table, attacks, services = flows()
    hostile = np.array([name != "normal" for name in attacks])
    for scheme, folds in SCHEMES:
        print(f"\n{scheme}, {folds} folds: AUC, AP, TPR at 1 %, TPR at 0.1 %")
        for name, fit in models().items():
            rows = []
            for fold in range(folds):
                test = held_out(scheme, folds, fold, attacks, services)
                rows.append(figures(fit(table[~test], hostile[~test])(table[test]), hostile[test]))
            print(f"  {name:36s}", np.mean(rows, 0).round(3))
    print("\nspeed on all 25,192 rows, one thread: train CPU s, score rows/s")
    for name, fit in models().items():
        score, seconds = timed(lambda: fit(table, hostile))
        rate = max(len(table) / timed(lambda: score(table))[1] for _ in range(3))
        print(f"  {name:36s} {seconds:.2f} s, {rate:,.0f} rows/s")

    from sklearn.ensemble import IsolationForest

    rows = []
    for path in sorted((DATA / "adbench/Classical").glob("*.npz")):
        data = np.load(path, allow_pickle=False)
        values, labels = np.asarray(data["X"], float), data["y"] > 0
        own = [
            figures(-IsolationForest(n_estimators=300, random_state=seed, n_jobs=1).fit(values).score_samples(values), labels)[:2]
            for seed in (1, 2, 3)
        ]
        rows.append(np.mean(own, 0))
    print("\nADBench,", len(rows), "sets, scikit-learn isolation forest 300: mean AUC, AP", np.mean(rows, 0).round(4))


main()
