//! What is not harmless: the standard library, of which only a listed few names belong in a model, and names of libraries
//! that load, run, read or write.

/// Top modules of Python's standard library, 2.7 to 3.14, public and private. Whatever of them `allow` does not name is
/// taken for an attack when it is called.
const STDLIB: &str = "\
    abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb binascii binhex bisect \
    bsddb builtins bz2 cProfile cPickle cStringIO calendar cgi cgitb chunk cmath cmd code codecs codeop collections \
    colorsys commands compileall compression concurrent configparser ConfigParser contextlib contextvars copy copyreg \
    crypt csv ctypes curses dataclasses datetime dbm decimal difflib dircache dis distutils doctest dl dummy_thread \
    dumbdbm email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch formatter fpformat \
    fractions ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq hmac hotshot \
    html htmlentitydefs http httplib idlelib ihooks imaplib imghdr imp importlib imputil inspect io ipaddress itertools \
    json keyword lib2to3 linecache locale logging lzma mailbox mailcap markupbase marshal math mhlib mimetools \
    mimetypes mmap modulefinder msilib msvcrt multifile multiprocessing mutex netrc new nis nntplib nt ntpath \
    nturl2path numbers opcode operator optparse os ossaudiodev parser pathlib pdb pickle pickletools pipes pkgutil \
    platform plistlib popen2 poplib posix posixpath posixfile pprint profile pstats pty pwd py_compile pyclbr pydoc \
    pydoc_data pyexpat queue Queue quopri random re readline reprlib resource rexec rlcompleter robotparser runpy sched \
    secrets select selectors sets sgmllib shelve shlex shutil signal site smtpd smtplib sndhdr socket SocketServer \
    socketserver spwd sqlite3 sre_compile sre_constants sre_parse ssl stat statistics statvfs string stringprep struct \
    subprocess sunau symbol symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios test textwrap \
    thread threading time timeit tkinter Tkinter token tokenize tomllib trace traceback tracemalloc tty turtle \
    turtledemo types typing unicodedata unittest urllib urllib2 urlparse user uu uuid venv warnings wave weakref \
    webbrowser whichdb winreg winsound wsgiref xdrlib xml xmllib xmlrpc xmlrpclib xxlimited zipapp zipfile zipimport \
    zlib zoneinfo this \
    __future__ _abc _aix_support _ast _asyncio _bisect _blake2 _bootlocale _bootsubprocess _bz2 _codecs _collections \
    _collections_abc _compat_pickle _compression _contextvars _crypt _csv _ctypes _curses _datetime _dbm _decimal \
    _elementtree _functools _gdbm _hashlib _heapq _imp _interpchannels _interpqueues _interpreters _io _ios_support \
    _json _locale _lsprof _lzma _markupbase _md5 _multibytecodec _multiprocessing _opcode _operator _osx_support \
    _pickle _posixshmem _posixsubprocess _py_abc _pydatetime _pydecimal _pyio _pyrepl _queue _random _scproxy \
    _sha1 _signal _sitebuiltins _socket _sqlite3 _sre _ssl _stat _statistics _string _strptime _struct _symtable \
    _sysconfigdata _testcapi _thread _threading_local _tkinter _tokenize _tracemalloc _typing _uuid _warnings _weakref \
    _weakrefset _winapi _wmi _xxinterpchannels _xxsubinterpreters _zoneinfo _apple_support _android_support \
    _testinternalcapi _remote_debugging _colorize _dummy_thread _dummy_threading dummy_threading __main__os";

