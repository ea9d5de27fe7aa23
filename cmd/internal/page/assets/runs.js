// The page of many runs. doc.rows here are runs: {name, state, texts, numbers}, in the order of doc.columns.
const number = (r, i) => doc.runs[r].numbers[i];
const finished = range(doc.runs.length).filter(r => doc.runs[r].done && !missing(number(r, doc.by)));

// The table.
const rowsAtFirst = 300;
const sorting = {column: doc.by, up: false, rows: rowsAtFirst};

// order sorts runs by a column: numbers by size, texts by their letters, what is missing last.
function order(c, up) {
  const key = r => doc.columns[c].number ? number(r, c) : doc.runs[r].texts[c];
  const none = r => missing(key(r)) || key(r) === '–' || key(r) === '';
  return range(doc.runs.length).sort((a, b) => {
    if (none(a) || none(b)) return none(a) - none(b) || a - b;
    const x = key(a), y = key(b), n = typeof x === 'number' ? x - y : x.localeCompare(y, 'en', {numeric: true});
    return (up ? n : -n) || a - b;
  });
}

function buildTable() {
  const kind = c => c.number ? null : c.name === 'state' ? 'text why' : 'text';
  const head = el('tr', {}, doc.columns.map((c, i) => el('th', {scope: 'col', class: c.number ? null : 'text', 'data-key': c.name,
    'aria-sort': i === sorting.column ? (sorting.up ? 'ascending' : 'descending') : null},
  el('button', {type: 'button', onclick: () => sortBy(i)}, c.name))));
  const rows = order(sorting.column, sorting.up);
  const body = el('tbody', {}, rows.slice(0, sorting.rows).map(r => el('tr', {'data-run': r},
    doc.columns.map((c, i) => i === 0 ? el('th', {scope: 'row', class: 'text'}, doc.runs[r].texts[i]) :
      el('td', {class: kind(c), 'data-key': c.name}, doc.runs[r].texts[i])))));
  rebuild($('runs-table'), el('table', {class: 'list'}, el('thead', {}, head), body));
  if (rows.length > sorting.rows) $('runs-table').append(el('p', {}, el('button', {type: 'button',
    onclick: () => { sorting.rows = Infinity; buildTable(); }}, `Show all ${count(rows.length, 'run')}`)));
}

function sortBy(i) {
  if (sorting.column === i) sorting.up = !sorting.up;
  else [sorting.column, sorting.up] = [i, !['validation', 'accuracy'].includes(doc.columns[i].name)];
  buildTable();
  $('runs-table').querySelector(`th[data-key="${doc.columns[i].name}"] button`).focus();
}

// What mattered, as bars.
function buildMattered() {
  $('mattered-page').append(bars('share of all differences', doc.mattered.map(e => ({name: e.name, value: e.share, marked: e.share > 0.1})),
    v => percent(v), [1]));
  $('mattered-page').append(el('details', {}, el('summary', {}, 'The numbers'), el('table', {id: 'mattered-numbers'},
    el('thead', {}, el('tr', {}, ['', 'share', 'by chance alone', 'degrees of freedom'].map(t => el('th', {scope: 'col'}, t)))),
    el('tbody', {}, doc.mattered.map(e => el('tr', {}, el('th', {scope: 'row', class: 'text'}, e.name),
      [percent(e.share, 2), percent(e.chance, 2), String(e.df)].map(t => el('td', {}, t))))))));
}

// warmth is a colour from cold and faint to warm and strong, for 0 to 1.
const warmth = t => `color-mix(in oklab, var(--warm) ${Math.round(100 * t)}%, var(--cold))`;

// rank is where each finished run stands, 1 for the best, 0 for the worst: accuracies crowd at the top.
const rank = new Map(finished.toSorted((a, b) => number(a, doc.by) - number(b, doc.by)).map((r, i, all) => [r, all.length > 1 ? i / (all.length - 1) : 1]));

// fenced returns the least of some accuracies, where an axis should begin, and the largest. What diverged would press all
// the rest together, so an axis leaves the lowest twentieth out where it lies far below.
function fenced(values) {
  const all = values.filter(v => !missing(v)).toSorted((a, b) => a - b), low = all[Math.floor(all.length / 20)], hi = all.at(-1);
  return [all[0], all[0] < low - (hi - low) ? low : all[0], hi];
}

const linesAtMost = 1000;
const picked = {axis: -1, value: ''};

