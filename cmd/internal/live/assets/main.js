// The page: chooses a run, takes an image, and has every part drawn of it.
import {$, ask, button, el, fixed, select, setText} from './tools.js';
import {Net, answer} from './net.js';
import {fromBitmap} from './ink.js';
import {Pad, sees} from './pad.js';
import {again as curves} from './curves.js';
import {look, setColors, systemDark} from './paint.js';
import {address, follow, neuron, now, state} from './state.js';
import {holds, still, tests as keptTests} from './still.js';
import * as answers from './answer.js';
import * as breaking from './break.js';
import * as hidden from './hidden.js';
import * as portrait from './neuron.js';
import * as save from './save.js';
import * as time from './time.js';
import * as train from './train.js';
import * as why from './why.js';

const pad = new Pad($('pad'), own => {
  if (own) {
    Object.assign(state, {source: 'strokes', pixels: null});
    setText($('source'), '');
  }
  Object.assign(state, {strokes: pad.strokes, width: pad.width});
  redraw();
});

// Drawing waits for the next frame, and then all of it is done at once.
let wanted = false;
now.painted = 0; // counts what makes every picture another: theme, colours

function redraw() {
  if (!wanted) requestAnimationFrame(draw);
  wanted = true;
}

function draw() {
  wanted = false;
  const {net} = now;
  if (!net) return;
  const began = performance.now();
  if (state.source === 'strokes') now.image = coloured(pad.image());
  if (!now.image) return; // it is on its way
  now.pass = net.forward(now.image);
  pad.paint();
  sees(now.image, net.rows, net.cols);
  answers.draw();
  breaking.draw();
  if (net.hidden) {
    why.draw();
    hidden.draw();
    portrait.draw();
  }
  now.took = performance.now() - began;
  now.frames = (now.frames || 0) + 1;
  later();
}

// coloured is a grey image as a network of several colours takes it.
function coloured(image) {
  const {channels} = now.net;
  return channels === 1 ? image : Uint8Array.from({length: image.length * channels}, (_, i) => image[Math.floor(i / channels)]);
}

// later writes the address and says the answer, when nothing has changed for a moment.
let rest = 0;
function later() {
  clearTimeout(rest);
  rest = setTimeout(() => {
    if (!now.pass) return; // another run is being opened
    history.replaceState(null, '', location.pathname + address());
    save.draw();
    const {net, pass} = now, k = answer(pass.z[net.hidden]);
    const blank = now.image.every(v => v === 0);
    setText($('live'), blank ? 'Nothing is drawn.' : `The network${state.epoch >= 0 && net.query.includes('frame') ? ` after epoch ${state.epoch}` : ''}${net === now.moment ? '' : ', broken,'} says ${net.classes[k]}, output ${fixed(pass.a[net.hidden][k])}.` +
      (net.hidden && why.strongest() !== undefined ? ` Neuron ${why.strongest()} speaks for ${net.classes[answers.asked()]} most.` : ''));
  }, 400);
}

function problem(err) {
  setText($('problem'), err ? err.message : '');
  $('problem').hidden = !err;
}

