"""Makes harmless artifacts with the real libraries, to measure false alarms of `shieldwall model scan`.

python benign_artifacts.py FOLDER        needs scikit-learn joblib numpy pandas scipy, uses xgboost and lightgbm if there
"""

import bz2, collections, datetime, decimal, enum, fractions, functools, gzip, operator, os, pathlib, pickle, random, re
import sys, types, uuid, warnings

warnings.simplefilter("ignore")
OUT = sys.argv[1]
os.makedirs(OUT, exist_ok=True)
COUNT = 0


def save(name, value, joblib=False):
    global COUNT
    for protocol in (0, 2, 4, 5):
        try:
            data = pickle.dumps(value, protocol=protocol)
        except Exception as error:
            print("skip", name, protocol, repr(error)[:80])
            continue
        with open(f"{OUT}/{name}_p{protocol}.pkl", "wb") as file:
            file.write(data)
        COUNT += 1
    if joblib:
        import joblib as module

        for compress in (0, 3):
            module.dump(value, f"{OUT}/{name}_c{compress}.joblib", compress=compress)
            COUNT += 1


def plain():
    yield "dict", {"a": 1, "b": [1.5, None, True], "c": ("x", b"y"), "d": {1, 2}}
    yield "big_ints", [2**70, -(2**70), 10**30]
    yield "ordered", collections.OrderedDict(a=1)
    yield "counter", collections.Counter("hello")
    yield "defaultdict", collections.defaultdict(list, a=[1])
    yield "deque", collections.deque([1, 2], maxlen=4)
    yield "chainmap", collections.ChainMap({"a": 1})
    yield "dates", [datetime.datetime(2020, 1, 1), datetime.date(2020, 1, 1), datetime.timedelta(1), datetime.timezone.utc]
    yield "numbers", [decimal.Decimal("1.5"), fractions.Fraction(1, 3), complex(1, 2)]
    yield "paths", [pathlib.PurePosixPath("/a/b"), pathlib.Path("a")]
    yield "uuid", uuid.UUID(int=5)
    yield "regex", re.compile("a+")
    yield "namespace", types.SimpleNamespace(a=1)
    yield "partial", functools.partial(int, base=2)
    yield "itemgetter", operator.itemgetter(1)
    yield "random", random.Random(1)
    yield "bytes", [b"x" * 300, bytearray(b"abc"), frozenset([1])]
    yield "range", [range(5), slice(1, 2)]
    yield "text", ["os", "system", "eval", "\u20ac" * 300, "a\nb\\c"]
    yield "error", ValueError("x")
    yield "types", [int, float, list, dict]
    yield "builtin_functions", [len, sum, max]
    import argparse

    yield "argparse", argparse.Namespace(lr=0.1)
    recursive = []
    recursive.append(recursive)
    yield "recursive", recursive
    yield "long_list", list(range(5000))
    yield "vocabulary", {f"word{n}": n for n in range(3000)}


def arrays():
    import numpy as np
    from scipy import sparse

    rng = np.random.default_rng(0)
    for kind in ("f4", "f8", "i4", "i8", "u1", "bool", "c16", "U5", "S3", "M8[s]", "m8[ns]", "f2"):
        yield f"np_{kind.replace('[', '_').replace(']', '')}", np.zeros(20, dtype=kind)
    yield "np_fortran", np.asfortranarray(rng.normal(size=(4, 5)))
    yield "np_object", np.array([None, "a", {"b": 1}], dtype=object)
    yield "np_struct", np.zeros(3, dtype=[("a", "f4"), ("b", "i8")])
    yield "np_struct_object", np.array([(1, None)], dtype=[("a", "f4"), ("b", "O")])
    yield "np_scalar", [np.float64(1), np.int32(2), np.bool_(True), np.str_("x")]
    yield "np_masked", np.ma.array([1, 2], mask=[0, 1])
    yield "np_rng", np.random.default_rng(1)
    yield "np_state", np.random.RandomState(1)
    yield "np_ufunc", [np.log1p, np.mean, np.float32]
    yield "np_big", rng.normal(size=(300, 300))
    yield "np_rec", np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)])
    yield "np_poly", np.polynomial.Polynomial([1, 2])
    for kind in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia"):
        yield f"sp_{kind}", sparse.random(10, 10, 0.3, format=kind)
    yield "sp_csr_array", sparse.csr_array(np.eye(3))
    from scipy import interpolate, stats, spatial

    yield "interp1d", interpolate.interp1d([0, 1, 2], [0, 1, 4])
    yield "spline", interpolate.CubicSpline([0, 1, 2], [0, 1, 4])
    yield "norm", stats.norm(0, 1)
    yield "kde", stats.gaussian_kde(rng.normal(size=50))
    yield "ckdtree", spatial.cKDTree(rng.normal(size=(20, 2)))
    yield "rotation", spatial.transform.Rotation.identity()


