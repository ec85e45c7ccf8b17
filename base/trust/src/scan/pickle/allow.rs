//! What is harmless: callables that make values from their arguments and nothing else, and libraries whose classes are
//! models. Written from the libraries' own documents and sources; every line is a promise that a call does no more.

/// Built-in functions that compute.
const BUILTINS: &str = "set frozenset bytearray complex slice range xrange list dict tuple int long float str unicode \
    basestring bytes object bool len abs min max sum round sorted zip enumerate any all reversed divmod pow ord hash \
    NotImplemented Ellipsis ellipsis NoneType KeyError ValueError StopIteration KeyboardInterrupt SystemExit \
    GeneratorExit StopAsyncIteration ExceptionGroup BaseExceptionGroup isinstance issubclass repr";

/// Modules whose public names all compute (dotted names are not among them).
const WHOLE_MODULES: &str = "datetime _datetime decimal _decimal _pydecimal fractions collections collections.abc \
    _collections _collections_abc __future__ numbers math cmath ipaddress array struct_time statistics colorsys \
    string.ascii_letters graphlib keyword";

/// Single names: `module:name`.
const NAMES: &str = "\
    copyreg:_reconstructor copyreg:__newobj__ copyreg:__newobj_ex__ _codecs:encode codecs:encode _codecs:decode codecs:decode \
    _codecs:latin_1_encode uuid:UUID uuid:SafeUUID re:_compile re:compile time:struct_time \
    argparse:Namespace types:SimpleNamespace types:NoneType types:EllipsisType types:MappingProxyType \
    random:Random _random:Random threading:Lock array:_array_reconstructor \
    functools:partial functools:cmp_to_key operator:itemgetter operator:getitem operator:add operator:sub operator:mul \
    operator:truediv operator:floordiv operator:mod operator:neg operator:pos operator:not_ operator:and_ operator:or_ \
    operator:xor operator:eq operator:ne operator:lt operator:le operator:gt operator:ge operator:mul operator:matmul \
    pathlib:PurePath pathlib:PurePosixPath pathlib:PureWindowsPath pathlib:Path pathlib:PosixPath pathlib:WindowsPath \
    pathlib._local:PurePath pathlib._local:PurePosixPath pathlib._local:PureWindowsPath pathlib._local:Path \
    pathlib._local:PosixPath pathlib._local:WindowsPath \
    zoneinfo:ZoneInfo._unpickle zoneinfo:ZoneInfo datetime:datetime datetime:timezone.utc \
    logging:getLogger logging:Logger logging:_loggerClass inspect:_ParameterKind inspect:Signature inspect:Parameter \
    calendar:Calendar calendar:TextCalendar calendar:HTMLCalendar abc:ABC abc:ABCMeta abc:abstractmethod enum:Enum \
    enum:IntEnum enum:StrEnum enum:Flag enum:IntFlag enum:EnumMeta enum:EnumType enum:auto enum:pickle_by_enum_name \
    enum:pickle_by_global_name itertools:chain itertools:combinations itertools:combinations_with_replacement \
    itertools:compress itertools:count itertools:cycle itertools:islice itertools:permutations itertools:product \
    itertools:repeat itertools:tee itertools:_tee itertools:_tee_dataobject itertools:zip_longest \
    weakref:WeakValueDictionary weakref:WeakKeyDictionary dataclasses:Field dataclasses:_MISSING_TYPE \
    builtins:getattr builtins:type \
    numpy:dtype numpy:ndarray numpy:matrix numpy:bool_ numpy:recarray numpy:record numpy:float64 numpy:float32 \
    numpy:int64 numpy:int32 numpy:array numpy:asarray numpy:void \
    numpy.core.multiarray:_reconstruct numpy.core.multiarray:scalar \
    numpy.core.numeric:_frombuffer numpy.core._internal:_convert_to_stringdtype_kwargs \
    numpy.dtypes:StringDType numpy.core:_ufunc_reconstruct numpy.core._ufunc_config:errstate \
    numpy.core.records:recarray numpy.core.records:record numpy.ma.core:_mareconstruct numpy.ma:_mareconstruct \
    numpy.ma.core:MaskedArray numpy.random._pickle:__randomstate_ctor numpy.random._pickle:__generator_ctor \
    numpy.random._pickle:__bit_generator_ctor numpy.random.bit_generator:__pyx_unpickle_SeedSequence \
    numpy.random.bit_generator:SeedSequence numpy.random._mt19937:MT19937 numpy.random._pcg64:PCG64 \
    numpy.random.mtrand:RandomState numpy.random:__RandomState_ctor numpy.polynomial.polynomial:Polynomial \
    joblib.numpy_pickle:NumpyArrayWrapper joblib.numpy_pickle_compat:NDArrayWrapper \
    torch:Size torch:device torch:dtype torch:layout torch:memory_format torch:qscheme torch:Tensor torch:Generator \
    torch.nn.parameter:Parameter torch.nn.parameter:Buffer torch.serialization:_get_layout torch:_utils._rebuild_tensor_v2 \
    torch._tensor:_rebuild_from_type_v2 torch._utils:_rebuild_tensor torch._utils:_rebuild_tensor_v2 \
    torch._utils:_rebuild_tensor_v3 torch._utils:_rebuild_parameter torch._utils:_rebuild_parameter_with_state \
    torch._utils:_rebuild_sparse_tensor torch._utils:_rebuild_sparse_csr_tensor torch._utils:_rebuild_nested_tensor \
    torch._utils:_rebuild_qtensor torch._utils:_rebuild_meta_tensor_no_storage torch._utils:_rebuild_device_tensor_from_numpy \
    torch._utils:_rebuild_xla_tensor torch._utils:_rebuild_wrapper_subclass torch._utils:_rebuild_device_tensor_from_cpu_tensor \
    torch.jit._pickle:build_intlist torch.jit._pickle:build_doublelist torch.jit._pickle:build_boollist \
    torch.jit._pickle:build_tensorlist torch.jit._pickle:build_tensor_from_id torch.jit._pickle:restore_type_tag \
    torch.storage:_load_from_bytes torch.storage:UntypedStorage torch.storage:TypedStorage torch.storage:_LegacyStorage \
    torch.amp.grad_scaler:_refresh_per_optimizer_state torch.cuda.amp.grad_scaler:_refresh_per_optimizer_state \
    pandas._libs.internals:_unpickle_block pandas.core.indexes.base:_new_Index pandas.indexes.base:_new_Index \
    pandas.core.indexes.datetimes:_new_DatetimeIndex pandas.core.indexes.period:_new_PeriodIndex \
    pandas.core.indexes.multi:MultiIndex pandas.core.internals.managers:BlockManager \
    pandas.core.internals.managers:SingleBlockManager pandas.core.internals:BlockManager \
    pandas.core.internals.blocks:new_block pandas._libs.arrays:__pyx_unpickle_NDArrayBacked \
    pandas._libs.tslibs.timestamps:_unpickle_timestamp pandas._libs.tslibs.timedeltas:_timedelta_unpickle \
    pandas._libs.tslibs.period:_unpickle_period pandas._libs.tslibs.nattype:__nat_unpickle \
    pandas._libs.tslibs.nattype:_nat_unpickle pandas._libs.tslibs.offsets:_unpickle_offset \
    pandas._libs.missing:NAType pandas._libs.missing:_NA pandas._libs.interval:Interval \
    pandas.core.dtypes.dtypes:CategoricalDtype pandas.core.dtypes.dtypes:DatetimeTZDtype \
    pandas.core.dtypes.dtypes:PeriodDtype pandas.core.dtypes.dtypes:IntervalDtype pandas.core.dtypes.dtypes:SparseDtype \
    pandas.core.arrays.string_:StringDtype pandas.core.arrays.string_arrow:ArrowStringArray \
    pandas.core.series:Series pandas.core.frame:DataFrame pandas.core.indexes.frozen:FrozenList \
    pandas.core.arrays.arrow.array:ArrowExtensionArray pandas.core.arrays.arrow:ArrowDtype \
    pyarrow.lib:_reconstruct_table pyarrow.lib:type_for_alias pyarrow.lib:schema pyarrow.lib:field \
    pyarrow.lib:chunked_array pyarrow.lib:_restore_array pyarrow.lib:py_buffer \
    sklearn.utils._bunch:Bunch sklearn.utils:Bunch sklearn.tree._tree:Tree sklearn.neighbors._kd_tree:newObj \
    sklearn.neighbors._ball_tree:newObj sklearn.neighbors.ball_tree:newObj sklearn.neighbors.kd_tree:newObj \
    sklearn.ensemble._hist_gradient_boosting.predictor:TreePredictor sklearn._loss.link:Interval \
    sklearn.metrics._scorer:make_scorer pytz:_UTC pytz:_p pytz:utc dateutil.tz.tz:tzutc \
    scipy.interpolate._interpolate:interp1d scipy.sparse._base:sparray \
    OmegaConf:_ omegaconf.base:ContainerMetadata omegaconf.nodes:AnyNode \
    tokenizers:Tokenizer tokenizers:AddedToken collections:OrderedDict torch.torch_version:TorchVersion \
    jax._src.array:_reconstruct_array";

