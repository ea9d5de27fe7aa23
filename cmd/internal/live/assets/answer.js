// The answer: the class of the largest logit, and all outputs.
import {$, button, descending, el, fixed, range, setText} from './tools.js';
import {answer} from './net.js';
import {now, state} from './state.js';

const most = 12; // outputs that are shown
let rows = [];

// asked is the class that is asked about: the one chosen, or the answer.
export const asked = () => state.chosen >= 0 ? state.chosen : answer(now.pass.z[now.net.hidden]);

// build makes the rows; choose is called with a class.
export function build(choose) {
  const {net} = now;
  rows = range(Math.min(most, net.output.units)).map(() => {
    const r = {name: el('b'), bar: el('span'), number: el('span', {class: 'number'})};
    r.row = button([r.name, el('span', {class: 'bar'}, r.bar), r.number], () => choose(state.chosen === r.class ? -1 : r.class));
    return r;
  });
  $('outputs').replaceChildren(...rows.map(r => r.row));
}

export function draw() {
  const {net, pass} = now, z = pass.z[net.hidden], a = pass.a[net.hidden], best = answer(z);
  const bounded = ['sigmoid', 'softmax'].includes(net.output.activation);
  const shown = net.output.units <= most ? range(net.output.units) : descending(z).slice(0, most);
  const top = bounded ? 1 : Math.max(1e-9, ...shown.map(k => Math.abs(a[k])));
  const blank = now.image.every(v => v === 0);
  setText($('verdict'), blank ? '–' : net.classes[best]);
  $('verdict').className = net.classes[best].length > 3 ? 'long' : '';
  const second = descending(z)[1];
  setText($('verdict-says'), blank ? 'nothing drawn; the bars are what the network says to black' :
    bounded ? `output ${fixed(a[best], 3)}` + (second === undefined ? '' : `, then ${net.classes[second]} with ${fixed(a[second], 3)}`) : `output ${fixed(a[best], 3)}`);
  shown.forEach((k, i) => {
    const r = rows[i];
    r.class = k;
    setText(r.name, net.classes[k]);
    r.row.className = k === best && !blank ? 'first' : '';
    r.row.setAttribute('aria-pressed', k === asked());
    r.bar.style.width = `${100 * Math.min(1, Math.abs(a[k]) / top)}%`;
    r.bar.className = a[k] < 0 ? 'minus' : '';
    setText(r.number, fixed(a[k], 3));
    r.row.title = `logit ${fixed(z[k], 3)}`;
  });
}
