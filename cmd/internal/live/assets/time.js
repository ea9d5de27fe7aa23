// Time: the network as it was after earlier epochs; of some runs the first layer's maps alone.
import {$, ask, fixed, setText} from './tools.js';
import {now, state} from './state.js';

const most = 64 << 20; // bytes of networks that are kept here
let moments = [], accuracy = '', lack = '', latest = 0, of = null, kept = new Map(); // networks by place

// build asks which moments of the run are kept, once for each network that is opened, and shows the slider where there
// are some to go to; moved is called when now.moment is another.
export async function build(moved) {
  const {place, end} = now;
  if (of === end) return visible();
  of = end;
  moments = [];
  kept = new Map();
  visible();
  let all;
  try {
    all = await ask(`/${place}/frames`);
  } catch {
    return; // what is damaged is said where training is looked at
  }
  if (end !== now.end || all.frames.length < 2) return;
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
  const m = moments[i], {place, end} = now, mine = ++latest;
  state.epoch = m ? m.epoch : -1;
  const says = m ? `after epoch ${m.epoch}` + (m.accuracy === null ? '' : `: ${fixed(100 * m.accuracy, 1)} % ${accuracy}`) : 'the network handed out';
  setText($('epoch-says'), says);
  $('epoch').setAttribute('aria-valuetext', says);
  setText($('time-says'), !m ? '' : !lack ? 'All that is shown is of the network as it was then.' :
    `The maps alone are those of that time; all else is of the network handed out: ${lack}.`);
  if (m && !kept.has(i)) {
    let buffer;
    try {
      buffer = await ask(`/${place}/frames/${i}`);
    } catch (err) {
      if (mine === latest) setText($('time-says'), err.message);
      return;
    }
    if (end !== now.end) return;
    const gamma = m.gamma === null ? NaN : m.gamma;
    kept.set(i, lack ? end.like([], {then: {w: new Float32Array(buffer), gamma}}) : end.at(buffer, gamma, `frame=${i}`));
    if (kept.size * buffer.byteLength > most && kept.size > 2) kept.delete(kept.keys().next().value);
  }
  if (mine !== latest) return; // the slider has gone on
  now.moment = m ? kept.get(i) : end;
  moved();
}