/// Libraries of models and science whose classes hold state and nothing else unless `danger` names them.
const LIBRARIES: &str = "numpy scipy pandas sklearn torch torchvision torchaudio torchtext xgboost lightgbm catboost \
    imblearn statsmodels patsy joblib keras tensorflow transformers tokenizers sentencepiece sentence_transformers \
    timm peft diffusers accelerate datasets skorch hdbscan umap pynndescent numba_umap category_encoders \
    feature_engine mlxtend skopt optuna hyperopt prophet pmdarima sktime tslearn tsfresh gensim nltk spacy thinc srsly \
    textblob fasttext lifelines sksurv pgmpy pomegranate hmmlearn surprise implicit lightfm networkx shapely geopandas \
    xarray dask polars pyarrow skimage PIL cv2 albumentations ultralytics detectron2 mmcv mmdet mmengine fairseq \
    espnet speechbrain nemo pytorch_lightning lightning lightning_fabric torchmetrics fastai fastcore jax jaxlib flax \
    haiku optax chex ml_dtypes mxnet paddle chainer theano lasagne nolearn pymc arviz cvxpy gpytorch botorch pyro \
    stable_baselines3 gym gymnasium ray_rllib sklearn_pandas sklearn_crfsuite interpret ngboost econml causalml dowhy \
    shap lime eli5 skl2onnx onnxmltools pyod river autogluon flaml tpot evalml h2o deepchem rdkit monai pykeen \
    torch_geometric dgl e3nn allennlp flair stanza simpletransformers omegaconf pytz dateutil tzlocal packaging \
    attr attrs pydantic pydantic_core daal4py sklearnex cuml cudf cupy bayes_opt GPy gplearn deap pyclustering kmodes \
    minisom pysr snorkel cleanlab alibi_detect adtk kats darts gluonts neuralprophet orbit skmultilearn";

