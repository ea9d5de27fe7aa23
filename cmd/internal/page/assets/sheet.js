// The contact sheet.
const sheet = {show: '', scale: 'shared', order: 'index', hatch: false, tiles: []};

const orders = {
  index: l => range(l.units),
  class: l => { const big = rank(l.norm); return range(l.units).sort((a, b) => l.favourite[a] - l.favourite[b] || big[a] - big[b]); },
  norm: l => descending(l.norm),
  importance: l => l.importance && descending(l.importance),
  lost: l => l.ablation && descending(l.ablation.lost),
  similarity: l => l.similarity,
};
const orderText = {index: 'number', class: 'favourite class', norm: '‖w‖', importance: 'importance', lost: 'accuracy lost without it', similarity: 'similarity'};

function rank(v) {
  const out = [];
  descending(v).forEach((j, i) => { out[j] = i; });
  return out;
}

// says are the numbers of a neuron in a line.
function says(l, j) {
  const parts = [`neuron ${neuronName(l, j)} speaks for ${className(l.favourite[j])}`, `‖w‖ ${digits(l.norm[j])}`];
  if (l.rho) parts.push(`ρ ${fixed(l.rho[j])}`);
  parts.push(`smoothness ${fixed(l.smoothness[j])}`);
  if (l.selectivity) parts.push(`selectivity ${fixed(l.selectivity[j])}`);
  if (l.ablation) parts.push(`accuracy lost without it ${points(l.ablation.lost[j])} points`);
  if (l.stuck) parts.push(`stuck for ${percent(l.stuck[j], 0)} of the images`);
  return parts.join(', ');
}

function buildSheet() {
  const l = layer();
  sheet.show = views(l)[sheet.show] ? sheet.show : l.default;
  if (!orders[sheet.order](l)) sheet.order = 'index';
  sheet.tiles = range(l.units).map(j => {
    const c = canvas(() => {});
    const a = el('a', {class: 'tile', href: neuronLink(l, j), tabindex: -1, 'data-neuron': j, 'aria-label': says(l, j)},
      c, el('b', {}, neuronName(l, j)), ` → ${className(l.favourite[j])}`);
    return {a, c, j};
  });
  const names = viewNames(l);
  rebuild($('sheet-tools'),
    ...(doc.layers.length > 1 ? [select('Layer ', doc.layers.map((x, i) => [i, `${x.number} (${count(x.units, 'neuron')})`]), current.layer, chooseLayer)] : []),
    choice('show', 'Show', names.map(n => [n, viewText[n][0]]), sheet.show, v => { sheet.show = v; colourSheet(); }),
    choice('scale', 'Scale', [['shared', 'one for all'], ['own', 'each its own']], sheet.scale, v => { sheet.scale = v; colourSheet(); }),
    select('Order ', Object.keys(orders).filter(o => orders[o](l)).map(o => [o, orderText[o]]), sheet.order, v => { sheet.order = v; orderSheet(); }),
    select('Colours ', doc.colors.map(c => [c.name, c.name === 'grey' ? 'grey, for print' : c.name]), colours, v => { colours = v; repaint(false); }),
    ...(doc.dead && doc.dead.length && l.number === 1 ? [el('label', {}, el('input', {type: 'checkbox', id: 'hatch', checked: sheet.hatch,
      onchange: e => { sheet.hatch = e.target.checked; colourSheet(); }}), `mark the ${count(doc.dead.length, 'pixel')} never inked`)] : []));
  const size = [[1, '16rem'], [6, '12rem'], [16, '9rem'], [36, '7rem']].find(([n]) => l.units <= n);
  $('sheet').classList.toggle('few', !!size);
  if (size) $('sheet').style.setProperty('--tile', size[1]);
  else $('sheet').style.removeProperty('--tile');
  orderSheet();
  colourSheet();
}

function orderSheet() {
  const order = orders[sheet.order](layer());
  $('sheet').replaceChildren(...order.map(j => sheet.tiles[j].a));
  sheet.tiles.forEach(t => { t.a.tabIndex = t.j === order[0] ? 0 : -1; });
}

function colourSheet() {
  const l = layer(), view = views(l)[sheet.show], hatch = sheet.hatch && l.number === 1, shared = view.limit();
  for (const {c, j} of sheet.tiles) change(c, x => {
    const values = view.values(j);
    paintMap(x, values, sheet.scale === 'shared' ? shared : largest(values), hatch);
  });
  $('sheet-legend').replaceChildren(...legend(sheet.scale === 'shared' ? shared : undefined, 'ink lowers it', 'ink raises it'));
  const what = l.number === 1 ? 'its weight for every pixel' : 'the pixels that reach it';
  const which = l.units === 1 ? `The one neuron of hidden layer ${l.number}` : `All ${count(l.units, 'neuron')} of hidden layer ${l.number}, a tile each`;
  $('sheet-caption').textContent = `${which}: ${what}; ${viewSays(l, sheet.show)}. → ${l.how}.`;
}

// The tiles are one stop of the tab key; arrows move among them.
$('sheet').addEventListener('keydown', e => {
  const all = [...$('sheet').children], at = all.indexOf(document.activeElement);
  if (at < 0) return;
  const columns = all.filter(a => a.offsetTop === all[0].offsetTop).length;
  const to = {ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: all.length - 1}[e.key];
  if (to === undefined) return;
  e.preventDefault();
  if (!all[to]) return;
  all[at].tabIndex = -1;
  all[to].tabIndex = 0;
  all[to].focus();
});

const readTile = e => {
  const a = e.target.closest('.tile');
  if (!a) return;
  const l = layer(), j = Number(a.dataset.neuron);
  let text = says(l, j);
  if (e.target.tagName === 'CANVAS' && e.type === 'pointermove') {
    const x = Math.floor(e.offsetX / e.target.clientWidth * doc.cols), y = Math.floor(e.offsetY / e.target.clientHeight * doc.rows);
    if (x >= 0 && y >= 0 && x < doc.cols && y < doc.rows) text += `; pixel in row ${y}, column ${x}: ${digits(views(l)[sheet.show].values(j)[y * doc.cols + x])}`;
  }
  $('readout').textContent = text;
};
$('sheet').addEventListener('pointermove', readTile);
$('sheet').addEventListener('focusin', readTile);
