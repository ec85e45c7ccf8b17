"""Benign torch artifacts."""
import sys, os, collections, io, warnings
warnings.simplefilter("ignore")
import torch, torch.nn as nn
OUT = sys.argv[1]; os.makedirs(OUT, exist_ok=True)
N = 0
def save(name, value):
    global N
    for legacy in (False, True):
        try:
            torch.save(value, f"{OUT}/{name}{'_legacy' if legacy else ''}.pt", _use_new_zipfile_serialization=not legacy)
            N += 1
        except Exception as e: print("skip", name, legacy, repr(e)[:90])
class Net(nn.Module):
    def __init__(self):
        super().__init__(); self.a = nn.Linear(4, 8); self.b = nn.Sequential(nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 2))
    def forward(self, x): return self.b(self.a(x))
class Mine:
    def __init__(self): self.x = torch.ones(3); self.name = "mine"
torch.manual_seed(0)
tensors = {str(d).split('.')[1]: torch.zeros(3, 4).to(d) for d in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.complex64)}
save("tensors", tensors)
for k, v in tensors.items(): save("t_" + k, v) if k in ("float32", "bfloat16", "bool", "complex64") else None
save("state_dict", Net().state_dict()); save("module", Net())
save("state_ordered", collections.OrderedDict(a=torch.ones(2)))
for name, m in {"linear": nn.Linear(3, 3), "conv": nn.Conv2d(3, 4, 3), "lstm": nn.LSTM(4, 5, 2), "gru": nn.GRU(4, 5), "embedding": nn.Embedding(10, 4), "transformer": nn.TransformerEncoderLayer(8, 2, 16), "mha": nn.MultiheadAttention(8, 2), "layernorm": nn.LayerNorm(4), "seq": nn.Sequential(collections.OrderedDict(a=nn.Linear(2, 2), b=nn.Tanh())), "modlist": nn.ModuleList([nn.Linear(2, 2), nn.GELU()]), "moddict": nn.ModuleDict({"x": nn.Conv1d(2, 2, 1)}), "convT": nn.ConvTranspose2d(2, 2, 2), "bag": nn.EmbeddingBag(10, 3), "prelu": nn.PReLU(), "loss": nn.CrossEntropyLoss(weight=torch.ones(3))}.items():
    save("m_" + name, m); save("sd_" + name, m.state_dict())
net = Net()
for name, o in {"sgd": torch.optim.SGD(net.parameters(), lr=.1, momentum=.9), "adam": torch.optim.Adam(net.parameters()), "adamw": torch.optim.AdamW(net.parameters()), "rms": torch.optim.RMSprop(net.parameters())}.items():
    net(torch.randn(8, 4)).sum().backward(); o.step(); save("opt_" + name, o.state_dict())
    if name in ("adam", "sgd"): save("optobj_" + name, o)
s = torch.optim.lr_scheduler.StepLR(torch.optim.SGD(net.parameters(), lr=.1), 3); save("sched", s.state_dict())
save("checkpoint", {"epoch": 3, "model": net.state_dict(), "optimizer": torch.optim.Adam(net.parameters()).state_dict(), "rng": torch.get_rng_state(), "loss": 0.5, "args": {"lr": 1e-3}})
save("parameter", nn.Parameter(torch.ones(2))); save("sparse", torch.eye(3).to_sparse()); save("csr", torch.eye(3).to_sparse_csr())
save("quant", torch.quantize_per_tensor(torch.randn(4), .1, 0, torch.qint8)); save("quant_ch", torch.quantize_per_channel(torch.randn(2, 3), torch.ones(2), torch.zeros(2), 0, torch.qint8))
save("nested", torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])); save("size", torch.Size([1, 2])); save("device", torch.device("cpu")); save("dtype", torch.float16)
save("shared", (lambda t: [t, t[1:], t.view(2, 3)])(torch.arange(6.))); save("meta", torch.empty(3, device="meta"))
save("mixed", [1, "a", None, {"x": torch.ones(1)}, (2.5, b"b")]); save("numpy", {"a": __import__("numpy").ones(3), "t": torch.ones(3)})
save("gen", torch.Generator().get_state()); save("mine", Mine()); save("requires", torch.ones(3, requires_grad=True)); save("tied", (lambda m: (setattr(m.b[3], "bias", nn.Parameter(torch.zeros(2))), m)[1])(Net()))
save("wn", nn.utils.parametrizations.weight_norm(nn.Linear(2, 2)).state_dict()); save("prune", (lambda l: (nn.utils.prune.random_unstructured(l, "weight", .5), l)[1])(nn.Linear(3, 3))) if hasattr(nn.utils, "prune") else None
save("ema", torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2)).state_dict()); save("swa", torch.optim.swa_utils.AveragedModel(nn.Linear(2, 2)))
save("tds", torch.utils.data.TensorDataset(torch.ones(3))); save("dist", torch.distributions.Normal(torch.zeros(1), torch.ones(1)))
import copyreg, pickle
pickle.dump(Net(), open(f"{OUT}/pickled_module.pkl", "wb")); pickle.dump(torch.ones(3), open(f"{OUT}/pickled_tensor.pkl", "wb")); N += 2
def script(name, m):
    global N
    try: m.save(f"{OUT}/{name}.pt"); N += 1
    except Exception as e: print("skip", name, repr(e)[:90])
for name, f in {"scripted": lambda: torch.jit.script(Net()), "traced": lambda: torch.jit.trace(Net().eval(), torch.ones(2, 4)), "traced_conv": lambda: torch.jit.trace(nn.Conv2d(3, 4, 3), torch.ones(1, 3, 8, 8)), "scripted_lstm": lambda: torch.jit.script(nn.LSTM(4, 5)), "scripted_frozen": lambda: torch.jit.freeze(torch.jit.script(Net().eval())), "scripted_tr": lambda: torch.jit.script(nn.TransformerEncoderLayer(8, 2, 16))}.items():
    try: script(name, f())
    except Exception as e: print("skip", name, repr(e)[:90])
try:
    torch.export.save(torch.export.export(Net().eval(), (torch.ones(2, 4),)), f"{OUT}/exported.pt2"); N += 1
except Exception as e: print("skip export", repr(e)[:90])
print(N)
