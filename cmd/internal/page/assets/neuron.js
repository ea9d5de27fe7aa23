// A neuron's page.
function buildNeuron() {
  const l = layer(), j = current.neuron, v = views(l), names = viewNames(l);
  const step = n => {
    const to = (j + n + l.units) % l.units;
    return el('button', {type: 'button', id: n < 0 ? 'previous' : 'next', 'aria-label': `${n < 0 ? 'previous' : 'next'}: neuron ${to}; this is ${j}`,
      onclick: () => { location.hash = neuronLink(l, to); }}, n < 0 ? '‹ previous' : 'next ›');
  };
  const size = n => largest(v[n].values(j)), both = Math.max(...['raw', 'init'].filter(n => v[n]).map(size));
  const limit = n => n === 'raw' || n === 'init' ? both : size(n); // raw and start are compared
  const caption = n => `${viewSays(l, n)}${n === 'init' && l.rho ? `; ρ = ${fixed(l.rho[j], 3)} of the raw map` : ''}; ±${digits(limit(n))}`;
  const page = [
    el('div', {class: 'tools'}, el('h3', {id: 'neuron-name', tabindex: -1}, `Neuron ${j} of hidden layer ${l.number}`), step(-1), step(1),
      el('label', {}, 'go to ', el('input', {type: 'number', min: 0, max: l.units - 1, value: j, onchange: e => {
        const n = Number(e.target.value);
        if (Number.isInteger(n) && n >= 0 && n < l.units) location.hash = neuronLink(l, n);
      }}))),
    el('p', {id: 'neuron-says'}, says(l, j) + '.'),
    el('div', {class: 'row'}, names.map(n => mapFigure(v[n].values(j), limit(n), [el('b', {}, word(viewText[n][0])), ` ${caption(n)}`])),
      v.pattern && mapFigure(v.pattern.values(j), largest(v.pattern.values(j)), [el('b', {}, word('pattern')),
        ` what it responds to, cov(x, z) over ${count(l.patterned, 'test image')}; ±${digits(largest(v.pattern.values(j)))}`])),
    el('div', {class: 'legend'}, legend(undefined, 'ink lowers it', 'ink raises it')),
  ];
  if (l.top) page.push(el('div', {class: 'columns'},
    el('div', {}, el('h4', {}, 'Test images with the largest z'), thumbs(l.top[j], l.top_z[j])),
    el('div', {}, el('h4', {}, 'Test images with the smallest z'), thumbs(l.bottom[j], l.bottom_z[j]))));
  const charts = [bars(outgoing(l), doc.classes.map((name, k) => ({name, value: l.path[j][k], marked: k === l.favourite[j]})))];
  if (l.activity) {
    charts.unshift(ranges('Activation per class: mean as a line and in numbers, box: the middle half, thin: 5 to 95 % of the images',
      doc.classes.map((name, k) => ({name, mean: (l.activity[j][k] || [])[0], q: l.activity[j][k] && l.activity[j][k].slice(1), marked: k === l.favourite[j]})), ...l.range));
    charts.push(bars([word('contribution', 'Contribution'), ': weight × (mean activation on the class − mean activation)'],
      doc.classes.map((name, k) => ({name, value: l.contribution[k][j], marked: k === l.favourite[j]}))));
    charts.push(bars(`Recall lost without it, points (accuracy: ${points(l.ablation.lost[j])} points, on ${count(l.ablation.images, 'test image')})`,
      doc.classes.map((name, k) => ({name, value: l.ablation.class[j][k]})), points));
  } else page.push(el('p', {class: 'missing'}, `Pattern, images, activations and the accuracy lost without it need the test images: ${doc.missing.data}.`));
  page.push(el('div', {class: 'columns'}, charts));
  rebuild($('neuron-page'), ...page);
}

const outgoing = l => l.number === doc.layers.length ? 'Its weights to the outputs (its column of W2)' : 'Its linear path to the outputs: the product of the weights after it';

// thumbs are test images with their class and a number beneath.
function thumbs(list, values) {
  return el('ul', {class: 'thumbs'}, list.map((n, i) => el('li', {}, thumb(n), `${className(doc.images.label[n])}: ${digits(values[i])}`,
    el('br'), `test ${doc.images.index[n]}`)));
}
