// Save: what is shown as files, and the command lines that make the same.
import {$, button, el, range, select, setText} from './tools.js';
import {answer} from './net.js';
import {asked} from './answer.js';
import {viewText} from './hidden.js';
import {look} from './paint.js';
import {bars, images, paper, text} from './paper.js';
import {doubles, npz, singles, texts, whole} from './npz.js';
import {neuron, now, state} from './state.js';

const says = id => $(id).textContent.trim();
const shownIn = (root, selector) => [...root.querySelectorAll(selector)].filter(e => !e.hidden && e.checkVisibility());

// barsOf are the rows of a list of bars as the page shows it.
const barsOf = rows => bars(rows.map(r => {
  const [name, bar, number] = [r.querySelector('b'), r.querySelector('.bar span:not(.zero)'), r.querySelector('.number')];
  return {
    name: name.textContent, number: number.textContent, pictures: shownIn(r, 'canvas'),
    share: (bar.className === 'minus' ? -1 : 1) * parseFloat(bar.style.width || '0') / 100,
  };
}));

const source = () => state.source === 'test' ? says('source') : state.source === 'pixels' ? 'A picture from a file.' : 'A drawing.';
const verdict = () => `${source()} The network says ${says('verdict')}; ${says('verdict-says')}.`;
const broken = () => now.net === now.moment ? '' : ', broken as its address says';
const time = () => now.net.then ? text(`The maps are those ${says('epoch-says')}.`) : now.net === now.end ? null : text(`The network ${state.epoch < 0 ? '' : says('epoch-says')}${broken()}.`);

// legendOf is the colour bar below the tiles, and its words.
function legendOf() {
  const [low, high] = $('hidden-legend').querySelectorAll('.ramp span'), ramp = $('hidden-legend').querySelector('canvas');
  if (!ramp) return [];
  const wide = el('canvas', {width: ramp.width, height: 12});
  wide.getContext('2d').drawImage(ramp, 0, 0, ramp.width, 12);
  return [images([{canvas: wide, wide: 510}]), text(`${low.textContent} to ${high.textContent}: ${$('hidden-legend').lastChild.textContent}`)];
}

// panels are what can be saved as a picture: its name in lists, and its blocks below the title.
const panels = {
  drawing: ['the drawing', () => [images([{canvas: $('pad'), wide: 700, smooth: true}]), text(verdict())]],
  sees: ['what the network sees', () => [images([{canvas: $('sees'), wide: 700}]), text(`What the network sees, ${now.net.rows}×${now.net.cols}. ${verdict()}`)]],
  answer: ['the answer', () => [text(verdict()), barsOf(shownIn($('outputs'), 'button'))]],
  hidden: ['the hidden neurons', () => [images([{canvas: $('grid'), wide: 1304}]), ...legendOf(), time(), text(verdict())]],
  neuron: ['the neuron’s maps', () => [
    images([...$('neuron-maps').querySelectorAll('figure')].map(f => ({canvas: f.firstChild, wide: 308, text: f.lastChild.textContent}))),
    text(`${says('h-neuron')}. ${says('neuron-sum')}`), says('neuron-says') && text(says('neuron-says')), time(), text(verdict())]],
  histogram: ['its histogram', () => [text(`${says('h-neuron')}: its z on the test images`, {bold: true}), images([{canvas: $('histogram'), wide: 1304, smooth: true}]), text(says('histogram-says')), text(verdict())]],
  evidence: ['the evidence', () => [text(verdict()), text(says('why-says'), {soft: true}),
    ...[...$('evidence').children].flatMap(d => [text(d.querySelector('h3').textContent, {bold: true}), barsOf(shownIn(d, 'li'))]),
    text(says('why-sum')), time()]],
};

// offered are the panels that this network has.
const offered = () => Object.keys(panels).filter(p => now.net.hidden ? p !== 'histogram' || now.net.tests : ['drawing', 'sees', 'answer'].includes(p));

