// Why the network answers as it does for an image.
const account = {kind: 'evidence', for: -1};
let outWeights = null;

const lastLayer = () => doc.layers[doc.layers.length - 1];

// evidence returns what each neuron of the last hidden layer adds to an output: W[j,k]·a_j, or W[j,k]·(a_j − E a_j).
function evidence(w, k) {
  outWeights = outWeights || floats(doc.output.weights);
  const a = floats(w.hidden[w.hidden.length - 1]), classes = doc.classes.length, mean = lastLayer().mean;
  return Array.from(a, (v, j) => outWeights[j * classes + k] * (v - (account.kind === 'centred' ? mean[j] : 0)));
}

function whyThumb(w, i) {
  const right = w.label === w.predicted;
  return el('li', {}, el('a', {href: `#why-${i}`, 'aria-current': i === current.why ? 'true' : null,
    'aria-label': `test image ${w.image}, ${className(w.label)}${right ? '' : ` taken for ${className(w.predicted)}`}`},
  canvas(c => paintInk(c, bytes(w.pixels)), {class: 'ink'}), right ? className(w.label) : `${className(w.label)} as ${className(w.predicted)}`));
}

function buildWhy() {
  const w = doc.why[current.why];
  if (!w) {
    $('why-page').replaceChildren(el('p', {}, 'No image was chosen.'));
    return;
  }
  const all = doc.why.map((x, i) => [x, i]), k = account.for < 0 ? w.predicted : account.for;
  const not = current.against >= 0 && current.against !== k ? current.against : -1;
  const page = [
    el('div', {class: 'columns'},
      el('div', {}, el('h3', {}, 'Right: the first of each class'), el('ul', {class: 'thumbs'}, all.filter(([x]) => x.label === x.predicted).map(([x, i]) => whyThumb(x, i)))),
      el('div', {}, el('h3', {}, 'Wrong: the worst mistakes'), el('ul', {class: 'thumbs'}, all.filter(([x]) => x.label !== x.predicted).map(([x, i]) => whyThumb(x, i))))),
    el('p', {class: 'caption'}, 'The words: ', word('logit', 's'), ', ', word('activation', 'a'), ', ', word('evidence'), ', ', word('centred evidence'), ', ', word('contrast'), '.'),
    el('h3', {id: 'why-name', tabindex: -1}, `Test image ${w.image}: ${className(w.label)}, ${w.label === w.predicted ? 'and so says the network' : `but the network says ${className(w.predicted)}`}`),
    el('div', {class: 'row'},
      el('figure', {class: 'map'}, canvas(c => paintInk(c, bytes(w.pixels))), el('figcaption', {}, `The input, ${doc.rows}×${doc.cols} pixels`)),
      w.hidden.map((h, i) => hiddenGrid(doc.layers[i], floats(h))),
      el('div', {style: {flex: '1 1 18rem'}}, bars(`The outputs (${doc.output.activation}), and before that the sums s`,
        doc.classes.map((name, i) => ({name: `${name}   s ${fixed(w.logits[i])}`, value: w.outputs[i], marked: i === w.predicted})), v => fixed(v, 3)))),
  ];
  page.push(el('div', {class: 'tools'},
    select('What speaks for ', doc.classes.map((name, i) => [i, name]), k, v => { account.for = Number(v); buildWhy(); }),
    select('and not for ', [[-1, '–'], ...doc.classes.map((name, i) => [i, name])], not, v => { current.against = Number(v); buildWhy(); }),
    choice('account', 'Count', [['evidence', 'weight × a'], ['centred', 'weight × (a − its mean)']], account.kind, v => { account.kind = v; buildWhy(); })));
  page.push(...accountOf(w, k, not));
  rebuild($('why-page'), ...page);
}

// hiddenGrid draws a layer's activations as a grid of cells.
function hiddenGrid(l, a) {
  const across = Math.ceil(Math.sqrt(l.units)), down = Math.ceil(l.units / across), lo = l.range[0], hi = l.range[1];
  const paint = c => {
    c.width = across;
    c.height = down;
    const ctx = c.getContext('2d'), img = ctx.createImageData(across, down);
    a.forEach((v, j) => img.data.set([...Array(3).fill(ink(255 * Math.max(0, Math.min(1, (v - lo) / (hi - lo || 1))))), 255], 4 * j));
    ctx.putImageData(img, 0, 0);
  };
  const at = e => {
    const j = Math.floor(e.offsetY / e.target.clientHeight * down) * across + Math.floor(e.offsetX / e.target.clientWidth * across);
    return j >= 0 && j < l.units ? j : -1;
  };
  const read = el('span', {}, `Activations of hidden layer ${l.number}, neuron 0 first; no ink ${digits(lo)}, full ink ${digits(hi)}. Point at a cell.`);
  return el('figure', {class: 'map'}, canvas(paint, {width: across, height: down, class: 'hidden-grid',
    onpointermove: e => { if (at(e) >= 0) read.textContent = `Neuron ${neuronName(l, at(e))}: a = ${fixed(a[at(e)], 3)}, speaks for ${className(l.favourite[at(e)])}`; },
    onclick: e => { if (at(e) >= 0) location.hash = neuronLink(l, at(e)); }}), el('figcaption', {}, read));
}

