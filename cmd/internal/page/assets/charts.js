// Charts: bars are tables, so that every number can be read and heard; curves are SVG with their numbers beneath.

const across = (v, lo, hi) => 100 * (Math.max(lo, Math.min(hi, v)) - lo) / (hi - lo || 1) + '%';

// bars draws named values from zero; rows are {name, value, link, marked}. The axis takes in the values of ends.
function bars(caption, rows, format = digits, ends = []) {
  const lo = Math.min(0, ...ends, ...rows.map(r => r.value || 0)), hi = Math.max(0, ...ends, ...rows.map(r => r.value || 0));
  return el('table', {class: 'bars'}, el('caption', {class: 'caption'}, caption), el('tbody', {}, rows.map(r => {
    const from = Math.min(0, r.value || 0), to = Math.max(0, r.value || 0);
    return el('tr', {class: r.marked ? 'marked' : null},
      el('th', {scope: 'row'}, r.link ? el('a', {href: r.link}, r.name) : r.name),
      el('td', {}, el('div', {class: 'bar'},
        el('span', {class: r.value < 0 ? 'minus' : null, style: {left: across(from, lo, hi), right: `calc(100% - ${across(to, lo, hi)})`}}),
        el('span', {class: 'zero', style: {left: across(0, lo, hi)}}))),
      el('td', {class: 'number'}, format(r.value)));
  })));
}

const spread = q => ['least', '5 %', '25 %', 'half', '75 %', '95 %', 'largest'].map((name, i) => `${name} ${fixed(q[i], 3)}`).join(', ');

// ranges draws how values are spread: rows are {name, mean, q}, q being minimum, 5, 25, 50, 75, 95 % and maximum.
function ranges(caption, rows, lo, hi) {
  return el('table', {class: 'bars'}, el('caption', {class: 'caption'}, caption), el('tbody', {}, rows.map(r =>
    el('tr', {class: r.marked ? 'marked' : null}, el('th', {scope: 'row'}, r.name),
      el('td', {}, r.q && el('div', {class: 'bar', role: 'img', title: spread(r.q), 'aria-label': spread(r.q)},
        el('span', {class: 'range', style: {left: across(r.q[1], lo, hi), right: `calc(100% - ${across(r.q[5], lo, hi)})`}}),
        el('span', {class: 'box', style: {left: across(r.q[2], lo, hi), right: `calc(100% - ${across(r.q[4], lo, hi)})`}}),
        el('span', {class: 'mean', style: {left: across(r.mean, lo, hi)}}))),
      el('td', {class: 'number'}, r.q ? fixed(r.mean, 3) : 'no images')))));
}

const strokes = [['var(--warm)', ''], ['var(--cold)', '7 4', 'dash'], ['var(--third)', '2 3', 'dot']];

// ticks returns round numbers between lo and hi.
function ticks(lo, hi, most = 6) {
  let step = 10 ** Math.floor(Math.log10((hi - lo) / most || 1));
  for (const f of [1, 2, 5, 10]) if ((hi - lo) / (step * f) <= most) { step *= f; break; }
  const out = [];
  for (let i = Math.ceil(lo / step - 1e-9); i * step <= hi + 1e-9 * step; i++) out.push(i * step);
  return out;
}

// frame is the axes of a chart of x and y, and how to place a point in it.
function frame(title, xName, yName, xs, ys, yFormat, xFormat = v => digits(v)) {
  // As wide as the window allows when it is drawn: in a chart that is made smaller, nobody can read the numbers.
  const w = Math.max(260, Math.min(560, document.documentElement.clientWidth - 32)), h = 250, left = 58, right = 12, top = 26, bottom = 40;
  const x = v => left + (w - left - right) * (v - xs[0]) / (xs[1] - xs[0] || 1);
  const y = v => h - bottom - (h - top - bottom) * (v - ys[0]) / (ys[1] - ys[0] || 1);
  const g = svg('svg', {viewBox: `0 0 ${w} ${h}`, width: w, height: h, role: 'img', 'aria-label': title});
  for (const t of ticks(...ys)) g.append(svg('line', {class: 'axis', x1: left, x2: w - right, y1: y(t), y2: y(t)}),
    svg('text', {x: left - 6, y: y(t) + 4, 'text-anchor': 'end'}, yFormat(t)));
  for (const t of ticks(...xs, w < 400 ? 5 : 8)) g.append(svg('line', {class: 'axis', x1: x(t), x2: x(t), y1: h - bottom, y2: h - bottom + 4}),
    svg('text', {x: x(t), y: h - bottom + 17, 'text-anchor': 'middle'}, xFormat(t)));
  g.append(svg('text', {x: (left + w - right) / 2, y: h - 5, 'text-anchor': 'middle'}, xName),
    svg('text', {x: 2, y: 12}, yName));
  return {g, x, y};
}

