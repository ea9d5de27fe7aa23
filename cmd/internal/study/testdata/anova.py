"""Sums of squares of factorial designs by another way than anova.go: exact least squares in rational numbers.

The sum of squares of a term is what the regression gains when its columns (indicators of every combination of its
levels) are added to those of all its proper subsets; Gaussian elimination on the normal equations, fractions alone.
Writes anova.json beside itself. Python 3, no packages.

battery: Montgomery, Design and Analysis of Experiments, 8th edition, table 5.1 (life in hours; material × temperature),
whose analysis is table 5.5 there: 10,683.72, 39,118.72, 9,613.78, error 18,230.75, total 77,646.97.
filtration: table 6.10 there, a 2⁴ design observed once (temperature, pressure, concentration, stirring), whose sums of
squares are in table 6.12: A 1870.56, C 390.0625, D 855.5625, AC 1314.06, AD 1105.56, total 5730.94.
made: 2×3×2 with three observations, of a linear congruential generator.
"""
import itertools, json, os
from fractions import Fraction as F

def rss_gain(columns, y):
    """Regression sum of squares of y on columns, about zero."""
    n = len(columns)
    dot = lambda u, v: sum(p * q for p, q in zip(u, v))
    a = [[dot(columns[i], columns[j]) for j in range(n)] + [dot(columns[i], y)] for i in range(n)]
    b, row = [r[n] for r in a], 0
    pivots = []
    for col in range(n):
        k = next((r for r in range(row, n) if a[r][col] != 0), None)
        if k is None:
            continue
        a[row], a[k] = a[k], a[row]
        a[row] = [v / a[row][col] for v in a[row]]
        for r in range(n):
            if r != row and a[r][col] != 0:
                f = a[r][col]
                a[r] = [v - f * w for v, w in zip(a[r], a[row])]
        pivots.append(col)
        row += 1
    beta = [F(0)] * n
    for r, col in enumerate(pivots):
        beta[col] = a[r][n]
    return sum(p * q for p, q in zip(beta, b))

def analyse(levels, cells):
    points, y = [], []
    for combo, values in zip(itertools.product(*map(range, levels)), cells):
        for v in values:
            points.append(combo)
            y.append(F(v))
    def columns(subsets):
        out = []
        for s in subsets:
            for combo in itertools.product(*(range(levels[f]) for f in s)):
                out.append([F(1) if all(p[f] == c for f, c in zip(s, combo)) else F(0) for p in points])
        return out
    k = len(levels)
    terms = {}
    for size in range(1, k + 1):
        for s in itertools.combinations(range(k), size):
            proper = [t for n in range(size) for t in itertools.combinations(s, n)]
            gain = rss_gain(columns(proper + [s]), y) - rss_gain(columns(proper), y)
            terms['×'.join('ABCDEFGH'[f] for f in s)] = float(gain)
    mean = sum(y) / len(y)
    total = sum((v - mean) ** 2 for v in y)
    every = [t for n in range(k + 1) for t in itertools.combinations(range(k), n)]
    noise = sum(v * v for v in y) - rss_gain(columns([every[-1]]), y)
    return {'levels': levels, 'cells': cells, 'ss': terms, 'noise': float(noise), 'total': float(total)}

def made(levels, replicates):
    state, cells = 12345, []
    for _ in itertools.product(*map(range, levels)):
        cell = []
        for _ in range(replicates):
            state = (1103515245 * state + 12345) % 2**31
            cell.append(state >> 21)
        cells.append(cell)
    return cells

battery = [[130, 155, 74, 180], [34, 40, 80, 75], [20, 70, 82, 58],
           [150, 188, 159, 126], [136, 122, 106, 115], [25, 70, 58, 45],
           [138, 110, 168, 160], [174, 120, 150, 139], [96, 104, 82, 60]]
standard = [45, 71, 48, 65, 68, 60, 80, 65, 43, 100, 45, 104, 75, 86, 70, 96]  # A runs fastest there
filtration = [[standard[a + 2 * b + 4 * c + 8 * d]] for a, b, c, d in itertools.product(range(2), repeat=4)]
out = {'battery': analyse([3, 3], battery), 'filtration': analyse([2, 2, 2, 2], filtration),
       'made': analyse([2, 3, 2], made([2, 3, 2], 3))}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'anova.json'), 'w') as f:
    json.dump(out, f, indent=1, ensure_ascii=False)
    f.write('\n')
