//! What the operators of TensorFlow do beyond tensors: a list of those that act, and those that are known to compute, by
//! name or by how their names begin. Operators of a user's own need a native library that the graph does not carry.

use super::names::listed;

/// What an operator does beyond tensors.
pub(crate) enum Op {
    /// Nothing.
    Computes,
    /// In words: "writes files".
    Acts(&'static str),
    /// Reads data that a graph for training would be given.
    Reads,
    /// Nobody here knows.
    Unknown,
}

/// Operators that call back into the interpreter that loaded the graph.
const PYTHON: &str = "\
    PyFunc PyFuncStateless EagerPyFunc";

/// Operators that write files of the machine, or to wherever a path or an address points.
const WRITES: &str = "\
    WriteFile SaveDataset SaveDatasetV2 DatasetToTFRecord CreateSummaryFileWriter WriteSummary \
    WriteRawProtoSummary ImportEvent WriteGraphSummary WriteScalarSummary WriteImageSummary WriteAudioSummary \
    WriteHistogramSummary CreateSummaryDbWriter DebugIdentity DebugIdentityV2 DebugIdentityV3 SnapshotDataset \
    SnapshotDatasetV2 DeleteRpcFutureResource ExperimentalDatasetToTFRecord";

/// Operators that read any file of the machine.
const READS: &str = "\
    ReadFile MatchingFiles LoadDataset ListFiles";

/// Operators that listen or connect.
const NETWORK: &str = "\
    RpcServer RpcClient RpcCall RpcServerStart RpcServerRegister DataServiceDataset DataServiceDatasetV2 \
    DataServiceDatasetV3 DataServiceDatasetV4 RegisterDataset RegisterDatasetV2 GcsConfigureCredentials \
    GcsConfigureBlockCache";

/// Readers of data sets: of files, but as part of training.
const DATA_SETS: &str = "\
    TextLineReader TextLineReaderV2 WholeFileReader WholeFileReaderV2 TFRecordReader TFRecordReaderV2 LMDBReader \
    FixedLengthRecordReader FixedLengthRecordReaderV2 TextLineDataset TFRecordDataset TFRecordDatasetV2 \
    FixedLengthRecordDataset FixedLengthRecordDatasetV2 LMDBDataset SqlDataset CSVDataset CSVDatasetV2 \
    CacheDataset CacheDatasetV2 MatchingFilesDataset ReaderReadV2 ReaderReadUpToV2";

/// What an operator does beyond tensors.
pub(crate) fn judge(op: &str) -> Op {
    match op {
        _ if listed(PYTHON, op) => Op::Acts("calls back into Python"),
        _ if listed(WRITES, op) => Op::Acts("writes files"),
        _ if listed(READS, op) => Op::Acts("reads files of the machine"),
        _ if listed(NETWORK, op) => Op::Acts("reaches the network"),
        _ if listed(DATA_SETS, op) => Op::Reads,
        _ if op.starts_with("Py") && op.contains("Func") => Op::Acts("calls back into Python"),
        _ if listed(COMPUTING, op) || family(op) => Op::Computes,
        _ => Op::Unknown,
    }
}

/// Families of operators that compute, by how their names begin.
fn family(op: &str) -> bool {
    const FAMILIES: &str = "\
    Add Sub Mul Div RealDiv Floor Trunc Mod Pow Sqrt Rsqrt Square Exp Expm1 Log Abs Neg Sign Sin Cos Tan Asin Acos \
    Atan Erf Lgamma Digamma Igamma Zeta Betainc Bessel Ceil Rint Round Reciprocal Complex Conj Imag Angle \
    MatMul BatchMatMul SparseMatMul Einsum Cholesky Qr Svd SelfAdjointEig Eig Matrix BatchMatrix Conv \
    DepthwiseConv Dilation MaxPool AvgPool FractionalMaxPool FractionalAvgPool FusedBatchNorm _Fused BatchNorm LRN \
    Relu Elu Selu Softmax LogSoftmax Softplus Softsign Sigmoid Tanh LeakyRelu Gelu Swish BiasAdd L2Loss \
    SparseSoftmax CTC Reduce Sum Mean Max Min Prod Arg Cum Segment UnsortedSegment SparseSegment Equal \
    NotEqual Greater Less Logical Approximate Bitwise LeftShift RightShift PopulationCount Invert Select \
    Cast Bitcast Clip Fill Ones Zeros Const Placeholder Identity StopGradient PreventGradient CheckNumerics \
    Reshape Squeeze ExpandDims Transpose Concat Split Slice StridedSlice Gather Scatter TensorScatter \
    ResourceScatter ResourceGather Pack Unpack Tile Pad MirrorPad Reverse Roll Shape \
    LinSpace OneHot Unique ListDiff TopK InTopK NthElement SearchSorted UpperBound LowerBound Bucketize Histogram \
    Bincount DenseBincount RaggedBincount Dense Sparse Ragged Diag Broadcast SpaceToBatch BatchToSpace \
    SpaceToDepth DepthToSpace ExtractImagePatches ExtractVolumePatches ExtractGlimpse Resize CropAndResize \
    NonMaxSuppression CombinedNonMaxSuppression Adjust HSVToRGB RGBToHSV DrawBoundingBoxes ImageProjective Image \
    Decode Encode Random Stateless Stateful Multinomial Truncated ParameterizedTruncated RFFT IRFFT FFT IFFT \
    AudioSpectrogram Mfcc Spectrogram String Substr Regex StaticRegex AsString Unicode Tokeniz ParseExample \
    ParseSequenceExample ParseSingle ParseTensor SerializeTensor Lookup HashTable MutableHashTable MutableDense \
    Anonymous Variable Assign ResourceApply Apply ReadVariable IsVariable Destroy DisableCopy Switch \
    NextIteration LoopCond ControlTrigger PartitionedCall SymbolicGradient \
    TensorArray TensorList EmptyTensorList Queue FIFOQueue PaddingFIFOQueue RandomShuffleQueue Barrier \
    Unstage QuantizeV2 Quantize Quantized Dequantize FakeQuant Requantiz CudnnRNN LSTMBlock BlockLSTM GRUBlock \
    Nccl Collective Xla TPU Edit Tridiagonal Banded Solve Optional Iterator MakeIterator OneShotIterator \
    ReduceDataset MapDataset BatchDataset TensorDataset TensorSliceDataset RangeDataset ShuffleDataset \
    RepeatDataset PrefetchDataset ParallelMapDataset ZipDataset FilterDataset TakeDataset SkipDataset \
    OptionsDataset ModelDataset Boosted DecisionForest SimpleML TensorForest Fertile Dynamic \
    ParallelDynamic Outfeed Infeed EnsureShape GuaranteeConst Inplace Unravel Nextafter NextAfter \
    Xdivy Xlog SquaredDifference Snapshot Unbatch Accumulat Conditional Sdca ThreadUnsafe \
    Uniform LogUniform Candidate NegTrain Skipgram Compute Ndtri Polygamma";
    // Readers and writers whose names begin like harmless ones.
    let reaches = ["File", "Disk", "Dataset", "Save", "Restore", "Rpc", "Socket", "Url", "Path"]
        .iter()
        .any(|part| op.contains(part));
    let dataset = op.ends_with("Dataset") || op.ends_with("DatasetV2") || op.ends_with("DatasetV3");
    (!reaches || dataset) && FAMILIES.split_ascii_whitespace().any(|family| op.starts_with(family))
}

/// Operators that compute and that no family names, among them those of the saver and of vocabularies: their paths are given
/// by the loader or belong to the model.
const COMPUTING: &str = "\
    All Any IsFinite IsInf IsNan IsVariableInitialized IsTensorListInitialized IsBoostedTreesEnsembleInitialized \
    SetSize For If StatelessIf Copy CopyHost Lu Cross FixedUnigramCandidateSampler Case StatelessCase Where While \
    StatelessWhile Inv InvGrad VarIsInitializedOp VarHandleOp Stack StackV2 StackPush StackPushV2 StackPop \
    StackPopV2 StackClose StackCloseV2 Merge Enter Exit Real RealDiv CompareAndBitpack DeepCopy Empty \
    EmptyTensorList EmptyTensorMap Size Rank Range Batch BatchFunction BatchMatMul BatchMatMulV2 BatchMatMulV3 \
    BatchNormWithGlobalNormalization BatchToSpace BatchToSpaceND BatchFFT BatchIFFT BatchCholesky BatchSvd \
    BatchMatrixInverse Stage Unstage ScanDataset InterleaveDataset FlatMapDataset ConcatenateDataset WindowDataset \
    PaddedBatchDataset PaddedBatchDatasetV2 ReduceDataset ParallelInterleaveDataset ParallelInterleaveDatasetV4 \
    ParallelBatchDataset \
    NoOp Assert Print PrintV2 SaveV2 Save SaveSlices RestoreV2 Restore RestoreSlice MergeV2Checkpoints \
    ShardedFilename ShardedFilespec InitializeTable InitializeTableV2 InitializeTableFromTextFile \
    InitializeTableFromTextFileV2 _Arg _Retval _DeviceArg _DeviceRetval Abort Timestamp TensorSummary \
    TensorSummaryV2 ScalarSummary HistogramSummary AudioSummary AudioSummaryV2 MergeSummary RefIdentity RefSwitch \
    RefMerge RefEnter RefExit RefNextIteration RefSelect TemporaryVariable CountUpTo GetSessionHandle \
    GetSessionTensor Bucketize Hash ToBool Unstack Betainc Atan2 RiscAdd Eye";