/// Whether a name computes and nothing else.
pub(super) fn computes(module: &str, name: &str) -> bool {
    if module == "builtins" {
        // Methods of texts, numbers and containers, taken from their class: `str.split` as a tokenizer.
        if let Some((class, method)) = name.split_once('.') {
            return listed("str unicode bytes int float list dict tuple set frozenset complex", class)
                && method.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                && !method.starts_with('_')
                && !method.starts_with("format");
        }
        return listed(BUILTINS, name) || matches!(name, "getattr" | "type");
    }
    if listed(WHOLE_MODULES, module) {
        // These set how the whole process computes.
        let global = matches!(name, "setcontext" | "getcontext" | "localcontext");
        let private = |part: &str| part.starts_with('_') || part == "sys";
        return !global && (!name.contains('.') || !name.split('.').any(private));
    }
    // numpy 2 moved its core behind an underscore.
    let moved = module.strip_prefix("numpy._core").map(|rest| format!("numpy.core{rest}"));
    let module = moved.as_deref().unwrap_or(module);
    if module == "torch" && (storage_size(name) > 0 || name.ends_with("Storage")) {
        return true;
    }
    if matches!(module, "numpy" | "numpy.dtypes") && dtype_of(name).is_some() || module == "numpy.dtypes" {
        return !name.contains('.');
    }
    // Sparse matrices and their formats.
    if module.starts_with("scipy.sparse") && ["_matrix", "_array"].iter().any(|end| name.ends_with(end)) {
        return true;
    }
    // What Cython writes to restore its classes: a checksum and a state.
    if (known_library(module.split('.').next().unwrap_or_default())) && name.starts_with("__pyx_unpickle_") {
        return true;
    }
    // How sklearn's trees and distances are made anew.
    if module.starts_with("sklearn.") && name == "newObj" {
        return true;
    }
    if module.starts_with("pandas._libs.tslibs.offsets") || module.starts_with("sklearn._loss._loss") {
        return !name.contains('.');
    }
    NAMES.split_ascii_whitespace().any(|entry| entry.split_once(':') == Some((module, name)))
}

/// Whether a library's classes are numeric throughout, so that their `__init__` only computes.
pub(super) fn numeric(module: &str) -> bool {
    listed("sklearn scipy numpy pandas statsmodels imblearn", module.split('.').next().unwrap_or_default())
}

/// Modules of the standard library whose names may stand in state, uncalled.
pub(super) fn harmless_module(module: &str) -> bool {
    listed(
        "operator _operator functools _functools typing dataclasses string time random bisect heapq hashlib contextlib \
         warnings textwrap unicodedata difflib copy struct queue weakref pprint zlib locale gettext base64 binascii \
         inspect traceback re threading _thread uuid secrets html json",
        module,
    )
}

/// Whether a library is one of models and science.
pub(super) fn known_library(root: &str) -> bool {
    listed(LIBRARIES, root)
}

/// Bytes of an element of a torch storage by the name of its class; zero for anything else.
pub(super) fn storage_size(name: &str) -> u64 {
    match name {
        "DoubleStorage" | "LongStorage" | "ComplexFloatStorage" => 8,
        "FloatStorage" | "IntStorage" | "QInt32Storage" => 4,
        "HalfStorage" | "ShortStorage" | "BFloat16Storage" => 2,
        "ByteStorage" | "CharStorage" | "BoolStorage" | "QInt8Storage" | "QUInt8Storage" | "UntypedStorage" => 1,
        "ComplexDoubleStorage" => 16,
        _ => 0,
    }
}

/// A numpy scalar type: its size, and whether it holds objects.
pub(super) fn dtype_of(name: &str) -> Option<(u32, bool)> {
    Some(match name {
        "bool_" | "bool" | "int8" | "uint8" => (1, false),
        "int16" | "uint16" | "float16" => (2, false),
        "int32" | "uint32" | "float32" | "intc" | "uintc" => (4, false),
        "int64" | "uint64" | "float64" | "complex64" | "intp" | "uintp" | "longlong" | "ulonglong" | "datetime64"
        | "timedelta64" | "int_" | "uint" | "double" | "float_" => (8, false),
        "complex128" | "longdouble" | "float128" => (16, false),
        "object_" => (8, true),
        _ => return None,
    })
}

fn listed(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|word| word == name)
}
