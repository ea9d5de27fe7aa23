// Ablation, mistakes, training.
function buildAblation() {
  const l = layer(), b = l.ablation, order = descending(b.lost), row = j => ({name: `neuron ${neuronName(l, j)}`, value: b.lost[j], link: neuronLink(l, j)});
  const curve = list => list.map(([x, y]) => [x, y]);
  const best = order.filter(j => b.lost[j] > 0).slice(0, 12), worst = order.slice().reverse().filter(j => b.lost[j] < 0).slice(0, 6);
  const parts = [
    el('p', {class: 'caption'}, word('ablation', 'A neuron is taken out'), ` by putting its mean activation in its place. Hidden layer ${l.number}, measured on ${count(b.images, 'test image')}: ${percent(b.accuracy, 2)} with all neurons.`),
    el('div', {class: 'columns'},
      el('div', {}, lines(`Accuracy as neurons are taken out`, 'neurons taken out', 'accuracy',
        [{name: 'most important first', points: curve(b.most_first)}, {name: 'least important first', points: curve(b.least_first)}, {name: 'in random order', points: curve(b.random)}], v => percent(v, 1))),
      el('div', {}, bars('Neurons that cost most alone, points of accuracy', [...best, ...worst].map(row), points)))];
  if (l.units > 2 && l.selectivity.some(v => !missing(v))) parts.push(
    scatter('Selectivity and what the neuron is worth', 'selectivity', 'points lost', range(l.units).filter(j => !missing(l.selectivity[j])).slice(0, 2000)
      .map(j => ({x: l.selectivity[j], y: 100 * b.lost[j], name: `neuron ${neuronName(l, j)}`, link: neuronLink(l, j)})), v => fixed(v, 2), v => fixed(v, 2)),
    el('p', {class: 'caption'}, missing(b.selective) ? '' : `Correlation ${fixed(b.selective, 2)}: whether a neuron fires for one class alone is one thing, whether the network needs it another.`));
  $('ablation-page').replaceChildren(...parts);
}

function buildErrors() {
  const confusion = doc.output.confusion, most = Math.max(1, ...confusion.flatMap((row, i) => row.filter((_, k) => k !== i)));
  const short = doc.classes.map(n => n.length > 12 ? n.slice(0, 11) + '…' : n);
  const head = el('tr', {}, el('td', {}, 'is ↓ said →'), short.map(n => el('th', {scope: 'col'}, n)), el('th', {scope: 'col'}, 'found'));
  const rows = confusion.map((row, i) => el('tr', {}, el('th', {scope: 'row'}, short[i]), row.map((n, k) =>
    el('td', {class: i === k ? 'right' : null, style: i === k || !n ? null : {background: `color-mix(in srgb, var(--heat) ${Math.round(8 + 55 * n / most)}%, transparent)`}}, n)),
  el('td', {}, doc.output.recall[i] < 0 ? 'no images' : percent(doc.output.recall[i]))));
  const list = doc.errors.worst.map(m => el('li', {style: {'max-width': '7.5rem'}}, thumb(m.image),
    el('b', {}, m.why >= 0 ? el('a', {href: `#why-${m.why}`}, `${className(m.label)} as ${className(m.predicted)}`) : `${className(m.label)} as ${className(m.predicted)}`),
    el('br'), `margin ${digits(m.margin)}`, el('br'), 'by ', m.drivers.map((d, i) => [i ? ', ' : '', el('a', {href: neuronLink(lastLayer(), d.neuron), style: {display: 'inline'},
      title: `neuron ${d.neuron} gave ${digits(d.drive)} to the mistake`}, String(d.neuron))])));
  const parts = [
    el('p', {}, `${count(doc.errors.count, 'mistake')} on ${count(doc.tests, 'test image')}.`),
    el('h3', {}, 'What is taken for what'), el('div', {class: 'scroll', role: 'region', tabindex: 0, 'aria-label': 'Confusion matrix'},
      el('table', {class: 'confusion', id: 'confusion'}, el('thead', {}, head), el('tbody', {}, rows)))];
  if (list.length) parts.push(
    el('h3', {}, doc.errors.count > doc.errors.worst.length ? `The worst ${doc.errors.worst.length}` : 'All of them'),
    el('p', {class: 'caption'}, 'Worst first. Margin: how far the wrong output’s sum s is above the right one’s. By: the neurons of the last hidden layer that drove it, beyond their mean.'),
    el('a', {class: 'over', href: '#training'}, 'Skip the list'), el('ul', {class: 'thumbs'}, list));
  $('errors-page').replaceChildren(...parts);
}

function buildTraining() {
  const series = (names, keys) => keys.map((key, i) => ({name: names[i], points: doc.metrics.map(m => [m.epoch, m[key]])}));
  $('training-page').replaceChildren(el('div', {class: 'columns'},
    lines('Accuracy', 'epoch', 'accuracy', series(['test', 'training', 'validation'], ['test_accuracy', 'train_accuracy', 'validation_accuracy']), v => percent(v, 1)),
    lines('Loss', 'epoch', 'loss', series(['test', 'training', 'validation'], ['test_loss', 'loss', 'validation_loss']), v => digits(v))));
}
