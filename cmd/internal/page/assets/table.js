// The table of neurons.
const columns = [
  {key: 'id', title: 'neuron', values: l => range(l.units), text: (v, l) => neuronName(l, v), up: true},
  {key: 'class', title: 'speaks for', values: l => l.favourite, text: v => className(v), up: true},
  {key: 'norm', title: '‖w‖', values: l => l.norm, text: v => digits(v, 4)},
  {key: 'rho', title: 'ρ', values: l => l.rho, text: v => fixed(v, 3)},
  {key: 'smoothness', title: 'smoothness', values: l => l.smoothness, text: v => fixed(v, 3)},
  {key: 'selectivity', title: 'selectivity', values: l => l.selectivity, text: v => fixed(v, 3)},
  {key: 'importance', title: 'importance', values: l => l.importance, text: v => digits(v, 4)},
  {key: 'lost', title: 'lost without it, points', values: l => l.ablation && l.ablation.lost, text: points},
  {key: 'stuck', title: 'stuck', values: l => l.stuck, text: v => percent(v)},
];
const columnWords = {class: 'favourite class', norm: 'norm', rho: 'rho', smoothness: 'smoothness', selectivity: 'selectivity', importance: 'importance', lost: 'ablation', stuck: 'saturated'};
const rowsAtFirst = 300;
const sorting = {key: 'id', up: true, rows: rowsAtFirst};

function buildTable() {
  const l = layer(), shown = columns.filter(c => c.values(l));
  let by = shown.find(c => c.key === sorting.key);
  if (!by) { by = shown[0]; sorting.key = 'id'; sorting.up = true; }
  $('table-words').replaceChildren('What they mean: ', ...shown.filter(c => columnWords[c.key]).flatMap((c, i) => [i ? ', ' : '', word(columnWords[c.key], c.title)]), '.');
  const values = shown.map(c => c.values(l));
  let order = descending(by.values(l));
  if (sorting.up) {
    const v = by.values(l), known = order.filter(j => !missing(v[j])), none = order.filter(j => missing(v[j]));
    order = known.sort((a, b) => v[a] - v[b] || a - b).concat(none);
  }
  const head = el('tr', {}, shown.map(c => el('th', {scope: 'col', 'data-key': c.key,
    'aria-sort': c.key === sorting.key ? (sorting.up ? 'ascending' : 'descending') : null},
  el('button', {type: 'button', onclick: () => sortBy(c)}, c.title))));
  const body = el('tbody', {}, order.slice(0, sorting.rows).map(j => el('tr', {'data-neuron': j, class: j === current.neuron ? 'open' : null},
    shown.map((c, i) => i === 0 ? el('th', {scope: 'row'}, el('a', {href: neuronLink(l, j)}, c.text(values[i][j], l))) :
      el('td', {'data-key': c.key}, c.text(values[i][j], l))))));
  rebuild($('neuron-table'), el('table', {class: 'list'}, el('thead', {}, head), body));
  if (order.length > sorting.rows) $('neuron-table').append(el('p', {}, el('button', {type: 'button',
    onclick: () => { sorting.rows = Infinity; buildTable(); }}, `Show all ${count(order.length, 'neuron')}`)));
}

function sortBy(c) {
  if (sorting.key === c.key) sorting.up = !sorting.up;
  else [sorting.key, sorting.up] = [c.key, !!c.up];
  buildTable();
  $('neuron-table').querySelector(`th[data-key="${c.key}"] button`).focus();
}

function markRow() {
  for (const tr of $('neuron-table').querySelectorAll('tbody tr')) tr.classList.toggle('open', Number(tr.dataset.neuron) === current.neuron);
}
