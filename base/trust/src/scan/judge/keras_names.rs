//! Names of what Keras itself brings, in words of a list: classes that are built and functions that are called by its
//! configurations. Those that reach files or code are left out; `judge::keras` knows them by name.

/// Functions that configurations name: activations, losses, metrics, initializers and the like. Each computes only.
pub(crate) const FUNCTIONS: &str = "\
    celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear \
    log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus \
    sparsemax sparse_sigmoid squareplus swish tanh tanh_shrink threshold mse mae mape msle MSE MAE MAPE MSLE \
    mean_squared_error mean_absolute_error mean_absolute_percentage_error mean_squared_logarithmic_error \
    binary_crossentropy bce BCE categorical_crossentropy sparse_categorical_crossentropy binary_focal_crossentropy \
    categorical_focal_crossentropy cosine_similarity cosine_proximity hinge squared_hinge categorical_hinge huber \
    huber_loss log_cosh logcosh kl_divergence kld KLD kullback_leibler_divergence poisson ctc dice tversky \
    accuracy acc binary_accuracy categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy \
    sparse_top_k_categorical_accuracy mean sum glorot_uniform glorot_normal he_normal he_uniform lecun_normal \
    lecun_uniform zeros ones constant orthogonal identity random_normal random_uniform truncated_normal \
    variance_scaling l1 l2 l1_l2 orthogonal_regularizer max_norm non_neg unit_norm min_max_norm crelu \
    approximate_gelu quick_gelu";

/// Classes of Keras, without those that act.
pub(crate) const CLASSES: &str = "\
    Model Functional Sequential InputLayer Input Layer Dense EinsumDense Activation Embedding Masking Identity \
    Conv1D Conv2D Conv3D Convolution1D Convolution2D Convolution3D Conv1DTranspose Conv2DTranspose Conv3DTranspose \
    Deconvolution2D SeparableConv1D SeparableConv2D SeparableConvolution2D DepthwiseConv1D DepthwiseConv2D \
    LocallyConnected1D LocallyConnected2D MaxPooling1D MaxPooling2D MaxPooling3D MaxPool1D MaxPool2D MaxPool3D \
    AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D GlobalMaxPooling1D \
    GlobalMaxPooling2D GlobalMaxPooling3D GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D \
    GlobalMaxPool1D GlobalMaxPool2D GlobalAvgPool1D GlobalAvgPool2D AdaptiveAveragePooling1D \
    AdaptiveAveragePooling2D AdaptiveMaxPooling1D AdaptiveMaxPooling2D LSTM LSTMCell GRU GRUCell SimpleRNN \
    SimpleRNNCell RNN StackedRNNCells CuDNNLSTM CuDNNGRU LSTMV1 GRUV1 ConvLSTM1D ConvLSTM2D ConvLSTM2DCell \
    ConvLSTM3D TimeDistributed Bidirectional Wrapper BatchNormalization BatchNormalizationV1 BatchNormalizationV2 \
    LayerNormalization GroupNormalization RMSNormalization SpectralNormalization UnitNormalization \
    SyncBatchNormalization Normalization Discretization CategoryEncoding Hashing HashedCrossing IntegerLookup \
    StringLookup TextVectorization Resizing Rescaling CenterCrop RandomCrop RandomFlip RandomTranslation \
    RandomRotation RandomZoom RandomHeight RandomWidth RandomContrast RandomBrightness RandomGrayscale RandomHue \
    RandomSaturation RandomPerspective RandomSharpness RandomShear RandomPosterization RandomInvert RandomErasing \
    RandomGaussianBlur RandomElasticTransform RandomColorJitter RandomColorDegeneration RandomApply RandomChoice \
    AutoContrast Equalization Solarization MixUp CutMix AugMix RandAugment Pipeline MelSpectrogram STFTSpectrogram \
    Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D GaussianDropout GaussianNoise AlphaDropout \
    ActivityRegularization MultiHeadAttention GroupedQueryAttention GroupQueryAttention Attention \
    AdditiveAttention Reshape Flatten RepeatVector Permute Cropping1D Cropping2D Cropping3D UpSampling1D \
    UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D Concatenate Average Maximum Minimum Add \
    Subtract Multiply Dot Merge ReLU Softmax LeakyReLU PReLU ELU ThresholdedReLU Highway MaxoutDense \
    TensorFlowOpLayer AddLoss AddMetric DenseFeatures LinearModel WideDeepModel KerasTensor Operation GetItem \
    NotEqual Equal Matmul Mean Sum Max Min Square Sqrt Exp Log Abs Transpose ExpandDims Squeeze Cast Stack Split \
    Divide TrueDivide Power Negative Where Shape Pad Clip Relu Sigmoid Tanh Gelu Silu LogSoftmax Einsum Tile \
    Greater Less LogicalAnd LogicalOr LogicalNot Take Arange ZerosLike OnesLike BroadcastTo Sin Cos Mod \
    FloorDivide Argmax Argmin Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal VarianceScaling \
    GlorotNormal GlorotUniform HeNormal HeUniform LecunNormal LecunUniform Orthogonal OrthogonalInitializer \
    IdentityInitializer STFT L1 L2 L1L2 OrthogonalRegularizer MaxNorm MinMaxNorm NonNeg UnitNorm RadialConstraint \
    Policy DTypePolicy FloatDTypePolicy QuantizedDTypePolicy QuantizedFloat8DTypePolicy DTypePolicyMap SGD Adam \
    AdamW Adamax Adagrad Adadelta Adafactor RMSprop Nadam Ftrl Lion Lamb Muon LossScaleOptimizer MomentumOptimizer \
    ExponentialDecay PiecewiseConstantDecay PolynomialDecay InverseTimeDecay CosineDecay CosineDecayRestarts \
    MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredLogarithmicError BinaryCrossentropy \
    BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy SparseCategoricalCrossentropy \
    Poisson KLDivergence Hinge SquaredHinge CategoricalHinge CosineSimilarity Huber LogCosh CTC Dice Tversky \
    Circle LossFunctionWrapper MeanMetricWrapper SumOverBatchSizeMetricWrapper Accuracy BinaryAccuracy \
    CategoricalAccuracy SparseCategoricalAccuracy TopKCategoricalAccuracy SparseTopKCategoricalAccuracy AUC \
    Precision Recall TruePositives TrueNegatives FalsePositives FalseNegatives SensitivityAtSpecificity \
    SpecificityAtSensitivity PrecisionAtRecall RecallAtPrecision RootMeanSquaredError MeanMetric MeanRelativeError \
    F1Score FBetaScore R2Score IoU BinaryIoU MeanIoU OneHotIoU OneHotMeanIoU LogCoshError CompileMetrics \
    CompileLoss TypeSpec TensorShape TupleWrapper ListWrapper TensorSpec CategoricalCrossentropyLoss Loss Metric \
    Optimizer Initializer tuple list dict set str int float bool SeedGenerator FeatureSpace Feature Cross Solarize \
    FlaxLayer JaxLayer";
