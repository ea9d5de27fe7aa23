"""Trains a 784-30-10 network on MNIST in plain numpy, as a stranger would, and saves it as digits.npz.

    python3 digits.py FOLDER-OF-THE-FOUR-MNIST-GZ-FILES

Column vectors and Out×In weights as in Nielsen's network2.py, W1 b1 W2 b2, float16 so that the file is small.
digits.json holds what numpy computes with the saved numbers: the accuracy on the 10,000 test images and the outputs for
the image x[p] = (7p mod 256)/255.
"""
import gzip
import json
import os
import sys

import numpy as np


def idx(name, offset):
    with gzip.open(os.path.join(sys.argv[1], name)) as f:
        return np.frombuffer(f.read(), np.uint8, offset=offset)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(layers, x):
    for w, b in layers:
        x = sigmoid(w @ x + b)
    return x


x = idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 784).T / 255.0
y = np.eye(10)[idx("train-labels-idx1-ubyte.gz", 8)].T
tx = idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 784).T / 255.0
ty = idx("t10k-labels-idx1-ubyte.gz", 8)

rng = np.random.default_rng(30)
sizes = [784, 30, 10]
layers = [[rng.standard_normal((m, n)) / np.sqrt(n), rng.standard_normal((m, 1))] for n, m in zip(sizes, sizes[1:])]
eta, lmbda, batch = 0.5, 5.0, 10
for epoch in range(4):
    order = rng.permutation(x.shape[1])
    for i in range(0, len(order), batch):
        k = order[i : i + batch]
        activations = [x[:, k]]
        for w, b in layers:
            activations.append(sigmoid(w @ activations[-1] + b))
        delta = activations[-1] - y[:, k]  # cross-entropy
        for l in (1, 0):
            w, b = layers[l]
            a = activations[l]
            below = (w.T @ delta) * a * (1 - a) if l else None
            layers[l][0] = (1 - eta * lmbda / x.shape[1]) * w - eta / batch * delta @ a.T
            layers[l][1] = b - eta / batch * delta.sum(1, keepdims=True)
            delta = below
    print(epoch + 1, (forward(layers, tx).argmax(0) == ty).mean())

saved = [[np.float16(w), np.float16(b)] for w, b in layers]
np.savez_compressed("digits.npz", W1=saved[0][0], b1=saved[0][1], W2=saved[1][0], b2=saved[1][1])
layers = [[np.float64(w), np.float64(b)] for w, b in saved]
ramp = (7 * np.arange(784) % 256).reshape(-1, 1) / 255.0
with open("digits.json", "w") as f:
    json.dump(
        {"accuracy": (forward(layers, tx).argmax(0) == ty).mean(),
         "ramp": forward(layers, ramp).ravel().tolist()}, f, indent=1
    )
    f.write("\n")
