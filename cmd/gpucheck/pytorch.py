"""Trains with PyTorch for gpucheck: answers each line of JSON that it reads with one.

python3 pytorch.py FOLDER DEVICE, with the images and labels as bytes in FOLDER. They are on the device (cuda:0,
cpu), the images as float32, before the first line is read; every epoch has a new random order, drawn on the device, of
whole batches.

{"do": "make", "how", "sizes", "hidden", "batch", "lr", "precision"} → {"case": number}
{"do": "stack", "how", "networks", "sizes", "hidden", "batch", "lr"} →
    {"case": number}, which trains in steps, not epochs
{"do": "train", "case", "epochs"} → {"seconds"}, {"do": "accuracy", "case"} → {"accuracy"}, {"do": "drop", "case"} → {}
{"do": "peak", "precision"} → {"gflops"}; and {"error": text} when one of them fails.
"""
import json
import os
import sys
import time

answers = os.fdopen(os.dup(1), "w")  # what libraries print goes to stderr
os.dup2(2, 1)


def answer(**what):
    answers.write(json.dumps(what) + "\n")
    answers.flush()


folder, device = sys.argv[1], sys.argv[2]
on_card = device.startswith("cuda")
try:
    import torch
    from torch import nn
    from torch.nn import functional as f
except ImportError as e:
    answer(error=f"no PyTorch: {e}")
    sys.exit(0)
if on_card and not torch.cuda.is_available():
    answer(error=f"PyTorch {torch.__version__} cannot use the card")
    sys.exit(0)
if on_card:
    torch.cuda.set_device(device)


def read(name):
    with open(os.path.join(folder, name), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8).to(device)


def images(name, labels):
    return read(name).view(len(labels), -1).float() / 255


labels, test_labels = read("train-labels").long(), read("test-labels").long()
inputs, test_inputs = images("train-images", labels), images("test-images", test_labels)


def synchronize():
    if on_card:
        torch.cuda.synchronize()


def set_precision(precision):
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"


def network(sizes, hidden):
    found = []
    for i in range(len(sizes) - 1):
        found.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            found.append(nn.ReLU() if hidden == "relu" else nn.Sigmoid())
    return nn.Sequential(*found).to(device)


def recorded(step, rows):
    """A step that replays step as it was recorded with some rows, as PyTorch's documentation of CUDA graphs shows."""
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step(rows)
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step(rows)

    def replay(some):
        rows.copy_(some)
        graph.replay()

    return replay


class Case:
    def __init__(self, how, sizes, hidden, batch, lr, precision):
        torch.manual_seed(1)
        self.batch, self.precision = batch, precision
        set_precision(precision)
        self.net = network(sizes, hidden)
        self.update = torch.optim.SGD(self.net.parameters(), lr=lr)
        self.loss = self.plain_loss
        if how == "compile":
            torch._dynamo.reset()
            self.loss = torch.compile(self.plain_loss)
        self.run = self.step
        if how == "CUDA graphs":
            self.record()

    def plain_loss(self, x, y):
        return f.cross_entropy(self.net(x), y)

    def step(self, rows):
        self.update.zero_grad(set_to_none=True)
        x, y = inputs.index_select(0, rows), labels.index_select(0, rows)
        # Weights stay float32. A recording must make its own copies of them, so it cannot take them from a cache.
        with torch.autocast(device.split(":")[0], dtype=torch.bfloat16, enabled=self.precision == "bf16",
                            cache_enabled=False):
            loss = self.loss(x, y)
        loss.backward()
        self.update.step()

    def record(self):
        self.run = recorded(self.step, torch.arange(self.batch, device=device))

    def train(self, epochs):
        set_precision(self.precision)
        synchronize()
        began = time.perf_counter()
        for _ in range(epochs):
            order = torch.randperm(len(inputs), device=device)
            for i in range(0, len(inputs) // self.batch * self.batch, self.batch):
                self.run(order[i:i + self.batch])
        synchronize()
        return time.perf_counter() - began

    def accuracy(self):
        with torch.no_grad():
            return (self.net(test_inputs).argmax(1) == test_labels).float().mean().item()


class Stack:
    """Networks whose parameters are stacked, as PyTorch's documentation of model ensembling shows; each has its own
    order."""

    def __init__(self, how, networks, sizes, hidden, batch, lr):
        try:
            from torch.func import functional_call, grad, vmap
        except ModuleNotFoundError:  # before 2.0
            from functorch import grad, vmap
            from torch.nn.utils.stateless import functional_call
        torch.manual_seed(1)
        set_precision("fp32")
        self.networks, self.batch, self.lr = networks, batch, lr
        nets = [network(sizes, hidden) for _ in range(networks)]
        all = [dict(n.named_parameters()) for n in nets]
        self.parameters = {name: torch.stack([a[name].detach() for a in all]) for name in all[0]}
        one = nets[0]
        self.grads = vmap(grad(lambda p, x, y: f.cross_entropy(functional_call(one, p, (x,)), y)))
        self.run = self.step
        if how == "vmap, CUDA graphs":
            self.record()

    def step(self, rows):
        some = rows.flatten()
        x = inputs.index_select(0, some).view(self.networks, self.batch, -1)
        y = labels.index_select(0, some).view(self.networks, self.batch)
        gradients = self.grads(self.parameters, x, y)
        for name, p in self.parameters.items():
            p.sub_(gradients[name], alpha=self.lr)

    def record(self):
        rows = torch.arange(self.networks * self.batch, device=device).view(self.networks, -1) % len(inputs)
        self.run = recorded(self.step, rows)

    def train(self, steps):
        set_precision("fp32")
        synchronize()
        began = time.perf_counter()
        order = torch.stack([torch.randperm(len(inputs), device=device) for _ in range(self.networks)])
        for i in range(steps):
            self.run(order[:, i * self.batch:(i + 1) * self.batch])
        synchronize()
        return time.perf_counter() - began

    def accuracy(self):
        """Of the first network."""
        with torch.no_grad():
            x = test_inputs
            for i in range(len(self.parameters) // 2):
                x = torch.sigmoid(x) if i else x
                x = f.linear(x, self.parameters[f"{2 * i}.weight"][0], self.parameters[f"{2 * i}.bias"][0])
            return (x.argmax(1) == test_labels).float().mean().item()


def peak(precision, n=8192):
    set_precision(precision)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a, b = torch.randn(n, n, device=device, dtype=dtype), torch.randn(n, n, device=device, dtype=dtype)
    best = 0.0
    for i in range(8):
        synchronize()
        began = time.perf_counter()
        a @ b
        synchronize()
        if i > 2:  # the first warm up
            best = max(best, 2 * n ** 3 / (time.perf_counter() - began) / 1e9)
    return best


def do(request):
    what = request.pop("do")
    if what == "make":
        cases.append(Case(**request))
        return {"case": len(cases) - 1}
    if what == "stack":
        cases.append(Stack(**request))
        return {"case": len(cases) - 1}
    if what == "peak":
        return {"gflops": peak(**request)}
    case = request.pop("case")
    if what == "train":
        return {"seconds": cases[case].train(**request)}
    if what == "accuracy":
        return {"accuracy": cases[case].accuracy()}
    cases[case] = None
    return {}


cases = []
answer(version=torch.__version__)
for line in sys.stdin:
    try:
        answer(**do(json.loads(line)))
    except Exception as e:  # whatever PyTorch says becomes the answer
        answer(error=f"{type(e).__name__}: {str(e).strip() or 'no reason given'}".splitlines()[0])
