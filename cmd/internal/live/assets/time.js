// Time: the network as it was after earlier epochs; of some runs the first layer's maps alone.
import {$, ask, fixed, setText} from './tools.js';
import {now, state} from './state.js';

const most = 64 << 20; // bytes of networks that are kept here
let moments = [], accuracy = '', lack = '', latest = 0, of = null, kept = new Map(); // networks by epoch

// what is open: a run's network, or a training, whose network is another with every picture.
const opened = () => now.lesson ? now.place : now.end;

// grow asks again which moments of a training are kept.
let growing = false;
export async function grow(moved) {
  if (growing || of !== now.place) return;
  growing = true;
  try {
    const last = state.epoch < 0, {place} = now, all = await ask(`/${place}/frames`);
    if (of === place) {
      [moments, accuracy, lack] = [all.frames, all.accuracy, all.lack];
      $('epoch').max = moments.length;
      const at = last ? moments.length : moments.findIndex(m => m.epoch === state.epoch);
      if (Number($('epoch').value) !== at && at >= 0) $('epoch').value = at;
      $('epoch').oninput = () => show(Number($('epoch').value), moved);
      visible();
    }
  } catch { // it has been let go
  }
  growing = false;
}

// build asks which moments of the run are kept, once for each network that is opened, and shows the slider where there
// are some to go to; moved is called when now.moment is another.
export async function build(moved) {
  const {place} = now, open = opened();
  if (of === open) return visible();
  of = open;
  moments = [];
  kept = new Map();
  visible();
  let all;
  try {
    all = await ask(`/${place}/frames`);
  } catch {
    return; // what is damaged is said where training is looked at
  }
  if (open !== opened() || all.frames.length < 2) return;
  [moments, accuracy, lack] = [all.frames, all.accuracy, all.lack];
  const at = state.epoch < 0 ? -1 : moments.findIndex(m => m.epoch === state.epoch);
  const slider = $('epoch');
  slider.max = moments.length;
  slider.value = at < 0 ? moments.length : at;
  slider.oninput = () => show(Number(slider.value), moved);
  visible();
  await show(Number(slider.value), moved);
}

// visible shows the slider where it moves something: of deeper layers only whole networks tell.
function visible() {
  const there = moments.length > 0 && now.net.hidden > 0 && (!lack || state.layer === 0);
  $('time').hidden = !there;
  $('time-says').hidden = !there;
}

// show goes to a moment; the last place is that of the network handed out.
async function show(i, moved) {
  const m = moments[i], {place} = now, open = opened(), mine = ++latest;
  state.epoch = m ? m.epoch : -1;
  const says = m ? `after epoch ${m.epoch}` + (m.accuracy === null ? '' : `: ${fixed(100 * m.accuracy, 1)} % ${accuracy}`) : now.lesson ? 'now' : 'the network handed out';
  setText($('epoch-says'), says);
  $('epoch').setAttribute('aria-valuetext', says);
  setText($('time-says'), !m ? '' : !lack ? 'All that is shown is of the network as it was then.' :
    `The maps alone are those of that time; all else is of the network handed out: ${lack}.`);
  if (m && !kept.has(m.epoch)) {
    let buffer;
    try {
      buffer = await ask(`/${place}/frames/${m.at}`);
    } catch (err) {
      if (mine === latest) setText($('time-says'), err.message);
      return;
    }
    if (open !== opened()) return;
    const gamma = m.gamma === null ? NaN : m.gamma, {end} = now;
    kept.set(m.epoch, lack ? end.like([], {then: {w: new Float32Array(buffer), gamma}}) : end.at(buffer, gamma, `frame=${m.at}`));
    if (kept.size * buffer.byteLength > most && kept.size > 2) kept.delete(kept.keys().next().value);
  }
  if (mine !== latest) return; // the slider has gone on
  now.moment = m ? kept.get(m.epoch) : now.end;
  moved();
}
