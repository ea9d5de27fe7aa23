"""One peer of the benchmark: trains an epoch for each line it reads and prints a line of JSON for it.

python3 peers.py FOLDER PEER TASK BATCH THREADS, with the four unpacked IDX files in FOLDER. Tasks and learning rates
are those of main.go. The images are float32 in memory before the first line is read; every epoch has a new random
order.
"""
import json
import os
import sys
import time

folder, peer, task, batch, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
lr = float(sys.argv[6])
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(threads)
import numpy as np  # noqa: E402  (after the thread counts)


def images(name):
    raw = np.fromfile(os.path.join(folder, name), dtype=np.uint8)
    return raw[16:].reshape(-1, 784).astype(np.float32) / 255


def labels(name):
    return np.fromfile(os.path.join(folder, name), dtype=np.uint8)[8:].astype(np.int64)


x, y = images("train-images-idx3-ubyte"), labels("train-labels-idx1-ubyte")
xt, yt = images("t10k-images-idx3-ubyte"), labels("t10k-labels-idx1-ubyte")
momentum = 0.0 if task == "quadratic" else 0.9
sizes = [784, 1024, 1024, 10] if task == "large" else [784, 100, 10]


def torch_peer(by_hand):
    import torch
    from torch import nn
    from torch.nn import functional as f

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)
    onehot = f.one_hot(targets, 10).float()
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if task != "large":
            nn.init.normal_(layers[-1].weight, std=sizes[i] ** -0.5)
        if i < len(sizes) - 2:
            layers.append(nn.ReLU() if task == "large" else nn.Sigmoid())
    if task == "quadratic":
        layers.append(nn.Sigmoid())
    net = nn.Sequential(*layers)

    def accuracy():
        with torch.no_grad():
            return (net(torch.from_numpy(xt)).argmax(1) == torch.from_numpy(yt)).float().mean().item()

    if not by_hand:
        update = torch.optim.SGD(net.parameters(), lr=lr, momentum=momentum)

        def step(rows):
            update.zero_grad(set_to_none=True)
            out = net(inputs.index_select(0, rows))
            if task == "quadratic":
                loss = 0.5 * f.mse_loss(out, onehot.index_select(0, rows), reduction="sum") / len(rows)
            else:
                loss = f.cross_entropy(out, targets.index_select(0, rows))
            loss.backward()
            update.step()
    else:
        linear = [m for m in net if isinstance(m, nn.Linear)]
        weights, biases = [m.weight.data for m in linear], [m.bias.data for m in linear]
        vw, vb = [torch.zeros_like(w) for w in weights], [torch.zeros_like(b) for b in biases]

        @torch.no_grad()
        def step(rows):
            n, a = len(rows), [inputs.index_select(0, rows)]
            for i, (w, b) in enumerate(zip(weights, biases)):
                z = torch.addmm(b, a[-1], w.t())
                if i < len(weights) - 1:
                    z = z.relu_() if task == "large" else z.sigmoid_()
                a.append(z)
            if task == "quadratic":
                out = a[-1].sigmoid_()
                d = (out - onehot.index_select(0, rows)).mul_(out * (1 - out))
            else:
                d = torch.softmax(a[-1], 1).sub_(onehot.index_select(0, rows))
            for i in reversed(range(len(weights))):
                if i > 0:
                    below = d @ weights[i]
                    below.mul_(a[i] > 0 if task == "large" else a[i] * (1 - a[i]))
                if momentum == 0:
                    weights[i].addmm_(d.t(), a[i], alpha=-lr / n)
                    biases[i].add_(d.sum(0), alpha=-lr / n)
                else:
                    vw[i].addmm_(d.t(), a[i], beta=momentum, alpha=1 / n)
                    vb[i].mul_(momentum).add_(d.sum(0), alpha=1 / n)
                    weights[i].add_(vw[i], alpha=-lr)
                    biases[i].add_(vb[i], alpha=-lr)
                if i > 0:
                    d = below

    def epoch():
        order = torch.randperm(len(inputs))
        for i in range(0, len(inputs), batch):
            step(order[i:i + batch])

    return torch.__version__, epoch, accuracy


def sklearn_peer():
    import sklearn
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier(
        tuple(sizes[1:-1]), activation="relu" if task == "large" else "logistic", solver="sgd", alpha=0.0,
        batch_size=batch, learning_rate_init=lr, momentum=momentum, nesterovs_momentum=False, random_state=1)
    state = {"first": True}

    def epoch():
        net.partial_fit(x, y, classes=np.arange(10)) if state.pop("first", False) else net.partial_fit(x, y)

    return sklearn.__version__, epoch, lambda: float(net.score(xt, yt))


version, epoch, accuracy = sklearn_peer() if peer == "sklearn" else torch_peer(peer == "torch-by-hand")
print(json.dumps({"version": version}), flush=True)
for _ in sys.stdin:
    began = time.perf_counter()
    epoch()
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "accuracy": accuracy()}), flush=True)