/// Modules of the standard library and packages beside it, anything of which acts, even the making of an object.
const ACTING: &str = "\
    os posix nt subprocess _posixsubprocess pty platform commands popen2 multiprocessing _multiprocessing concurrent \
    asyncio _asyncio asyncore asynchat _winapi _wmi _osx_support _aix_support _ios_support _android_support \
    _apple_support signal _signal resource antigravity webbrowser idlelib turtle turtledemo tkinter Tkinter _tkinter \
    winreg msilib msvcrt atexit code codeop runpy importlib _imp imp ihooks imputil pkgutil zipimport zipapp marshal \
    pickle _pickle cPickle pickletools shelve compileall py_compile pydoc doctest timeit trace bdb pdb cmd profile \
    cProfile _lsprof hotshot pstats site venv ensurepip distutils lib2to3 test unittest _interpreters \
    _xxsubinterpreters _interpchannels _interpqueues _xxinterpchannels _testcapi _testinternalcapi _remote_debugging \
    ctypes _ctypes dl gc sys _sitebuiltins _pyrepl rlcompleter io _io _pyio shutil tempfile glob fileinput linecache \
    tarfile zipfile gzip bz2 lzma sqlite3 _sqlite3 dbm _dbm _gdbm bsddb mmap fcntl mailbox mailcap netrc filecmp \
    socket _socket socketserver SocketServer ssl _ssl http httplib urllib urllib2 ftplib smtplib smtpd poplib imaplib \
    nntplib telnetlib xmlrpc xmlrpclib wsgiref selectors select modulefinder pyclbr symtable tracemalloc faulthandler \
    readline getpass crypt curses sched new rexec cgi cgitb mimetypes pipes cffi _cffi_backend dill cloudpickle \
    jsonpickle joblib_backend pip setuptools pkg_resources wheel easy_install virtualenv requests urllib3 httpx aiohttp \
    paramiko fabric boto3 botocore fsspec s3fs gcsfs hydra mlflow onnxruntime tensorrt openvino IPython ipykernel \
    jupyter_client nbformat nbconvert invoke sh plumbum pexpect ptyprocess psutil pyperclip pyautogui twisted tornado \
    flask django jinja2 mako celery rq execnet torchserve ts triton_python_backend_utils bentoml lief pwn fickling \
    picklescan modelscan modelaudit guarddog RestrictedPython asteval numexpr py_mini_racer js2py execjs lupa sympy llvmlite \
    nltk_downloader gdown wget pycurl sqlalchemy pymysql psycopg2 redis pymongo kubernetes docker ansible git pygit2 \
    dulwich huggingface_hub modelscope wandb neptune comet_ml tensorboard clearml zmq websocket websockets uvloop gevent \
    eventlet greenlet smbclient ldap3 dns scapy impacket";

/// Modules that no model has a use for, called or not: to start programs and to run code is all that they are for.
const EXECUTES: &str = "\
    os posix nt subprocess _posixsubprocess pty runpy commands popen2 builtins __builtin__ code codeop _winapi pip webbrowser \
    _interpreters _xxsubinterpreters";

/// Modules of known libraries, anything of which acts.
const ACTING_MODULES: &str = "\
    torch._dynamo torch._inductor torch.fx torch.utils.cpp_extension torch.package torch.distributed torch.hub \
    torch.multiprocessing torch.utils.model_zoo torch.utils.bottleneck torch.utils.collect_env torch.utils._config_module \
    torch.testing torch.jit torch.export torch.onnx torch.ops torch.classes torch._ops torch._export torch._lobpcg \
    torch.utils.data.datapipes torch.utils.show_pickle torch.utils.file_baton torch.utils.hipify torch.utils.benchmark torch._C torch.cuda._sanitizer \
    torch._appdirs torch._sources torch._functorch torch._higher_order_ops torch.utils.dlpack torch.utils.tensorboard \
    numpy.distutils numpy.f2py numpy.testing numpy.lib.npyio numpy.lib._npyio_impl numpy.lib.format numpy.ctypeslib \
    numpy.core.memmap numpy.lib.utils numpy.lib._utils_impl numpy.lib._datasource numpy.core._methods.os numpy.compat \
    scipy.io scipy.weave scipy.datasets scipy.misc scipy._lib._ccallback scipy._lib._testutils scipy.linalg._cython_signature \
    pandas.io pandas.core.computation pandas.compat.pickle_compat pandas.testing pandas._testing pandas.util._tester \
    sklearn.datasets sklearn.externals._numpydoc sklearn._build_utils sklearn.utils._testing sklearn.utils._joblib \
    joblib.externals joblib.memory joblib.parallel joblib._store_backends joblib.func_inspect joblib.disk joblib.pool \
    joblib.executor joblib.numpy_pickle_utils joblib._memmapping_reducer \
    tensorflow.io tensorflow.python.lib.io tensorflow.python.platform tensorflow.python.ops.script_ops \
    tensorflow.python.framework.load_library tensorflow.saved_model keras.utils keras.saving keras.src.saving \
    keras.src.utils tensorflow.keras.utils tensorflow.keras.models transformers.dynamic_module_utils transformers.pipelines \
    transformers.utils.hub datasets.load datasets.utils nltk.downloader nltk.data nltk.app spacy.cli spacy.util \
    gensim.downloader gensim.utils dask.utils xarray.backends fastai.data.external networkx.readwrite skimage.io \
    ultralytics.utils mmengine.config mmcv.fileio omegaconf.resolvers pyarrow.fs pyarrow.plasma pyarrow.csv \
    jax.experimental.compilation_cache tensorflow.python.keras.utils ray PIL.ImageGrab PIL.ImageShow PIL.ImageMath \
    cv2.gapi h2o.backend shap.utils.image numba";

