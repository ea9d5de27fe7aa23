"""Writes small networks in the ways that people save them, all with the same numbers: see small below.

    python3 small.py

small.json is written as Nielsen's network2.py does it in Network.save. small-numbers.json holds the weights In×Out, and
what numpy computes for the input 0, 1/5, …, 1.
"""
import json

import numpy as np

rng = np.random.default_rng(5)
sizes = [6, 4, 3]
biases = [rng.standard_normal((m, 1)) for m in sizes[1:]]
weights = [rng.standard_normal((m, n)) for n, m in zip(sizes, sizes[1:])]  # Out×In

data = {
    "sizes": sizes,
    "weights": [w.tolist() for w in weights],
    "biases": [b.tolist() for b in biases],
    "cost": "CrossEntropyCost",
}
with open("small.json", "w") as f:
    json.dump(data, f)

(w1, w2), (b1, b2) = weights, biases
np.savez("small-columns.npz", W1=w1, b1=b1, W2=w2, b2=b2)  # as Nielsen: Out×In, biases n×1
# as Keras: Fortran order
np.savez("small-rows.npz", weights_0=w1.T, biases_0=b1.ravel(), weights_1=w2.T, biases_1=b2.ravel())
# arr_0, arr_1, …
np.savez_compressed("small-unnamed.npz", np.float32(w1), np.float32(w2), np.float32(b1), np.float32(b2))
np.savez("small-state.npz",
    **{"fc1.weight": w1, "fc1.bias": b1.ravel(), "out.weight": w2, "out.bias": b2.ravel(), "epoch": 7})
np.savez("small-big-endian.npz", W1=w1.astype(">f8"), b1=b1.astype(">f4"), W2=w2.astype(">f4"), b2=b2.astype(">f8"))

# What neuroloupe export --npz must write, array for array.
f4 = [np.float32(a) for a in (w1.T.copy(), b1.ravel(), w2.T.copy(), b2.ravel())]
np.savez("small-float32.npz", W1=f4[0], b1=f4[1], W2=f4[2], b2=f4[3])

# Two square layers: only the names can tell which way round they are.
square = [rng.standard_normal((3, 3)) for _ in range(2)]
np.savez("square.npz", W1=square[0], b1=np.zeros(3), W2=square[1], b2=np.zeros(3))
np.savez("square-state.npz",
    **{"a1.weight": square[0], "a1.bias": np.zeros(3), "a2.weight": square[1], "a2.bias": np.zeros(3)})

# Float16 bit patterns of every exponent, the smallest and the largest with them, and their values.
half = np.arange(0, 1 << 16, 257, dtype=np.uint16).view(np.float16)
np.savez_compressed("half.npz", half=half, single=np.float32(half))


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


x = np.arange(6).reshape(-1, 1) / 5
for w, b in zip(weights, biases):
    x = sigmoid(w @ x + b)
numbers = {
    "weights": [w.T.ravel().tolist() for w in weights],
    "biases": [b.ravel().tolist() for b in biases],
    "outputs": x.ravel().tolist(),
    "square_first": square[0].ravel().tolist(),
}
with open("small-numbers.json", "w") as f:
    json.dump(numbers, f, indent=1)
    f.write("\n")