// open takes another run.
let opening = 0, fresh = true;
async function open(name) {
  const mine = ++opening, lesson = train.isLesson(name);
  const place = lesson ? name : Math.max(0, now.runs.findIndex(r => r.name === name));
  if (!lesson && !now.runs.length) return;
  problem();
  try {
    const [about, weights] = await Promise.all([ask(`/${place}`), ask(`/${place}/weights`)]);
    if (opening !== mine) return; // another has been chosen since
    const net = new Net(about, weights);
    Object.assign(now, {net, end: net, moment: net, place, image: null, pass: null, seen: net.seen, peek: -1});
  } catch (err) {
    problem(err);
    return;
  }
  const {net} = now;
  if (lesson) train.follow(name);
  else {
    train.leave();
    state.run = now.runs[place].name;
    state.train = null;
  }
  const inside = (v, n, or) => v >= 0 && v < n ? v : or;
  state.layer = inside(state.layer, Math.max(1, net.hidden), 0);
  state.neuron = inside(state.neuron, net.layers[state.layer].units, 0);
  for (const c of ['chosen', 'not']) state[c] = inside(state[c], net.output.units, -1);
  if (!net.views.includes(state.view)) state.view = net.views[0];
  setText($('title'), net.title);
  document.title = `${lesson ? train.titleOf(name) : state.run} – neuroloupe`;
  if (net.faults && net.faults.length) problem(new Error(`What is shown cannot be trusted: ${net.faults.join('; ')}.`));
  for (const id of ['hidden', 'neuron', 'why']) $(id).hidden = !net.hidden;
  $('bench').hidden = false;
  $('doctor-says').replaceChildren();
  pad.centred = state.centred && net.rows === net.cols;
  pad.fit(net.rows, net.cols);
  if (state.width) pad.width = state.width;
  buildTools();
  buildImages();
  save.build();
  answers.build(k => { state.chosen = k; rebuild(); });
  breaking.build(changed);
  rebuild(true);
  if (fresh && state.source === 'strokes' && !state.strokes.length && net.tests) Object.assign(state, {source: 'test', test: 0});
  fresh = false;
  await take();
}

// take puts the image of the state on the pad.
async function take() {
  const {net} = now;
  if (state.source === 'test' && net.tests) {
    state.test = Math.min(Math.max(0, state.test), net.tests - 1);
    try {
      const all = new Uint8Array(await ask(`/${now.place}/tests/${state.test}`));
      now.label = all[0];
      now.image = all.slice(1);
    } catch (err) {
      return problem(err);
    }
    pad.show(now.image);
    $('number').value = state.test;
    setText($('source'), `Test image ${state.test}: a ${net.classes[now.label]}.`);
  } else if (state.source === 'pixels' && state.pixels && state.pixels.length === net.inputs) {
    now.image = state.pixels;
    pad.show(now.image);
    setText($('source'), 'A picture of yours.');
  } else {
    state.source = 'strokes';
    pad.set(state.strokes);
    setText($('source'), '');
  }
  redraw();
}

// rebuild makes the controls of all parts again.
function rebuild(layer) {
  const {net} = now;
  if (net.hidden) {
    const pick = newLayer => {
      if (newLayer) state.neuron = 0;
      rebuild(newLayer);
    };
    keepFocus($('hidden-tools'), () => hidden.build(pick));
    keepFocus($('why-tools'), () => { if (layer || !why.strongest || !$('evidence').children.length) why.build(choose, pick); });
    for (const [i, value] of [state.chosen, state.not].entries()) $('why-tools').querySelectorAll('select')[i].value = value;
    if (layer) {
      portrait.build(showTest);
      need();
      time.build(() => breaking.apply(changed));
    }
    hidden.layOut();
    if (state.layer > 0) needMaps();
  }
  redraw();
}

// keepFocus gives a control that had the focus it again in its new shape.
function keepFocus(e, build) {
  const controls = () => [...e.querySelectorAll('button, input, select')], at = controls().indexOf(document.activeElement);
  build();
  if (at >= 0 && controls()[at]) controls()[at].focus({preventScroll: true});
}

// changed is called when the network looked at is another: of another time, or broken.
function changed() {
  repaint();
  if (!now.net.hidden) return;
  need();
  if (state.layer > 0) needMaps();
}

// need asks for what the layer does on the test images; one question at a time, while the slider of time goes on.
let needing = false;
async function need() {
  if (needing) return;
  needing = true;
  try {
    while (now.net.tests && !now.seen.has(state.layer)) {
      await now.net.look(now.place, state.layer);
      redraw();
    }
  } catch (err) {
    if (!still) problem(err); // what a page in a file lacks is said where it would stand
  }
  needing = false;
}

// needMaps asks for the maps of a deeper layer; of the network handed out too, whose colours all have.
async function needMaps() {
  const {end, place} = now, l = state.layer;
  for (const net of new Set([end, now.net])) await needMapsOf(net, place, l);
}