// lines draws series of (x, y): {name, points}.
function lines(title, xName, yName, series, yFormat) {
  series = series.map(s => ({...s, points: s.points.filter(p => !missing(p[1]))})).filter(s => s.points.length);
  const xs = series.flatMap(s => s.points.map(p => p[0])), ys = series.flatMap(s => s.points.map(p => p[1]));
  const pad = (Math.max(...ys) - Math.min(...ys)) * 0.05 || 0.01;
  const f = frame(title, xName, yName, [Math.min(...xs), Math.max(...xs)], [Math.min(...ys) - pad, Math.max(...ys) + pad], yFormat);
  series.forEach((s, i) => {
    const [stroke, dash] = strokes[i];
    f.g.append(svg('polyline', {points: s.points.map(p => `${f.x(p[0]).toFixed(1)},${f.y(p[1]).toFixed(1)}`).join(' '),
      fill: 'none', 'stroke-width': 2, 'stroke-dasharray': dash, style: {stroke}}));
    if (s.points.length === 1) f.g.append(svg('circle', {cx: f.x(s.points[0][0]), cy: f.y(s.points[0][1]), r: 3, style: {fill: stroke}}));
  });
  return el('figure', {class: 'chart'}, el('h3', {}, title), f.g,
    el('ul', {class: 'key'}, series.map((s, i) => el('li', {}, el('i', {class: strokes[i][2], style: {color: strokes[i][0]}}), s.name))),
    numbersOf([xName, ...series.map(s => s.name)], table(series), yFormat));
}

// table joins series on x.
function table(series) {
  const rows = new Map();
  series.forEach((s, i) => s.points.forEach(([x, y]) => {
    if (!rows.has(x)) rows.set(x, Array(series.length).fill(null));
    rows.get(x)[i] = y;
  }));
  return [...rows].sort((a, b) => a[0] - b[0]);
}

function numbersOf(head, rows, format) {
  const d = el('details', {}, el('summary', {}, 'The numbers'));
  d.addEventListener('toggle', () => {
    if (d.children.length > 1) return;
    d.append(el('div', {class: 'scroll', role: 'region', tabindex: 0, 'aria-label': 'Numbers of the chart'},
      el('table', {}, el('thead', {}, el('tr', {}, head.map(h => el('th', {scope: 'col'}, h)))),
        el('tbody', {}, rows.map(([x, ys]) => el('tr', {}, el('th', {scope: 'row'}, digits(x, 6)), ys.map(y => el('td', {}, format(y)))))))));
  });
  return d;
}

// scatter draws points {x, y, name, link}.
function scatter(title, xName, yName, dots, xFormat, yFormat) {
  const xs = dots.map(d => d.x), ys = dots.map(d => d.y), lim = v => [Math.min(...v), Math.max(...v)];
  const pad = ([lo, hi]) => [lo - (hi - lo || 1) * 0.05, hi + (hi - lo || 1) * 0.05];
  const f = frame(title, xName, yName, pad(lim(xs)), pad(lim(ys)), yFormat, xFormat);
  for (const d of dots) f.g.append(svg('a', {href: d.link, tabindex: -1}, svg('circle', {cx: f.x(d.x), cy: f.y(d.y), r: 4,
    'fill-opacity': 0.65, style: {fill: 'var(--warm)'}}, svg('title', {}, `${d.name}: ${xFormat(d.x)}, ${yFormat(d.y)}`))));
  return el('figure', {class: 'chart'}, el('h3', {}, title), f.g);
}
