// Time: the first layer's maps as they were after earlier epochs.
import {$, ask, fixed, setText} from './tools.js';
import {now, state} from './state.js';

let moments = [], accuracy = '', latest = 0;
const kept = new Map(); // weights by run and place, of the run that is open

// build asks which moments are kept; done is called when other maps are to be drawn.
export async function build(done) {
  const {place} = now;
  $('time').hidden = true;
  setText($('time-says'), '');
  moments = [];
  kept.clear();
  let all;
  try {
    all = await ask(`/${place}/frames`);
  } catch {
    return; // what is damaged is said where training is looked at
  }
  if (place !== now.place || all.frames.length < 2 || state.layer > 0 || !now.net.hidden) return;
  [moments, accuracy] = [all.frames, all.accuracy];
  const at = state.epoch < 0 ? -1 : moments.findIndex(m => m.epoch === state.epoch);
  const slider = $('epoch');
  slider.max = moments.length;
  slider.value = at < 0 ? moments.length : at;
  slider.oninput = () => show(Number(slider.value), done);
  $('time').hidden = false;
  await show(Number(slider.value), done);
}

// show goes to a moment; the last place is that of the weights handed out.
async function show(i, done) {
  const m = moments[i], {place, net} = now, mine = ++latest;
  state.epoch = m ? m.epoch : -1;
  const says = m ? `after epoch ${m.epoch}` + (m.accuracy === null ? '' : `: ${fixed(100 * m.accuracy, 1)} % ${accuracy}`) : 'the network handed out';
  setText($('epoch-says'), says);
  $('epoch').setAttribute('aria-valuetext', says);
  setText($('time-says'), m ? 'The maps are those of that time. What this image does is worked out with the network handed out.' : '');
  if (m && !kept.has(i)) {
    try {
      kept.set(i, new Float32Array(await ask(`/${place}/frames/${i}`)));
    } catch (err) {
      setText($('time-says'), err.message);
      return;
    }
  }
  if (mine !== latest || net !== now.net) return; // the slider has gone on
  net.then = m ? {w: kept.get(i), gamma: m.gamma} : null;
  done();
}

// hide is for layers of which no earlier weights are kept.
export function hide() {
  $('time').hidden = true;
  setText($('time-says'), '');
  if (now.net) now.net.then = null;
}