// picture is a panel as a canvas.
export const picture = panel => paper([text(now.net.title, {bold: true, big: 1.15}), text(now.lesson ? `in training, after ${now.lesson.epoch} epochs and ${now.lesson.step} steps` : `run ${state.run}`, {soft: true}), ...panels[panel][1]()]);

// bare is the image as the network takes it, a pixel a pixel, which why --image reads again.
function bare() {
  const {rows, cols, channels} = now.net, c = el('canvas', {width: cols, height: rows}), ctx = c.getContext('2d'), img = ctx.createImageData(cols, rows);
  for (const p of range(rows * cols)) for (const i of range(4)) img.data[4 * p + i] = i === 3 ? 255 : now.image[p * channels + (channels === 3 ? i : 0)];
  ctx.putImageData(img, 0, 0);
  return c;
}

// numbers are those of what is shown, by the names that --data gives them where it has the same: of why the input, z and
// a of each layer and the evidence, of sheet the maps of the layer that is looked at.
export function numbers() {
  const {net, pass, seen} = now, l = state.layer, k = asked(), best = answer(pass.z[net.hidden]);
  const not = state.not === k ? -1 : state.not, {rows, cols, channels} = net;
  const out = {classes: texts(net.classes), input: channels === 1 ? doubles(pass.x, rows, cols) : doubles(pass.x, rows, cols, channels)};
  if (state.source === 'test') out.label = whole([now.label]);
  Object.assign(out, {predicted: whole([best]), asked: whole([k])});
  if (not >= 0) out.not = whole([not]);
  pass.z.forEach((z, i) => Object.assign(out, {[`z${i + 1}`]: doubles(z), [`a${i + 1}`]: doubles(pass.a[i])}));
  if (!net.hidden) return out;
  const {units} = net.layers[l], known = seen.get(l), mean = known && known.mean;
  const each = m => range(net.output.units).map(c => net.evidence(pass, l, c, -1, m));
  const plain = each(null), matrix = all => doubles(all.flatMap(x => [...x.e]), all.length, units);
  Object.assign(out, {layer: whole([l + 1]), evidence: matrix(plain), rest: doubles(plain.map(x => x.rest))});
  if (mean) Object.assign(out, {centred: matrix(each(mean)), mean_activation: doubles(mean)});
  const whose = k === best ? 'answer' : 'asked', of = net.evidence(pass, l, k, not, null);
  Object.assign(out, {[`${whose}_evidence`]: doubles(of.e), [`${whose}_rest`]: doubles([of.rest]), [`${whose}_sum`]: doubles([of.sum])});
  if (mean) out[`${whose}_centred`] = doubles(net.evidence(pass, l, k, not, mean).e);
  out.neuron = whole(range(units));
  for (const v of net.views) {
    const maps = range(units).map(j => net.map(l, j, v));
    if (maps.some(m => !m)) continue; // they are on their way
    const all = new Float32Array(units * net.inputs);
    maps.forEach((m, j) => all.set(m, j * net.inputs));
    out[v] = singles(all, units, net.inputs);
  }
  if (net.start && net.gamma !== null) out.gamma = doubles([net.then ? net.then.gamma : net.gamma]);
  if (net.then) out.epoch = whole([state.epoch]);
  return out;
}