def frames():
    import numpy as np
    import pandas as pd

    yield "df", pd.DataFrame({"a": [1, 2], "b": [1.5, None], "c": ["x", "y"]})
    yield "df_cat", pd.DataFrame({"a": pd.Categorical(["x", "y"]), "d": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    yield "df_tz", pd.DataFrame({"d": pd.to_datetime(["2020-01-01"]).tz_localize("UTC")})
    yield "df_nullable", pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": pd.array(["x", None], dtype="string")})
    yield "df_multi", pd.DataFrame(np.eye(2), index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
    yield "df_period", pd.DataFrame({"p": pd.period_range("2020-01", periods=3, freq="M")})
    yield "df_interval", pd.DataFrame({"i": pd.interval_range(0, 3)})
    yield "df_sparse", pd.DataFrame({"s": pd.arrays.SparseArray([0, 0, 1])})
    yield "series", pd.Series([1, 2, 3], name="x")
    yield "index", [pd.RangeIndex(5), pd.Index(["a"]), pd.DatetimeIndex(["2020-01-01"])]
    yield "timestamp", [pd.Timestamp("2020-01-01"), pd.Timedelta("1D"), pd.NaT, pd.NA]
    yield "offset", [pd.offsets.Day(2), pd.offsets.BMonthEnd()]


def models():
    import numpy as np
    from sklearn.utils import all_estimators

    rng = np.random.default_rng(0)
    X = np.abs(rng.normal(size=(60, 4)))
    y = (X[:, 0] > 0.7).astype(int)
    for name, estimator in all_estimators():
        try:
            model = estimator()
        except Exception:
            continue
        try:
            model.fit(X, y)
        except Exception:
            pass
        yield f"sk_{name}", model
    from sklearn.compose import ColumnTransformer, make_column_selector, TransformedTargetRegressor
    from sklearn.ensemble import StackingClassifier, VotingClassifier, RandomForestClassifier
    from sklearn.feature_extraction.text import TfidfVectorizer, CountVectorizer
    from sklearn.gaussian_process import GaussianProcessRegressor, kernels
    from sklearn.linear_model import LogisticRegression, LinearRegression
    from sklearn.metrics import make_scorer, f1_score
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler
    from sklearn import datasets

    yield "pipe", make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    yield "grid", GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, scoring=make_scorer(f1_score)).fit(X, y)
    yield "stack", StackingClassifier([("a", LogisticRegression()), ("b", RandomForestClassifier(5))]).fit(X, y)
    yield "vote", VotingClassifier([("a", LogisticRegression()), ("b", RandomForestClassifier(5))]).fit(X, y)
    yield "columns", ColumnTransformer([("a", StandardScaler(), [0, 1])]).fit(X)
    yield "selector", make_column_selector(dtype_include=np.number)
    yield "gp", GaussianProcessRegressor(kernels.RBF() + kernels.WhiteKernel()).fit(X, y)
    yield "tfidf", TfidfVectorizer().fit(["a words here", "more words"])
    yield "count_str", CountVectorizer(tokenizer=str.split).fit(["a words here", "more words"])
    yield "function", FunctionTransformer(np.log1p)
    yield "target", TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1).fit(X, X[:, 1])
    yield "bunch", datasets.load_iris()
    try:
        import xgboost

        yield "xgb", xgboost.XGBClassifier(n_estimators=3).fit(X, y)
        yield "xgb_booster", xgboost.XGBRegressor(n_estimators=3).fit(X, y).get_booster()
    except ImportError:
        print("no xgboost")
    try:
        import lightgbm

        yield "lgb", lightgbm.LGBMClassifier(n_estimators=3, verbose=-1).fit(X, y)
        yield "lgb_booster", lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(X, y).booster_
    except ImportError:
        print("no lightgbm")


for source, joblib in ((plain, False), (arrays, True), (frames, True), (models, True)):
    for name, value in source():
        save(name, value, joblib)

import numpy as np

np.save(f"{OUT}/a.npy", np.eye(3))
np.save(f"{OUT}/o.npy", np.array([None, "x"], dtype=object))
np.save(f"{OUT}/s.npy", np.zeros(3, dtype=[("a", "f4"), ("b", "i8")]))
np.savez(f"{OUT}/a.npz", a=np.eye(3), b=np.arange(5))
np.savez_compressed(f"{OUT}/c.npz", a=np.eye(3), b=np.array([{"a": 1}], dtype=object))
for module, end in ((gzip, "gz"), (bz2, "bz2")):
    with module.open(f"{OUT}/dict.pkl.{end}", "wb") as file:
        pickle.dump({"a": np.eye(3)}, file)
with open(f"{OUT}/several.pkl", "wb") as file:
    for value in (1, {"a": 2}, np.eye(2)):
        pickle.dump(value, file)
print(COUNT + 8, "files")
