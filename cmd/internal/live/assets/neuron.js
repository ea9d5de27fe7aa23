// One neuron: its weights, what it makes of this image, and what it does on the test images.
import {$, ask, button, digits, el, fixed, largest, range, setText, signed} from './tools.js';
import {grey, viewText} from './hidden.js';
import {asked} from './answer.js';
import {gives} from './break.js';
import {fitted, ink, map} from './paint.js';
import {neuron, now, state} from './state.js';

const maps = {}; // canvases by view
const known = new Map(); // what the server says, by run, layer and neuron
let waiting = 0, out = [], tops = [], showTest, drawn = '', limit = 0;

// build makes what is there for every neuron; show is called with the number of a test image.
export function build(show) {
  const {net} = now;
  showTest = show;
  const names = [...net.views, ...(state.layer === 0 ? ['product'] : [])];
  for (const n of Object.keys(maps)) delete maps[n];
  $('neuron-maps').replaceChildren(...names.map(n => {
    maps[n] = el('canvas', {role: 'img', 'aria-label': n === 'product' ? 'input × weight' : `${viewText[n]} weights`});
    return el('figure', {}, maps[n], el('figcaption', {}, n === 'product' ? 'input × weight' : viewText[n]));
  }));
  tops = [];
  drawn = '';
  $('top').replaceChildren();
  const outputs = state.layer === net.hidden - 1 && net.output.units <= 12;
  $('out-part').hidden = !outputs;
  $('seen-part').hidden = !net.tests;
  out = outputs ? net.classes.map(name => {
    const r = {bar: el('span'), number: el('span', {class: 'number'})};
    r.row = [el('b', {}, name), el('span', {class: 'bar'}, el('span', {class: 'zero'}), r.bar), r.number];
    return r;
  }) : [];
  $('outgoing').replaceChildren(...out.flatMap(r => r.row));
}

export function draw() {
  const {net, pass} = now, j = neuron(), l = state.layer, z = pass.z[l][j], a = pass.a[l][j];
  setText($('h-neuron'), `Neuron ${net.hidden > 1 ? `${l + 1}.` : ''}${j}`);
  const what = [now.place, l, j, now.painted, net.fetched.size].join();
  const fresh = what !== drawn;
  if (fresh) {
    limit = Math.max(...net.views.map(v => largest(net.map(l, j, v) || [0])));
    for (const v of net.views) {
      const m = net.map(l, j, v);
      map(maps[v], m && grey(m), limit, net.rows, net.cols);
    }
    drawn = what;
  }
  if (maps.product) {
    const p = net.product(pass, j), sum = p.reduce((s, v) => s + v, 0), b = net.layers[0].b[j];
    map(maps.product, grey(p), limit, net.rows, net.cols);
    setText($('neuron-sum'), `Σ input × weight + b = ${fixed(sum, 3)} ${b < 0 ? '−' : '+'} ${fixed(Math.abs(b), 3)} = ${fixed(sum + b, 3)} = z; a = ${fixed(a, 3)}${gives(l, j)}`);
  } else setText($('neuron-sum'), `z = ${fixed(z, 3)}; a = ${fixed(a, 3)}${gives(l, j)}`);
  if (out.length && fresh) bars(out, net.outgoing(j));
  const key = keyOf(l, j), says = known.get(key);
  clearTimeout(waiting);
  if (!says && net.tests) waiting = setTimeout(() => fetchNeuron(key, l, j), known.size ? 60 : 0);
  drawSeen(says, z, j);
}

// bars draws numbers to both sides of a middle.
function bars(rows, values) {
  const top = Math.max(1e-9, largest(values));
  values.forEach((v, i) => {
    const half = 50 * Math.abs(v) / top;
    Object.assign(rows[i].bar.style, {left: `${v < 0 ? 50 - half : 50}%`, width: `${half}%`});
    rows[i].bar.className = v < 0 ? 'minus' : '';
    setText(rows[i].number, signed(v));
  });
}

const keyOf = (l, j) => [now.place, now.net.query, l, j].join();

async function fetchNeuron(key, l, j) {
  const {net, place} = now;
  let says;
  try {
    says = await ask(net.path(place, `neurons/${l + 1}/${j}`));
    const pixels = new Uint8Array(await ask(`/${place}/tests/${says.top.join()}`)), size = 1 + net.inputs;
    says.images = says.top.map((_, i) => pixels.subarray(i * size + 1, (i + 1) * size));
  } catch (err) {
    says = {error: err.message};
  }
  if (known.size >= 400) known.clear(); // a slider that goes on and on
  known.set(key, says);
  if (key === keyOf(state.layer, neuron()) && now.pass) draw();
}

