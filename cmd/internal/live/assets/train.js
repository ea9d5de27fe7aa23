// Train: the settings of a training, its controls, and the network as it learns.
import {$, askAt, button, digits, el, fixed, post, select, setText} from './tools.js';
import {curves} from './curves.js';
import {now, state} from './state.js';

const factsTime = 3000, limitsTime = 500; // ms between two looks at all test images, and at where colours end, in play
const lessons = new Map(); // trainings by name, as the server told of them
let choices, hooks, knobs = {}, follows = null, got = 0, fetching = false, epochs = [], facts, said = '';

// names are those of the flags of train; a knob is a setting that a person turns.
const turned = [
  ['hidden', 'Hidden σ'], ['output', 'Output σ'], ['loss', 'Loss'], ['init', 'Start'], ['optimizer', 'Optimiser'], ['lr', 'η'],
  ['momentum', 'Momentum μ'], ['schedule', 'η over the run'], ['l2', 'λ (L2)'], ['l1', 'λ (L1)'], ['dropout', 'Dropout'], ['batch', 'Batch'], ['epochs', 'Epochs'],
  ['seed', 'Seed'], ['zero-dead', 'dead pixels start at 0'],
];
const numeric = {lr: 'any', momentum: 'any', l2: 'any', l1: 'any', dropout: 'any', batch: 1, epochs: 1, seed: 1};
const keyOf = name => name.replaceAll('-', '_');

// first is how long it took from asking for the training to its first epoch, in ms.
export const first = () => follows && lessons.get(follows.name).first;

export const isLesson = name => lessons.has(name);
export const titleOf = name => `in training: ${lessons.get(name).recipe.net}, ${lessons.get(name).recipe.preset}`;
export const names = () => [...lessons.keys()];

// build makes the panel. hooks are open, with a training's name; shown, when another network is to be drawn; gone, when
// the training that is followed has been let go; problem, with an error.
export async function build(h) {
  hooks = h;
  choices = await askAt('/api/lessons');
  for (const l of choices.lessons) lessons.set(l.name, l);
  const knob = (name, text) => {
    if (name === 'zero-dead') return el('label', {class: 'check'}, knobs[name] = el('input', {type: 'checkbox', id: `knob-${name}`, onchange: turn}), text);
    const all = choices.names[name];
    knobs[name] = all ? el('select', {id: `knob-${name}`, onchange: turn}, all.map(v => el('option', {value: v}, v))) :
      el('input', {type: 'number', id: `knob-${name}`, min: numeric[name] === 1 && name !== 'seed' ? 1 : 0, step: numeric[name], onchange: turn});
    return el('label', {}, text, knobs[name]);
  };
  knobs.layers = el('input', {type: 'text', id: 'knob-layers', inputmode: 'numeric', size: 9, onchange: turn, 'aria-describedby': 'layers-help'});
  $('knobs').replaceChildren(
    select('Preset', choices.presets.map(p => [p.preset, p.preset]), '', v => { preset(v); turn(); }),
    select('Images', choices.data.map(d => [d, d]), '', () => turn()),
    el('label', {title: 'Sizes, from the first on; empty for none'}, 'Hidden layers', knobs.layers),
    ...turned.map(([name, text]) => knob(name, text)));
  [knobs.preset, knobs.data] = $('knobs').querySelectorAll('select');
  preset(choices.presets[0].preset);
  $('train-do').replaceChildren(
    knobs.play = button('Train', play), knobs.step = button('One step', () => act('step')), knobs.epoch = button('One epoch', () => act('epoch')),
    knobs.again = button('Again', () => begin(true), {title: 'From the start, with the same settings'}),
    knobs.keep = button('Keep', keep, {title: 'Writes a run folder, as neuroloupe train does'}),
    knobs.end = button('Let go', () => act('end'), {title: 'What was not kept is lost'}));
  $('layers-help').hidden = false;
  controls();
}

const recipeOf = name => choices.presets.find(p => p.preset === name);

// preset turns all knobs to those of a preset.
function preset(name) {
  const r = recipeOf(name);
  knobs.preset.value = name;
  knobs.layers.value = r.layers.join('-');
  for (const [k] of turned) set(k, r[keyOf(k)]);
}

function set(name, value) {
  if (name === 'zero-dead') knobs[name].checked = value;
  else knobs[name].value = value;
}

// settings are what the knobs say, those that differ from the preset's alone.
function settings() {
  const p = recipeOf(knobs.preset.value), out = {};
  for (const [name] of turned) {
    const v = name === 'zero-dead' ? knobs[name].checked : name in numeric ? Number(knobs[name].value) : knobs[name].value;
    if (name in numeric && knobs[name].value === '') throw new Error(`${turned.find(t => t[0] === name)[1]}: want a number.`);
    if (v !== p[keyOf(name)]) out[name] = v;
  }
  const usual = ['momentum', 'nesterov'].includes(knobs.optimizer.value) && Number(knobs.momentum.value) === 0;
  if (usual) delete out.momentum; // the server takes the usual 0.9
  return out;
}