/// Classes of known libraries that act when an object is made of them or its state is set.
const ACTING_CLASSES: &str = "InferenceSession GuardBuilder DataSource Repository PackageImporter PackageExporter \
    ScriptModule RecursiveScriptModule LambdaType FFI CDLL PyDLL Popen memmap GraphModule FunctionType CodeType Lambda \
    TFSMLayer TorchModuleWrapper JaxLayer FlaxLayer HDFStore ExcelWriter ExcelFile ParquetWriter ParquetFile StataReader \
    StataWriter SAS7BDATReader XportReader TextFileReader TextReader JsonReader SASReader LowLevelCallable NpzFile SummaryWriter MemmapingPool \
    MemorizedFunc MemorizedResult Memory";

/// Names of otherwise harmless modules of the standard library that start threads, evaluate text, read source files or keep a
/// callable for later.
const ACTING_NAMES: &str = "\
    weakref:finalize threading:Thread threading:Timer threading:setprofile threading:settrace _thread:start_new_thread \
    _thread:start_new _thread:start_joinable_thread typing:get_type_hints typing:ForwardRef typing:evaluate_forward_ref \
    dataclasses:make_dataclass inspect:getsource inspect:getsourcelines inspect:getsourcefile inspect:findsource \
    inspect:signature inspect:get_annotations inspect:currentframe inspect:stack contextlib:ExitStack \
    contextlib:AsyncExitStack contextlib:chdir contextlib:redirect_stdout contextlib:redirect_stderr gettext:translation \
    gettext:install gettext:find traceback:walk_stack re:Scanner locale:setlocale hashlib:file_digest time:sleep";

/// Words in the names of functions that load, run, read, write or reach out.
const SMELLS: &str = "load loads loader open read reads reader save savez dump dumps write writes system exec execute exec_ \
    execv execve execfile eval evaluate run runs runner runstring popen remove unlink rmtree mkdir makedirs \
    rename chmod download downloads urlopen urlretrieve fetch request requests import imports importer compile compiled hub \
    spawn spawnv fork shell cmd command commands subprocess process source src script lib library dlopen install \
    uninstall file files fromfile tofile loadtxt savetxt genfromtxt path url uri http socket connect listen serve server \
    deserialize unpickle pickle pickles unserialize invoke apply_func instantiate locate resolve lambdify codegen \
    wrapper execwrapper kill exit decode decoder decoders handler handlers env environ getenv setenv putenv thread attach debug hook";

/// Parts of a dotted name which lead out of the module that they are taken from.
const THROUGH: &str = "os sys subprocess builtins __builtin__ importlib shutil ctypes distutils pip socket runpy pty posix \
    nt multiprocessing pickle marshal _os _sys _subprocess _builtins _importlib _pickle_ f_globals f_builtins f_back \
    gi_frame cr_frame tb_frame func_globals func_code";

