#!/usr/bin/env python3
"""Writes reference.json: small random networks, and what numpy says that package inspect should find in them.

Nothing here follows the package's way of computing. Derivatives are complex steps, F(x + ih).imag / h, not backward
passes; the covariance is formed; a neuron is ablated by running the network again without it.

    python3 reference.py > reference.json
"""
import json
import numpy as np

rng = np.random.default_rng(20)
HEIGHT, WIDTH, CLASSES, IMAGES = 3, 4, 3, 40
INPUTS = HEIGHT * WIDTH


def act(name, z):
    if name == "sigmoid":
        return 1 / (1 + np.exp(-z))
    if name == "tanh":
        return np.tanh(z)
    if name == "relu":
        return np.where(z.real > 0, z, 0)
    if name == "softmax":
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)
    return z


class Net:
    def __init__(self, sizes, acts, loss):
        self.sizes, self.acts, self.loss = sizes, acts, loss
        self.W = [rng.normal(0, 4 / np.sqrt(m), (m, n)).astype(np.float32) for m, n in zip(sizes, sizes[1:])]
        self.b = [rng.normal(0, 0.5, n).astype(np.float32) for n in sizes[1:]]

    def run(self, a, first=0, fix=None):
        """z and a of layers first..., from what layer first reads; fix = (layer, {unit: value})."""
        zs, activations = [], []
        for l in range(first, len(self.W)):
            z = a @ self.W[l].astype(float) + self.b[l].astype(float)
            a = z if l == len(self.W) - 1 and np.iscomplexobj(z) else act(self.acts[l], z)
            if fix and fix[0] == l:
                a = a.copy()
                for j, v in fix[1].items():
                    a[:, j] = v
            zs.append(z)
            activations.append(a)
        return zs, activations


def jacobian(f, x):
    """Rows ∂f/∂x_i by complex steps."""
    rows = []
    for i in range(len(x)):
        step = x.astype(complex)
        step[i] += 1e-30j
        rows.append(f(step).imag / 1e-30)
    return np.array(rows)


def lrp(net, x, layer, weights, eps):
    zs, activations = net.run(x)
    relevance = weights * zs[layer]
    for l in range(layer, -1, -1):
        read = x if l == 0 else activations[l - 1]
        W = net.W[l].astype(float)
        out = np.zeros(len(read))
        for j, z in enumerate(zs[l]):
            for i, a in enumerate(read):
                out[i] += a * W[i, j] / (z + (eps if z >= 0 else -eps)) * relevance[j]
        relevance = out
    return relevance


def accuracy(net, zs, labels):
    hit = zs[-1].argmax(axis=1) == labels
    return hit.mean(), np.array([hit[labels == k].mean() for k in range(CLASSES)])


def variation(x):
    im = x.reshape(HEIGHT, WIDTH)
    dx, dy = np.zeros_like(im), np.zeros_like(im)
    dx[:, :-1] = im[:, 1:] - im[:, :-1]
    dy[:-1] = im[1:] - im[:-1]
    return (np.sqrt(dx**2 + dy**2 + 0.05**2) - 0.05).sum()