function layers() {
  const text = knobs.layers.value.trim();
  if (!text) return [];
  const all = text.split(/[\s,-]+/).map(Number);
  if (!all.every(n => Number.isInteger(n) && n > 0)) throw new Error(`Hidden layers “${text}”: want sizes, as in 100 or 300-100.`);
  return all;
}

// wanted is the training that the knobs describe.
function wanted() {
  const w = {preset: knobs.preset.value, data: knobs.data.value, layers: layers(), settings: settings()};
  if (String(w.layers) === String(recipeOf(w.preset).layers)) w.layers = null;
  return w;
}

// turn begins the training again, with other settings.
function turn() {
  if (!now.lesson) return;
  const s = now.lesson;
  begin(s.state !== 'paused' || s.steps > 0);
}

// begin begins the training that the knobs describe, in the place of the one that is followed.
async function begin(playing) {
  try {
    await ask({...wanted(), play: playing, replace: follows ? follows.name : ''});
  } catch (err) {
    hooks.problem(err);
  }
}

async function ask(want) {
  hooks.problem();
  const asked = performance.now(), l = await post('', want);
  if (want.replace) lessons.delete(want.replace);
  lessons.set(l.name, {...l, asked});
  state.train = {preset: want.preset, data: want.data, layers: want.layers, settings: want.settings};
  state.steps = -1;
  state.epoch = -1;
  await hooks.open(l.name);
}

// attach shows the training of an address: the one that is under way on the server, or one that is begun now and goes on
// to the same step.
export async function attach() {
  const {train, steps} = state;
  const there = [...lessons.values()].find(l => l.data === train.data && matches(l.recipe, train) && (steps < 0 || l.status.steps <= steps || steps % l.status.of === 0));
  if (there) {
    if (steps >= 0 && there.status.steps > steps) state.epoch = steps / there.status.of;
    await hooks.open(there.name);
    if (steps >= 0 && there.status.steps < steps) await post(`/${there.name}/until`, {steps});
    return;
  }
  const l = await post('', {...train, play: steps > 0, until: Math.max(0, steps)});
  lessons.set(l.name, {...l, asked: performance.now()});
  await hooks.open(l.name);
}

// matches reports whether a recipe is that of a preset with some settings.
function matches(recipe, {preset: name, layers: sizes, settings: some}) {
  const p = recipeOf(name), want = {...p, ...Object.fromEntries(Object.entries(some).map(([k, v]) => [keyOf(k), v]))};
  return recipe.preset === name && recipe.net.split('-').slice(1, -1).join() === (sizes || p.layers).join() &&
    turned.every(([k]) => recipe[keyOf(k)] === want[keyOf(k)] || k === 'momentum' && want.momentum === 0);
}

// follow shows how a training goes from now on.
export function follow(name) {
  leave();
  const l = lessons.get(name);
  $('train-part').open = true;
  knobs.preset.value = l.recipe.preset;
  knobs.data.value = l.data;
  knobs.layers.value = l.recipe.net.split('-').slice(1, -1).join('-');
  for (const [k] of turned) set(k, l.recipe[keyOf(k)]);
  state.train ||= {data: l.data, preset: l.recipe.preset, ...wanted()};
  [epochs, got, said] = [[], 0, ''];
  facts = {seen: new Map(), asked: new Map(), fetched: new Map(), limits: new Map(), as: 0, told: 0, measured: 0};
  share(now.end);
  follows = {name, source: new EventSource(`/api/lessons/${name}/events`)};
  follows.source.addEventListener('status', e => status(name, JSON.parse(e.data)));
  follows.source.addEventListener('epochs', e => {
    epochs.push(...JSON.parse(e.data));
    if (!l.first && l.asked) l.first = performance.now() - l.asked;
    curves(epochs, l.recipe.epochs);
    hooks.grown();
  });
  status(name, l.status);
  curves(epochs, l.recipe.epochs);
}

// leave stops following.
export function leave() {
  if (follows) follows.source.close();
  follows = now.lesson = null;
  controls();
}

// share has networks of one training share what takes long to work out.
function share(net) {
  return Object.assign(net, {end: net, seen: facts.seen, asked: facts.asked, fetched: facts.fetched, limits: facts.limits, query: `now=${facts.as}`});
}

function status(name, s) {
  if (!follows || follows.name !== name) return;
  lessons.get(name).status = s;
  const before = now.lesson;
  now.lesson = s;
  controls();
  if (s.state === 'over') {
    lessons.delete(name);
    leave();
    hooks.gone();
    return;
  }
  if (s.error) hooks.problem(new Error(s.error));
  if (s.frame !== got && !fetching && !document.hidden) frames(name);
  if (before && before.state === 'plays' && s.state !== 'plays') look(true);
}