// quoted is an argument as shells take it.
const quoted = s => /^[\w./:@%+=,-]+$/.test(s) ? s : `'${s.replaceAll("'", `'\\''`)}'`;

// commands are the command lines that make what is shown, each with what it makes. They run where the server was
// started; a page that was written to a file does not say where its run is.
export function commands() {
  const {net, pass} = now, l = state.layer, k = asked(), best = answer(pass.z[net.hidden]);
  if (!net.hidden) return [];
  if (now.lesson && !now.lesson.kept) return [];
  const folder = now.lesson ? now.lesson.kept : now.runs[now.place].folder, run = folder ? quoted(folder) : 'RUN';
  const name = c => /^#\d/.test(net.classes[c]) ? `#${c}` : net.classes[c];
  const flag = (f, v) => v.startsWith('-') ? ` ${f}=${quoted(v)}` : ` ${f} ${quoted(v)}`;
  const end = (look.colours === [...look.palettes.keys()][0] ? '' : flag('--colormap', look.colours)) + (now.dataDir ? flag('--folder', now.dataDir) : '');
  const layer = net.hidden > 1 ? ` --layer ${l + 1}` : '', out = [];
  const add = (what, command) => out.push({what: what + (net !== now.end && !command.startsWith('film') ? ', at the end of the training, nothing broken' : ''), command: `neuroloupe ${command}${end}`});
  const contrast = state.not >= 0 && state.not !== best && k === best ? flag('--not', name(state.not)) : '';
  const elsewhere = k === best ? '' : `, of the answer, ${net.classes[best]}`;
  if (state.source === 'test') add(`This image, layer by layer, and the evidence${elsewhere}`, `why ${run} --image test:${state.test}${layer}${contrast}`);
  else if (net.channels === 1 && now.image.some(v => v >= 32)) add(`This image, once it is saved as drawing.png, layer by layer, and the evidence${elsewhere}`, `why ${run} --image drawing.png${layer}${contrast}`);
  if (net.tests && k !== best && name(k)) add(`The neurons that speak for ${net.classes[k]}, on the test images`, `class ${run} ${name(k).startsWith('-') ? '-- ' : ''}${quoted(name(k))}`);
  if (state.epoch >= 0) add('The maps over the training', `film ${run}`);
  add(`The maps of all neurons: ${viewText[state.view]}`, `sheet ${run}${net.views.length > 1 ? ` --show ${state.view}` : ''}${layer}`);
  if (net.tests) add(`Neuron ${neuron()}`, `neuron ${run} ${neuron()}${layer}`);
  return out;
}

// file has the browser save bytes, or a canvas as a PNG, under a name.
async function file(name, what) {
  const blob = what instanceof HTMLCanvasElement ? await new Promise(done => what.toBlob(done, 'image/png')) : new Blob([what], {type: 'application/zip'});
  const url = URL.createObjectURL(blob);
  el('a', {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
  setText($('save-says'), `Saved as ${name}, ${Math.ceil(blob.size / 1024).toLocaleString('en')} kB.`);
}

// base is the run's own name, as part of a file's.
const base = () => (now.lesson ? 'training' : state.run).split(/[\\/]/).pop().replace(/[^\w.-]+/g, '-') || 'run';

let chosen = 'hidden';

// build makes the controls.
export function build() {
  if (!offered().includes(chosen)) [chosen] = offered();
  $('save-tools').replaceChildren(
    select('Picture of', offered().map(p => [p, panels[p][0]]), chosen, p => { chosen = p; }),
    button('Save PNG', () => file(`${base()}-${chosen}.png`, picture(chosen)), {id: 'save-png'}),
    button('Save numbers (npz)', () => file(`${base()}.npz`, npz(numbers())), {id: 'save-npz'}),
    button(`Save the image alone, ${now.net.rows}×${now.net.cols}`, () => file('drawing.png', bare()), {id: 'save-image'}));
  setText($('save-says'), '');
}

// draw writes the command lines of what is shown.
export function draw() {
  const all = commands();
  $('by-command').hidden = !all.length;
  if ($('commands').dataset.shown === JSON.stringify(all)) return;
  $('commands').dataset.shown = JSON.stringify(all);
  $('commands').replaceChildren(...all.map(({what, command}) => {
    const code = el('code', {}, command);
    return el('li', {}, el('span', {}, what), code, button('Copy', () => copy(code), {'aria-label': `Copy the command: ${what}`}));
  }));
}

// copy puts a command where paste finds it. Browsers have a clipboard for pages of this machine and of https alone; else
// the command is chosen, to be copied by hand.
async function copy(code) {
  getSelection().selectAllChildren(code);
  try {
    await navigator.clipboard.writeText(code.textContent);
    setText($('save-says'), 'Copied.');
  } catch {
    setText($('save-says'), document.execCommand('copy') ? 'Copied.' : 'The command is selected: copy it with ctrl-C.');
  }
}

export const files = {npz: () => npz(numbers()), bare};