def case(net, images):
    X = images / 255.0
    # Or one class would win everywhere; the steps decide when all neurons are at their means.
    net.b[-1] -= (net.run(X)[0][-1].mean(axis=0) - [0.1, 0.2, 0]).astype(np.float32)
    zs, activations = net.run(X)
    labels = np.where(rng.random(IMAGES) < 0.7, zs[-1].argmax(axis=1), rng.integers(0, CLASSES, IMAGES))
    x = X[7]
    logits = lambda v: net.run(v)[0][-1]
    r = {"sizes": net.sizes, "activations": net.acts, "loss": net.loss, "labels": labels,
         "params": [t.ravel() for pair in zip(net.W, net.b) for t in pair]}
    r["z"], r["a"] = [z[7] for z in zs], [a[7] for a in activations]

    hidden = len(net.W) - 1
    r["why"] = []
    for layer in range(hidden):
        J = jacobian(lambda a: net.run(a, layer + 1)[0][-1], activations[layer][7])
        a, m = activations[layer][7], activations[layer].mean(axis=0)
        e = (J * a[:, None]).T
        r["why"].append({"mean": m, "evidence": e, "centred": (J * (a - m)[:, None]).T,
                         "rest": logits(x) - e.sum(axis=1)})
    r["product"] = x * net.W[0][:, 2].astype(float)

    plain, sloped = np.eye(INPUTS), np.eye(INPUTS)
    r["slopes"] = []
    for l in range(hidden + 1):
        plain, sloped = plain @ net.W[l].astype(float), sloped @ net.W[l].astype(float)
        if l < hidden:
            step = act(net.acts[l], zs[l] + 1e-30j).imag / 1e-30
            r["slopes"].append(step.mean(axis=0))
            sloped = sloped @ np.diag(r["slopes"][-1])
    r["templates"], r["sloped"], r["local"] = plain.T, sloped.T, jacobian(logits, x).T
    t = np.array([0.0, 1.0, -1.0])
    F = lambda v: logits(v) @ t
    base = X[3]
    r["gradient_input"] = x * jacobian(F, x)
    r["integrated"] = (x - base) * np.mean([jacobian(F, base + (i + 0.5) / 128 * (x - base)) for i in range(128)],
                                            axis=0)
    r["integrated_whole"] = F(x) - F(base)
    r["lrp"] = lrp(net, x, hidden, t, 0.02)
    r["neuron_lrp"] = lrp(net, x, 0, np.eye(net.sizes[1])[1], 0.02)
    rank = lambda v: np.array([np.mean(np.where(np.sort(v) == u)[0]) for u in v])
    ink = x != 0
    g, l = np.float32(r["gradient_input"])[ink], np.float32(r["lrp"])[ink]
    r["alike"] = [np.corrcoef(g, l)[0, 1], np.corrcoef(rank(g), rank(l))[0, 1],
                  np.corrcoef(rank(abs(g)), rank(abs(l)))[0, 1]]

    sigma = np.cov(X.T, bias=True)
    r["pattern"] = (sigma @ net.W[0].astype(float)).T
    rate = activations[0] - np.minimum(0, activations[0].min(axis=0))
    r["triggered"] = (rate.T @ X) / rate.sum(axis=0)[:, None] - X.mean(axis=0)
    r["deep_pattern"] = (X - X.mean(axis=0)).T @ (zs[hidden - 1] - zs[hidden - 1].mean(axis=0)) / IMAGES
    r["deep_pattern"] = r["deep_pattern"].T
    r["quantiles"] = np.quantile(np.float32(zs[0][:, 1]), [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1])
    r["sd"] = zs[0][:, 1].std()

    r["accuracy"], r["recall"] = accuracy(net, zs, labels)
    r["ablation"] = []
    for layer in range(hidden):
        m = activations[layer].mean(axis=0)
        alone = [accuracy(net, net.run(X, fix=(layer, {j: m[j]}))[0], labels) for j in range(len(m))]
        order = list(rng.permutation(len(m)))
        together = [accuracy(net, net.run(X, fix=(layer, {j: m[j] for j in order[:n]}))[0], labels)[0]
                    for n in range(len(m) + 1)]
        r["ablation"].append({"lost": [r["accuracy"] - o[0] for o in alone],
                              "class": [r["recall"] - o[1] for o in alone],
                              "order": order, "curve": together})
    means = np.array([activations[0][labels == k].mean(axis=0) for k in range(CLASSES)])
    if net.acts[0] == "tanh":
        means = (means + 1) / 2
    top = means.max(axis=0)
    rest = np.array([np.delete(c, c.argmax()).mean() for c in means.T])
    r["selectivity"] = np.where(top + rest == 0, 0, (top - rest) / np.where(top + rest == 0, 1, top + rest))

    # the prior, and the image that it allows neuron 1, at radius 2; Σ is inverted to measure that radius
    mu, w = X.mean(axis=0), net.W[0][:, 1].astype(float)
    dev = X - mu
    gram = dev @ dev.T
    off = gram[~np.eye(IMAGES, dtype=bool)]
    r["prior"] = {"variance": np.trace(sigma), "dimension": np.trace(sigma) ** 2 / (off**2).mean(),
                  "variation": np.mean([variation(v) for v in X])}
    free = mu + sigma @ w / (np.sqrt(w @ sigma @ w) / 2)
    assert abs((free - mu) @ np.linalg.pinv(sigma) @ (free - mu) - 4) < 1e-9
    r["dream"] = {"free": free, "at_free": free @ w + net.b[0][1], "at_mean": mu @ w + net.b[0][1],
                  "image": np.clip(free, 0, 1)}

    wrong = np.where(zs[-1].argmax(axis=1) != labels)[0]
    out = activations[-1]
    y = np.eye(CLASSES)[labels]
    if net.loss == "quadratic":
        loss = ((out - y) ** 2).sum(axis=1) / 2
    elif net.acts[-1] == "softmax":
        loss = -np.log(out[y == 1])
    else:
        loss = -(y * np.log(out) + (1 - y) * np.log(1 - out)).sum(axis=1)
    r["mistakes"] = sorted(wrong, key=lambda i: -loss[i])
    r["losses"] = loss[r["mistakes"]]
    return r


def plain(v):
    if isinstance(v, dict):
        return {k: plain(u) for k, u in v.items()}
    if isinstance(v, (list, tuple, np.ndarray)):
        return [plain(u) for u in v]
    if isinstance(v, (np.floating, float)):
        return float(v)
    if isinstance(v, (np.integer, int)):
        return int(v)
    return v


images = rng.integers(0, 256, (IMAGES, INPUTS)) * (rng.random((IMAGES, INPUTS)) < 0.6)
nets = [
    Net([INPUTS, 6, CLASSES], ["sigmoid", "sigmoid"], "quadratic"),
    Net([INPUTS, 5, CLASSES], ["relu", "softmax"], "cross-entropy"),
    Net([INPUTS, 7, 5, CLASSES], ["tanh", "sigmoid", "sigmoid"], "cross-entropy"),
    Net([INPUTS, 6, 4, 5, CLASSES], ["sigmoid", "relu", "tanh", "softmax"], "cross-entropy"),
]
doc = {"height": HEIGHT, "width": WIDTH, "images": images.ravel(), "nets": [case(n, images) for n in nets]}
print("{" + ",\n".join(f"{json.dumps(k)}: {json.dumps(plain(v))}" for k, v in doc.items()) + "}")