// accountOf is the account of an output, or of the difference of two, with its sums.
function accountOf(w, k, not) {
  const l = lastLayer(), name = not < 0 ? `the output ${className(k)}` : `${className(k)} rather than ${className(not)}`;
  const e = evidence(w, k);
  if (not >= 0) evidence(w, not).forEach((v, j) => { e[j] -= v; });
  const order = descending(e), shown = Math.min(8, l.units), a = floats(w.hidden[w.hidden.length - 1]);
  const end = Math.max(...e.map(Math.abs), 0), row = j => ({name: `neuron ${neuronName(l, j)}  (a = ${fixed(a[j])})`, value: e[j], link: neuronLink(l, j)});
  const out = [el('p', {class: 'sum', id: 'sum'}, sumText(w, k, not, e)),
    el('div', {class: 'columns'},
      bars(`For ${name}`, order.filter(j => e[j] > 0).slice(0, shown).map(row), v => fixed(v, 3), [end]),
      bars(`Against ${name}`, order.slice().reverse().filter(j => e[j] < 0).slice(0, shown).map(row), v => fixed(v, 3), [-end]))];
  if (doc.layers.length === 1) {
    out.push(el('h4', {}, 'From the pixels to the strongest of them'), el('div', {class: 'cards'},
      [...new Set([...order.slice(0, 4), ...order.slice(-2)])].map(j => equation(w, l, j, a[j], e[j], name))));
    out.push(el('p', {class: 'caption'}, `Over all neurons, Σ x·w + b differs from the z that the program computes by at most ${digits(w.neuron_error, 2)}.`));
  }
  return out;
}

function sumText(w, k, not, e) {
  const l = lastLayer(), total = e.reduce((x, v) => x + v, 0);
  const bias = doc.output.bias[k] - (not < 0 ? 0 : doc.output.bias[not]), s = w.logits[k] - (not < 0 ? 0 : w.logits[not]);
  const what = not < 0 ? `s of ${className(k)}` : `s of ${className(k)} less s of ${className(not)}`;
  if (account.kind === 'centred') {
    const w2 = j => outWeights[j * doc.classes.length + k] - (not < 0 ? 0 : outWeights[j * doc.classes.length + not]);
    const rest = bias + range(l.units).reduce((x, j) => x + w2(j) * l.mean[j], 0);
    return `Σ over ${count(l.units, 'neuron')} = ${fixed(total, 4)}; with what the mean activations give, ${fixed(rest, 4)}, that is ${fixed(total + rest, 4)}; the network computes ${what} = ${fixed(s, 4)}.`;
  }
  return `Σ over ${count(l.units, 'neuron')} = ${fixed(total, 4)}; with the bias ${fixed(bias, 4)} that is ${fixed(total + bias, 4)}; the network computes ${what} = ${fixed(s, 4)}.`;
}

// equation is input × map = product, its sum, and what becomes of it.
function equation(w, l, j, a, e, name) {
  const x = bytes(w.pixels), map = views(l).raw.values(j), product = map.map((v, p) => v * x[p] / 255), z = floats(w.z)[j];
  const op = t => el('span', {class: 'op', 'aria-hidden': 'true'}, t);
  return el('div', {class: 'equation'},
    el('figure', {class: 'map'}, canvas(c => paintInk(c, x)), el('figcaption', {}, 'input x')), op('×'),
    mapFigure(map, largest(map), ['raw map of ', el('a', {href: neuronLink(l, j)}, neuronName(l, j)), ` ±${digits(largest(map))}`], '6rem'), op('='),
    mapFigure(product, largest(product), `x·w ±${digits(largest(product))}`, '6rem'),
    el('p', {class: 'sum'}, `Σ x·w ${fixed(z - l.bias[j], 3)} + bias ${fixed(l.bias[j], 3)} = z ${fixed(z, 3)}, so a\u00a0=\u00a0${fixed(a, 3)}, which gives ${fixed(e, 3)} to ${name}.`));
}
