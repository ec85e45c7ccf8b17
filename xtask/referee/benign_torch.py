"""Makes harmless artifacts with torch, to measure false alarms of `shieldwall model scan`.

python benign_torch.py FOLDER        needs torch and numpy
"""

import collections, os, pickle, sys, warnings

warnings.simplefilter("ignore")
import numpy, torch
from torch import nn

OUT = sys.argv[1]
os.makedirs(OUT, exist_ok=True)
COUNT = 0


def save(name, value):
    """Both of torch's formats: the archive, and the streams of pickles from before 1.6."""
    global COUNT
    for legacy in (False, True):
        path = f"{OUT}/{name}{'_legacy' if legacy else ''}.pt"
        try:
            torch.save(value, path, _use_new_zipfile_serialization=not legacy)
            COUNT += 1
        except Exception as error:
            os.path.exists(path) and os.remove(path)
            print("skip", name, legacy, repr(error)[:90])


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 8)
        self.b = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 2))

    def forward(self, x):
        return self.b(self.a(x))


class Mine:
    def __init__(self):
        self.x, self.name = torch.ones(3), "mine"


def tensors():
    kinds = "float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64".split()
    yield "tensors", {kind: torch.zeros(3, 4).to(getattr(torch, kind)) for kind in kinds}
    for kind in ("float32", "bfloat16", "bool", "complex64"):
        yield "tensor_" + kind, torch.zeros(3).to(getattr(torch, kind))
    yield "parameter", nn.Parameter(torch.ones(2))
    yield "sparse", torch.eye(3).to_sparse()
    yield "sparse_rows", torch.eye(3).to_sparse_csr()
    yield "quantized", torch.quantize_per_tensor(torch.randn(4), 0.1, 0, torch.qint8)
    yield "quantized_channels", torch.quantize_per_channel(torch.randn(2, 3), torch.ones(2), torch.zeros(2), 0, torch.qint8)
    yield "nested", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    yield "meta", torch.empty(3, device="meta")
    line = torch.arange(6.0)
    yield "views", [line, line[1:], line.view(2, 3)]
    yield "gradient", torch.ones(3, requires_grad=True)
    yield "types", [torch.Size([1, 2]), torch.device("cpu"), torch.float16, torch.strided]
    yield "mixed", [1, "a", None, {"x": torch.ones(1)}, (2.5, b"b")]
    yield "numpy", {"array": numpy.ones(3), "tensor": torch.ones(3)}
    yield "random_state", torch.get_rng_state()


def modules():
    layers = {
        "linear": nn.Linear(3, 3), "conv": nn.Conv2d(3, 4, 3), "lstm": nn.LSTM(4, 5, 2), "gru": nn.GRU(4, 5),
        "embedding": nn.Embedding(10, 4), "encoder": nn.TransformerEncoderLayer(8, 2, 16),
        "attention": nn.MultiheadAttention(8, 2), "norm": nn.LayerNorm(4), "bag": nn.EmbeddingBag(10, 3),
        "transposed": nn.ConvTranspose2d(2, 2, 2), "prelu": nn.PReLU(), "loss": nn.CrossEntropyLoss(weight=torch.ones(3)),
        "sequence": nn.Sequential(collections.OrderedDict(a=nn.Linear(2, 2), b=nn.Tanh())),
        "list": nn.ModuleList([nn.Linear(2, 2), nn.GELU()]), "dict": nn.ModuleDict({"x": nn.Conv1d(2, 2, 1)}),
    }
    for name, layer in layers.items():
        yield "module_" + name, layer
        yield "state_" + name, layer.state_dict()
    yield "module_averaged", torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2))
    yield "state_weight_norm", nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)).state_dict()
    yield "dataset", torch.utils.data.TensorDataset(torch.ones(3))
    yield "distribution", torch.distributions.Normal(torch.zeros(1), torch.ones(1))


def training():
    net = Net()
    optimizers = {
        "sgd": torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9), "adam": torch.optim.Adam(net.parameters()),
        "adamw": torch.optim.AdamW(net.parameters()), "rmsprop": torch.optim.RMSprop(net.parameters()),
    }
    for name, optimizer in optimizers.items():
        net(torch.randn(8, 4)).sum().backward()
        optimizer.step()
        yield "optimizer_state_" + name, optimizer.state_dict()
        yield "optimizer_" + name, optimizer
    yield "scheduler", torch.optim.lr_scheduler.StepLR(optimizers["sgd"], 3).state_dict()
    yield "checkpoint", {"epoch": 3, "model": net.state_dict(), "optimizer": optimizers["adam"].state_dict(), "loss": 0.5,
                         "random": torch.get_rng_state(), "arguments": {"lr": 1e-3}}
    # Classes of this script's own: nobody else can know what they do.
    yield "own_module", net
    yield "own_class", Mine()


def scripts():
    """TorchScript: scripted, traced, frozen."""
    yield "scripted", lambda: torch.jit.script(Net())
    yield "traced", lambda: torch.jit.trace(Net().eval(), torch.ones(2, 4))
    yield "traced_conv", lambda: torch.jit.trace(nn.Conv2d(3, 4, 3), torch.ones(1, 3, 8, 8))
    yield "scripted_lstm", lambda: torch.jit.script(nn.LSTM(4, 5))
    yield "scripted_frozen", lambda: torch.jit.freeze(torch.jit.script(Net().eval()))
    yield "scripted_encoder", lambda: torch.jit.script(nn.TransformerEncoderLayer(8, 2, 16))


torch.manual_seed(0)
for group in (tensors, modules, training):
    for name, value in group():
        save(name, value)
for name, value in {"tensor": torch.ones(3), "own_module": Net()}.items():
    with open(f"{OUT}/{name}.pkl", "wb") as file:
        pickle.dump(value, file)
    COUNT += 1
for name, make in scripts():
    try:
        make().save(f"{OUT}/{name}.pt")
        COUNT += 1
    except Exception as error:
        print("skip", name, repr(error)[:90])
try:
    torch.export.save(torch.export.export(Net().eval(), (torch.ones(2, 4),)), f"{OUT}/exported.pt2")
    COUNT += 1
except Exception as error:
    print("skip export", repr(error)[:90])
print(COUNT, "files")