async function needMapsOf(net, place, l) {
  for (const view of net.views) {
    if (net.fetched.has(l + view)) continue;
    net.fetched.set(l + view, null);
    try {
      net.fetched.set(l + view, new Float32Array(await ask(net.path(place, `maps/${l + 1}`, `show=${view}`))));
      net.fetched.set(`${l}${view} here`, null); // so that its number says that there are more
    } catch (err) {
      problem(err);
    }
    if (net.limits) net.limits.delete(l + view);
    redraw();
  }
}

function choose(j) {
  state.neuron = j;
  now.picked = true;
  now.peek = -1;
  redraw();
}

function peek(j) {
  if (now.peek === j) return;
  now.peek = j;
  redraw();
}

function showTest(n) {
  Object.assign(state, {source: 'test', test: n, pixels: null});
  take();
}

// buildPen makes the buttons below the pad, buildImages those for images from elsewhere.
function buildPen() {
  $('pen').replaceChildren(
    button('Undo', () => pad.undo()), button('Clear', () => pad.clear()),
    button('Thinner', () => pad.thicken(1 / 1.25)), button('Thicker', () => pad.thicken(1.25)),
    el('label', {title: 'Scaled into a box of 20×20 and centred by its mass, as the pictures of MNIST are'},
      el('input', {type: 'checkbox', id: 'centred', onchange: e => { pad.centred = state.centred = e.target.checked; says(); redraw(); }}), 'centre, as MNIST is'),
  );
}

const says = () => setText($('sees-says'), `what the network sees, ${now.net.rows}×${now.net.cols}`);

function buildImages() {
  const {net} = now, all = still ? keptTests : null; // null for each of them
  const step = by => () => showTest(all ? all.at((all.indexOf(state.test) + by) % all.length) : ((state.test + by) % net.tests + net.tests) % net.tests);
  $('centred').checked = pad.centred;
  says();
  $('images').replaceChildren(...[
    net.tests && el('label', {}, 'Test image', el('input', {type: 'number', id: 'number', min: 0, max: net.tests - 1, value: state.test, onchange: e => {
      if (e.target.checkValidity() && e.target.value !== '') showTest(Number(e.target.value));
    }})),
    net.tests && button('‹', step(-1), {'aria-label': 'The test image before'}), net.tests && button('›', step(1), {'aria-label': 'The next test image'}),
    net.tests && button('Any', () => showTest(all ? all[Math.floor(Math.random() * all.length)] : Math.floor(Math.random() * net.tests))),
    net.channels === 1 && el('label', {class: 'file'}, 'PNG…', el('input', {type: 'file', accept: 'image/*', 'aria-label': 'A picture from a file', onchange: e => {
      drop(e.target.files[0]);
      e.target.value = '';
    }})),
  ].filter(Boolean));
}

// drop takes a picture from a file.
async function drop(file) {
  if (!file || !now.net) return;
  try {
    const bitmap = await createImageBitmap(file);
    if (bitmap.width > 4096 || bitmap.height > 4096) throw new Error('large');
    Object.assign(state, {source: 'pixels', pixels: fromBitmap(bitmap, now.net.rows, now.net.cols)});
    problem();
    take();
  } catch (err) {
    problem(new Error(err.message === 'large' ? 'The picture is too large: want at most 4096×4096 pixels.' : `${file.name} is no picture that this browser can read.`));
  }
}

function listenToDrops() {
  const over = on => $('pad').classList.toggle('over-it', on);
  addEventListener('dragover', e => { e.preventDefault(); over(true); });
  addEventListener('dragleave', () => over(false));
  addEventListener('drop', e => {
    e.preventDefault();
    over(false);
    drop(e.dataTransfer.files[0]);
  });
}

// repaint draws all in other colours.
function repaint() {
  now.painted++;
  redraw();
}

const themes = [['', 'Theme: system'], ['light', 'Theme: light'], ['dark', 'Theme: dark']];

