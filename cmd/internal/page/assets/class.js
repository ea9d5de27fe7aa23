// A class's page.
const classMaps = {};

function buildClass() {
  const k = current.class, l = layer();
  const page = [el('div', {class: 'tools', role: 'group', 'aria-label': 'Class'}, doc.classes.map((name, i) =>
    el('button', {type: 'button', 'data-class': i, 'aria-pressed': String(i === k), onclick: () => { location.hash = `#class-${i}`; }}, name))),
  el('h3', {id: 'class-name', tabindex: -1}, `Class ${className(k)}`)];
  if (doc.output.confusion) page.push(el('p', {id: 'class-says'}, classSays(k)));
  for (const name of ['plain', 'slope', 'mean']) if (doc.class_maps[name] && !classMaps[name]) classMaps[name] = packedView(doc.class_maps[name]);
  const plain = classMaps.plain.values(k), slope = classMaps.slope && classMaps.slope.values(k), mean = classMaps.mean && classMaps.mean.values(k);
  page.push(el('div', {class: 'row'},
    mean && el('figure', {class: 'map'}, canvas(c => paintInk(c, mean.map(v => 255 * v))), el('figcaption', {}, el('b', {}, 'mean image'), ' of the class in the test set')),
    mapFigure(plain, largest(plain), [el('b', {}, word('template')), ` what adds to the class's output if every neuron were linear: the product of the weights; ±${digits(largest(plain))}`]),
    slope && mapFigure(slope, largest(slope), [el('b', {}, 'template, slope-weighted'), ` each neuron counted by its mean slope, E σ′${doc.class_maps.slope_of === 'learned' ? ', through what training added to W1' : ''}; ±${digits(largest(slope))}`])));
  const weights = l.path.map(row => row[k]);
  const lists = [classList(l, 'By weight alone', descending(weights), weights, 'its weight to the output')];
  if (l.contribution) {
    const c = l.contribution[k], order = descending(c);
    if (l.units > 5) page.push(el('p', {}, `Of the first 5 by weight, ${l.overlap[k] || 'none'} ${l.overlap[k] > 1 ? 'are' : 'is'} among the first 5 by contribution: `,
      'a large weight says nothing of a neuron that is always on or always off.'));
    lists.unshift(classList(l, 'By contribution: they speak for the class', order.filter(j => c[j] > 0), c, 'weight × (mean activation on the class − mean activation)'));
    lists.push(classList(l, 'By contribution: they speak against it', order.filter(j => c[j] < 0).reverse(), c, 'the same, the smallest first'));
  }
  rebuild($('class-page'), ...page, ...lists);
}

function classSays(k) {
  const row = doc.output.confusion[k], all = row.reduce((a, b) => a + b, 0);
  const wrong = descending(row.map((n, i) => i === k ? -1 : n))[0];
  let text = `${count(all, 'test image')}, of which ${percent(doc.output.recall[k])} are found`;
  if (row[wrong] > 0 && wrong !== k) text += `; it is most often taken for ${className(wrong)} (${row[wrong]})`;
  return text + '.';
}

function classList(l, title, order, values, caption) {
  if (!order.length) return el('div', {}, el('h4', {}, title), el('p', {class: 'caption'}, 'None does.'));
  const name = viewNames(l)[0], view = views(l)[name];
  return el('div', {}, el('h4', {}, title), el('p', {class: 'caption'}, `${caption}. Maps: ${viewText[name][0]}, each its own scale.`),
    el('ul', {class: 'thumbs'}, order.slice(0, 10).map(j => el('li', {}, el('a', {href: neuronLink(l, j), 'aria-label': `neuron ${neuronName(l, j)}: ${digits(values[j])}`},
      canvas(c => paintMap(c, view.values(j), largest(view.values(j))), {style: {width: '4.6rem'}}), el('b', {}, neuronName(l, j))), digits(values[j])))));
}