/// Names between double underscores that Python, pickle, copy, numpy and torch look up on objects, classes, functions and
/// modules by themselves. Other such names are a library's own.
const HOOKS: &str = "setstate reduce reduce_ex getstate getnewargs getnewargs_ex getattr getattribute setattr delattr dir call \
    del init new class init_subclass class_getitem subclasshook instancecheck subclasscheck prepare mro_entries mro bases \
    base subclasses set_name get set delete enter exit aenter aexit iter next aiter anext await reversed contains getitem \
    setitem delitem missing length_hint hash eq ne lt le gt ge bool nonzero cmp repr str bytes format unicode fspath index \
    int float complex round trunc floor ceil abs neg pos invert add sub mul matmul truediv floordiv mod divmod pow lshift \
    rshift and or xor radd rsub rmul rmatmul rtruediv rfloordiv rmod rdivmod rpow rlshift rrshift rand ror rxor iadd isub \
    imul imatmul itruediv ifloordiv imod ipow ilshift irshift iand ior ixor copy deepcopy replace buffer release_buffer \
    sizeof globals builtins code closure defaults kwdefaults func self wrapped import loader spec path file cached package \
    all main initializing array array_interface array_struct array_ufunc array_function array_wrap array_finalize \
    array_prepare cuda_array_interface dlpack dlpack_device torch_function torch_dispatch tensor_flatten \
    tensor_unflatten sklearn_clone sklearn_is_fitted post_init attrs_post_init attrs_init get_validators \
    get_pydantic_core_schema";

/// Whether a name between double underscores is one that Python calls or trusts behind the scenes.
pub(super) fn hook(name: &str) -> bool {
    listed(HOOKS, name)
}

/// Whether a module is there to start programs or run code, so that even naming what acts of it is an attack.
pub(super) fn executes(module: &str) -> bool {
    let root = module.split('.').next().unwrap_or(module);
    EXECUTES.split_whitespace().any(|one| one == root)
}

/// Whether a top module is one of the standard library.
pub(super) fn is_stdlib(root: &str) -> bool {
    listed(STDLIB, root)
}

/// Whether anything of a top module acts.
pub(super) fn acting_root(root: &str) -> bool {
    listed(ACTING, root)
}

/// Whether anything of a module of a known library acts.
pub(super) fn acting_module(module: &str) -> bool {
    ACTING_MODULES
        .split_ascii_whitespace()
        .any(|entry| module.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Whether a name acts in a module whose other names do not.
pub(super) fn acting_name(module: &str, name: &str) -> bool {
    ACTING_NAMES.split_ascii_whitespace().any(|entry| entry.split_once(':') == Some((module, name)))
}

/// Whether making an object of a class acts.
pub(super) fn acting_class(_module: &str, name: &str) -> bool {
    listed(ACTING_CLASSES, name)
}

/// Whether a part of a dotted name leads out of its module.
pub(super) fn through(part: &str) -> bool {
    listed(THROUGH, part)
}

/// Whether a name smells of loading, running, reading, writing or reaching out.
pub(super) fn smells(name: &str) -> bool {
    name == "call" || words(name).any(|word| listed(SMELLS, &word))
}

/// Whether a part of a module's path does.
pub(super) fn smells_module(part: &str) -> bool {
    listed(
        "io exec hub cli shell subprocess cpp_extension compile codegen saving download remote server rpc launch",
        part,
    )
}

/// The words of a name: at underscores and where lower case turns to upper.
fn words(name: &str) -> impl Iterator<Item = String> + '_ {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        if c == '_' || c == '.' || c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            words.push(String::new());
        }
        if c != '_' && c != '.' {
            words.last_mut().into_iter().for_each(|word| word.push(c.to_ascii_lowercase()));
        }
        before = c;
    }
    words.into_iter().filter(|word| !word.is_empty())
}

fn listed(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|word| word == name)
}