function buildTools() {
  const chosen = document.documentElement.dataset.theme || '';
  const theme = button(themes.find(t => t[0] === chosen)[1], () => {
    const i = (themes.findIndex(t => t[0] === (document.documentElement.dataset.theme || '')) + 1) % themes.length;
    if (themes[i][0]) document.documentElement.dataset.theme = themes[i][0];
    else delete document.documentElement.dataset.theme;
    setText(theme, themes[i][1]);
    repaint();
  });
  keepFocus($('tools'), () => $('tools').replaceChildren(...[
    now.runs.length + train.names().length > 1 && select('Run', [...train.names().map(n => [n, train.titleOf(n)]),
      ...now.runs.map(r => [r.name, `${r.name}${r.accuracy === null ? '' : ` (${fixed(100 * r.accuracy, 1)} %)`}`])], now.lesson ? now.place : state.run, open),
    select('Colours', [...look.palettes.keys()].map(n => [n, n]), look.colours, n => { look.colours = n; repaint(); }), theme,
  ].filter(Boolean)));
}

function askDoctor() {
  const b = $('ask-doctor');
  $('doctor').hidden = still; // who tries things out by training
  b.addEventListener('click', async () => {
    b.disabled = true;
    setText(b, 'The doctor is trying things out …');
    try {
      const d = await ask(`/${now.place}/doctor`);
      $('doctor-says').replaceChildren(
        el('dl', {class: 'facts'}, d.rows.map(([name, text]) => [el('dt', {}, name), el('dd', {}, text)])),
        el('ul', {class: 'advice'}, (d.advice || []).map(a => el('li', {}, a))));
    } catch (err) {
      problem(err);
    }
    b.disabled = false;
    setText(b, 'Ask the doctor');
  });
}

// show opens what the address names.
async function show() {
  if (!state.train) return open(state.run);
  try {
    await train.attach();
  } catch (err) {
    problem(err);
  }
}

// buildTrain makes the panel of trainings.
async function buildTrain() {
  let blank = 0;
  await train.build({
    open, problem,
    shown: () => breaking.apply(repaint),
    facts: () => {
      for (const what of [now.end.seen, now.end.asked, now.end.fetched]) what.clear();
      need();
      if (state.layer > 0) needMaps();
      redraw();
    },
    grown: () => {
      clearTimeout(blank);
      blank = setTimeout(() => time.grow(() => breaking.apply(changed)), 200);
    },
    gone: () => {
      buildTools();
      if (now.runs.length) open(state.run);
      else $('bench').hidden = true;
    },
    kept: async () => {
      now.runs = (await ask('')).runs;
      buildTools();
    },
  });
}

async function start() {
  // The token has been exchanged for a cookie; it need not stand in the history.
  history.replaceState(null, '', location.pathname + location.hash);
  try {
    const {runs, colors, data_dir: dataDir} = await ask('');
    Object.assign(now, {runs, dataDir});
    setColors(colors);
  } catch (err) {
    problem(err);
    return;
  }
  follow(location.hash);
  $('holds').hidden = !still;
  setText($('holds'), `This page was written by neuroloupe serve --export and asks for nothing else. It holds ${holds}.`);
  const first = !/neuron=/.test(location.hash);
  $('train-part').hidden = still;
  if (still) state.train = null;
  else {
    try {
      await buildTrain();
    } catch (err) {
      problem(err);
    }
  }
  if (!now.runs.length && !state.train) {
    $('train-part').open = true;
    buildTools();
  }
  buildPen();
  hidden.listen(choose, peek);
  breaking.listen();
  listenToDrops();
  askDoctor();
  systemDark.addEventListener('change', repaint);
  look.resized = () => {
    curves();
    if (!now.net) return;
    hidden.layOut();
    redraw();
  };
  addEventListener('hashchange', e => {
    follow(new URL(e.newURL).hash); // the address itself may have been written over since; see later
    show();
  });
  await show();
  if (!now.net) return;
  // Nobody has chosen a neuron yet: the one that speaks for the answer most says more than the first.
  if (!first || !now.net.hidden) return;
  await need();
  if (now.picked || !now.pass) return;
  draw();
  choose(why.strongest() ?? 0);
}

// What is worked out, for whoever opens the console, and for the tests.
window.neuroloupe = {now, state, pad, sums: why.sums, neuron, train, normal: breaking.normal, save};
start();