// frames fetches pictures of the network until there is no other.
async function frames(name) {
  fetching = true;
  try {
    while (follows && follows.name === name && now.lesson.frame !== got) {
      const answer = await fetch(`/api/lessons/${name}/frame`);
      if (!answer.ok) throw new Error(await answer.text());
      const buffer = await answer.arrayBuffer();
      if (!follows || follows.name !== name) break;
      got = Number(answer.headers.get('Frame-Number'));
      const end = share(now.end.at(buffer, Number(answer.headers.get('Frame-Gamma')), ''));
      end.dated = {epoch: Number(answer.headers.get('Frame-Epoch')), step: Number(answer.headers.get('Frame-Step'))};
      now.end = end;
      now.shown = (now.shown || 0) + 1; // pictures, for whoever counts them
      look(false);
      if (state.epoch < 0) {
        now.moment = end;
        hooks.shown();
      }
      await new Promise(requestAnimationFrame);
    }
  } catch (err) {
    if (follows && follows.name === name) setText($('train-says'), err.message);
  }
  fetching = false;
}

// look takes what the network does on the test images, and where its colours end, for old: now, or when they are.
function look(at) {
  const time = performance.now(), plays = now.lesson.state === 'plays';
  if (at || !plays || time - facts.measured > limitsTime) {
    facts.measured = time;
    facts.limits.clear();
  }
  if (at || !plays || time - facts.told > factsTime) {
    facts.told = time;
    facts.as = got;
    now.end.query = `now=${got}`;
    hooks.facts();
  }
}

const stateText = {begins: 'is made ready', paused: '', plays: '', ended: 'has ended', failed: 'has failed', over: 'has been let go'};

// controls says what can be done, and how far it is.
function controls() {
  if (!knobs.play) return; // in a page that was written to a file
  const s = now.lesson, over = s && ['ended', 'failed'].includes(s.state), plays = s && s.state === 'plays';
  setText(knobs.play, plays ? 'Pause' : over ? 'Train again' : s && s.steps > 0 ? 'Go on' : 'Train');
  for (const b of [knobs.step, knobs.epoch]) b.disabled = !s || over || plays;
  for (const b of [knobs.again, knobs.end]) b.disabled = !s;
  knobs.keep.disabled = !s || Boolean(s.kept) || s.steps === 0;
  knobs.momentum.disabled = !['momentum', 'nesterov'].includes(knobs.optimizer.value);
  const last = epochs.at(-1), parts = !s ? ['Turn the knobs, and press Train: the network learns here, and can be looked at as it does.'] : [
    `epoch ${Math.min(s.epochs, s.epoch + (over ? 0 : 1))} of ${s.epochs}` + (s.step ? `, step ${s.step.toLocaleString('en')} of ${s.of.toLocaleString('en')}` : ''),
    s.steps ? `loss ${digits(s.loss, 3)}` : '', last && last.test_accuracy !== undefined ? `test accuracy ${fixed(100 * last.test_accuracy, 2)} % after epoch ${last.epoch}` : '',
    s.rate ? `${Math.round(s.rate).toLocaleString('en')} images/s on ${s.device}` : '', stateText[s.state], s.kept ? `kept as ${s.kept}` : '',
  ];
  setText($('train-says'), parts.filter(Boolean).join(' · '));
  const loud = s ? `${s.state} ${s.kept} ${Math.floor(s.epoch / 5)}` : '';
  if (loud !== said && s) setText($('train-live'), `Training: ${stateText[s.state] || s.state}, epoch ${s.epoch}${last && last.test_accuracy !== undefined ? `, test accuracy ${fixed(100 * last.test_accuracy, 1)} %` : ''}.`);
  said = loud;
  setText($('train-command'), command());
}

// command is what trains the same at a command line.
function command() {
  let w;
  try {
    w = wanted();
  } catch (err) {
    return err.message;
  }
  const word = v => /^[\w./-]+$/.test(v) ? v : `'${String(v).replaceAll("'", "'\\''")}'`, s = now.lesson;
  const net = s && w.layers ? ` --net ${lessons.get(follows.name).recipe.net}` : '';
  const flags = Object.entries(w.settings).map(([k, v]) => k === 'zero-dead' ? v ? ' --zero-dead' : ' --no-zero-dead' : ` --${k} ${v}`);
  return `neuroloupe train${w.data === 'mnist' ? '' : ` ${word(w.data)}`}${w.preset === 'clear' ? '' : ` --preset ${w.preset}`}${net}${flags.join('')}`;
}

async function act(what) {
  if (!follows) return;
  try {
    hooks.problem();
    state.steps = -1;
    await post(`/${follows.name}/${what}`);
  } catch (err) {
    hooks.problem(err);
  }
}

function play() {
  const s = now.lesson;
  if (!s || ['ended', 'failed'].includes(s.state)) return begin(true);
  return act(s.state === 'plays' ? 'pause' : 'play');
}

async function keep() {
  await act('keep');
  hooks.kept();
}