function drawSeen(says, z, j) {
  const {net} = now, seen = now.seen.get(state.layer);
  let text = seen && seen.favourite ? `It speaks for ${net.classes[seen.favourite[j]]} most, on the test images.` : '';
  if (seen && seen.stuck && seen.stuck[j] >= 0.9) text += ` For ${digits(100 * seen.stuck[j], 3)} % of them it is at the same end, so that it says little.`;
  if (says && says.rho !== null && says.rho !== undefined) text += ` ${digits(100 * says.rho, 2)} % of its map’s variance is its random start (ρ).`;
  setText($('neuron-says'), text || (net.tests ? '…' : `There are no test images: ${net.no_tests}`));
  if (!says || says.error) {
    setText($('histogram-says'), says ? says.error : '…');
    fitted($('histogram'));
    return;
  }
  histogram(says, z);
  if (!tops.length) {
    tops = says.top.map(() => {
      const t = {canvas: el('canvas', {'aria-hidden': 'true'}), text: el('span')};
      t.button = button([t.canvas, t.text], () => showTest(t.at));
      return t;
    });
    $('top').replaceChildren(...tops.map(t => el('li', {}, t.button)));
  }
  tops.forEach((t, i) => {
    if (t.at === says.top[i] && t.z === says.z[i] && t.theme === now.painted) return;
    Object.assign(t, {at: says.top[i], z: says.z[i], theme: now.painted});
    ink(t.canvas, says.images[i], net.rows, net.cols);
    setText(t.text, `${net.classes[says.labels[i]]}, z ${digits(says.z[i], 2)}`);
    t.button.setAttribute('aria-label', `Look at test image ${t.at}, a ${net.classes[says.labels[i]]}, z ${digits(says.z[i], 2)}`);
  });
}

// histogram draws how many test images have which z: all, those of the class asked about, and where this image lies.
function histogram({low, high, counts}, z) {
  const {ctx, width, height, themed} = fitted($('histogram')), {net} = now, k = asked(), bins = counts[0].length;
  const all = range(bins).map(b => counts.reduce((s, c) => s + c[b], 0)), one = counts[k] || all.map(() => 0);
  const from = Math.min(low, z), to = Math.max(high, z, from + 1e-9), base = height - 18, top = Math.max(...all);
  const x = v => 2 + (width - 4) * (v - from) / (to - from);
  for (const [what, colour] of [[all, '--line'], [one, '--warm']]) {
    ctx.fillStyle = themed(colour);
    what.forEach((n, b) => {
      const left = x(low + (high - low) * b / bins), right = x(low + (high - low) * (b + 1) / bins), h = (base - 14) * Math.sqrt(n / top);
      ctx.fillRect(left + 0.5, base - h, Math.max(1, right - left - 1), h);
    });
  }
  ctx.fillStyle = themed('--soft');
  ctx.fillRect(0, base, width, 1);
  ctx.font = '12px system-ui, sans-serif';
  ctx.textAlign = 'left';
  ctx.fillText(digits(from, 2), 2, height - 4);
  ctx.textAlign = 'right';
  ctx.fillText(digits(to, 2), width - 2, height - 4);
  if (from < 0 && to > 0 && x(0) > 40 && x(0) < width - 40) {
    ctx.textAlign = 'center';
    ctx.fillText('0', x(0), height - 4);
  }
  ctx.fillStyle = themed('--text');
  ctx.fillRect(x(z) - 1, 0, 2, base);
  ctx.textAlign = x(z) > width / 2 ? 'right' : 'left';
  ctx.fillText(`this image: ${fixed(z)}`, x(z) + (x(z) > width / 2 ? -5 : 5), 11);
  const total = all.reduce((s, n) => s + n, 0), below = all.reduce((s, n, b) => s + (low + (high - low) * (b + 1) / bins <= z ? n : 0), 0);
  setText($('histogram-says'), `Grey: all ${total.toLocaleString('en')}; orange: those of class ${net.classes[k]}. Heights are square roots. About ${Math.round(100 * below / total)} % of the images lie below this one.`);
}