function buildPaths() {
  const shown = finished.toSorted((a, b) => number(b, doc.by) - number(a, doc.by)).slice(0, linesAtMost).reverse();
  const n = doc.axes.length, w = Math.max(document.documentElement.clientWidth - 48 > 1000 ? 1000 : 320, 150 * n + 120), h = 360;
  const top = 34, bottom = 20, left = 60, right = 76, x = i => left + (w - left - right) * i / n;
  const [least, lo, hi] = fenced(shown.map(r => number(r, doc.by)));
  const level = (i, k) => doc.axes[i].values.length < 2 ? (h - bottom + top) / 2 : h - bottom - (h - bottom - top) * k / (doc.axes[i].values.length - 1);
  const height = v => hi > lo ? h - bottom - (h - bottom - top) * Math.max(0, v - lo) / (hi - lo) : (h - bottom + top) / 2;
  // Lines through one value lie beside each other, the better above: on each other, the last drawn would hide the rest.
  const spread = i => Math.min(26, 0.55 * (h - bottom - top) / Math.max(1, doc.axes[i].values.length - 1));
  const place = (r, i) => i === n ? height(number(r, doc.by)) : level(i, doc.runs[r].levels[i]) - (rank.get(r) - 0.5) * spread(i);
  const g = svg('svg', {class: 'paths', viewBox: `0 0 ${w} ${h}`, width: w, height: h, role: 'img',
    'aria-label': `${count(shown.length, 'run')} from their settings to their accuracy`});
  for (const r of shown) {
    let d = `M${x(0)},${place(r, 0).toFixed(1)}`;
    for (let i = 1; i <= n; i++) {
      const mid = (x(i - 1) + x(i)) / 2;
      d += `C${mid},${place(r, i - 1).toFixed(1)} ${mid},${place(r, i).toFixed(1)} ${x(i)},${place(r, i).toFixed(1)}`;
    }
    const on = picked.axis < 0 || doc.axes[picked.axis].values[doc.runs[r].levels[picked.axis]] === picked.value;
    g.append(svg('path', {d, 'data-run': r, class: on ? null : 'off', style: {stroke: warmth(rank.get(r))},
      onpointerenter: e => { e.target.classList.add('on'); sayPath(r); }, onpointerleave: e => { e.target.classList.remove('on'); sayPath(-1); }},
    svg('title', {}, pathText(r))));
  }
  const axis = (i, name) => g.append(svg('line', {class: 'axis', x1: x(i), x2: x(i), y1: top, y2: h - bottom}),
    svg('text', {class: 'name', x: x(i), y: 14, 'text-anchor': i === n ? 'end' : i ? 'middle' : 'start', dx: i === n ? right - 4 : i ? 0 : 4 - left}, name));
  const mark = (i, y, text) => g.append(svg('text', {class: 'halo', x: x(i) + (i === 0 ? -6 : 6), y: y + 4, 'text-anchor': i === 0 ? 'end' : 'start'}, text));
  doc.axes.forEach((a, i) => {
    axis(i, a.name);
    const every = Math.ceil(a.values.length / 20);
    a.values.forEach((v, k) => { if (k % every === 0) mark(i, level(i, k), v || '–'); });
  });
  axis(n, doc.columns[doc.by].name);
  for (const t of hi > lo ? ticks(lo, hi) : [lo]) mark(n, height(t), percent(t));
  rebuild($('paths-page'), g);
  cutPaths = lo > least ? ' What lies below the last axis stands at its foot.' : '';
  sayPath(-1);
}

let cutPaths = '';
const pathText = r => doc.axes.map((a, i) => `${a.name} ${a.values[doc.runs[r].levels[i]] || '–'}`).join(', ') + ': ' + doc.runs[r].texts[doc.by];

function sayPath(r) {
  const more = finished.length > linesAtMost ? ` The ${linesAtMost} best of ${finished.length.toLocaleString('en')} are drawn.` : '';
  $('paths-says').textContent = r >= 0 ? `${doc.runs[r].name}: ${pathText(r)}` : `${count(Math.min(finished.length, linesAtMost), 'run')}.${more}${cutPaths}`;
}

function buildPick() {
  $('paths-tools').replaceChildren(...doc.axes.map((a, i) => select(a.name + ' ', [['', 'all'], ...a.values.map((v, k) => [String(k), v || '–'])], '', v => {
    [picked.axis, picked.value] = v === '' ? [-1, ''] : [i, a.values[Number(v)]];
    for (const [k, s] of [...$('paths-tools').querySelectorAll('select')].entries()) if (k !== i) s.value = '';
    buildPaths();
  })));
}

// The curves: the best in colour, the others behind it.

function buildTraining() {
  const best = doc.curves.slice(0, 1), shown = doc.curves;
  const [least, lo, hi] = fenced(shown.flatMap(c => c.values));
  const pad = (hi - lo) * 0.05 || 0.01;
  const f = frame('Accuracy over epochs', 'epoch', doc.curve_of, [1, Math.max(2, ...shown.map(c => c.values.length))], [lo - pad, hi + pad], v => percent(v), v => Number.isInteger(v) ? String(v) : '');
  f.g.classList.add('curves');
  for (const c of shown.toReversed()) {
    const points = c.values.map((v, e) => [e + 1, v]).filter(p => !missing(p[1])).map(([e, v]) => `${f.x(e).toFixed(1)},${f.y(Math.max(v, lo - pad)).toFixed(1)}`);
    f.g.append(svg('polyline', {points: points.join(' '), class: best.includes(c) ? 'best' : null, 'data-run': c.run}, svg('title', {}, `${doc.runs[c.run].name}: ${pathText(c.run)}`)));
  }
  const cut = [];
  if (shown.length < doc.curves_of) cut.push(`the ${shown.length} best of ${doc.curves_of.toLocaleString('en')} runs are drawn`);
  if (lo > least) cut.push('what lies below the axis stands at its foot');
  $('training-page').replaceChildren(el('figure', {class: 'chart'}, f.g, el('ul', {class: 'key'},
    el('li', {}, el('i', {style: {color: 'var(--warm)'}}), `the best: ${doc.runs[best[0].run].name}, ${pathText(best[0].run)}`),
    el('li', {}, el('i', {style: {color: 'var(--third)'}}), 'the others'))), cut.length ? el('p', {class: 'caption'}, capital(cut.join('; ')) + '.') : '');
}

const capital = s => s[0].toUpperCase() + s.slice(1);

const themes = [['', 'Theme: as the system'], ['light', 'Theme: light'], ['dark', 'Theme: dark']];
$('theme').addEventListener('click', () => {
  const now = themes.findIndex(t => t[0] === (document.documentElement.dataset.theme || ''));
  const [name, text] = themes[(now + 1) % themes.length];
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  $('theme').textContent = text;
});

buildTable();
if ($('mattered-page')) buildMattered();
if ($('paths-page')) { buildPick(); buildPaths(); }
if ($('training-page')) buildTraining();
