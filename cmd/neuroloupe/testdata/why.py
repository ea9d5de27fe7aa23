"""Computes in numpy what neuroloupe why says of the image x[p] = (7p mod 256)/255 in the network of
../../internal/exchange/testdata/digits.npz, and writes why.json.

    python3 why.py
"""
import json
import os

import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
net = np.load(os.path.join(here, "..", "internal", "netfile", "testdata", "digits.npz"))
w1, b1, w2, b2 = (net[k].astype(np.float64) for k in ("W1", "b1", "W2", "b2"))  # Out×In
b1, b2 = b1.ravel(), b2.ravel()

x = (7 * np.arange(784) % 256) / 255
z = w1 @ x + b1
a = 1 / (1 + np.exp(-z))
evidence = w2 * a  # classes × neurons
logits = evidence.sum(axis=1) + b2

with open(os.path.join(here, "why.json"), "w") as f:
    json.dump({
        "z": z.tolist(), "a": a.tolist(), "evidence": evidence.tolist(), "logits": logits.tolist(),
        "product7": (w1[7] * x).tolist(), "contrast": (evidence[logits.argmax()] - evidence[5]).tolist(),
        "predicted": int(logits.argmax()),
    }, f)
