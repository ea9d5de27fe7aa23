// Why: what each hidden neuron gives to a logit, with sums that check.
import {$, choice, descending, el, fixed, largest, range, select, setText, signed} from './tools.js';
import {asked} from './answer.js';
import {grey} from './hidden.js';
import {map} from './paint.js';
import {neuron, now, state} from './state.js';

const each = 5; // neurons for and against
let lists = [], totals;

// build makes the rows; choose is called with a neuron, pick when something else is chosen.
export function build(choose, pick) {
  const {net} = now, classes = net.classes.map((name, k) => [k, name]);
  $('why-tools').replaceChildren(
    select('Why', [[-1, 'the answer'], ...classes], state.chosen, v => { state.chosen = Number(v); pick(); }),
    select('and not', [[-1, '–'], ...classes], state.not, v => { state.not = Number(v); pick(); }),
    net.tests ? choice('account', 'Account', [['centred', 'beyond the usual'], ['plain', 'plain']], state.account, v => { state.account = v; pick(); }) : '',
  );
  const row = () => {
    const r = {name: el('b'), map: el('canvas', {'aria-hidden': 'true'}), product: el('canvas', {'aria-hidden': 'true'}), bar: el('span'), number: el('span', {class: 'number'})};
    r.row = el('button', {type: 'button', onclick: () => choose(r.neuron)}, r.name, r.map, r.product, el('span', {class: 'bar'}, r.bar), r.number);
    r.item = el('li', {}, r.row);
    return r;
  };
  lists = ['For it', 'Against it'].map(title => ({title: el('h3', {}, title), rows: range(each).map(row)}));
  $('evidence').replaceChildren(...lists.map(l => el('div', {}, l.title, el('ol', {}, l.rows.map(r => r.item)))));
}

export function draw() {
  const {net, pass} = now, k = asked(), not = state.not === k ? -1 : state.not, l = state.layer;
  const seen = now.seen.get(l), mean = state.account === 'centred' && seen && seen.mean;
  const {e, sum, rest, bias, exact} = net.evidence(pass, l, k, not, mean || null);
  const order = descending(e), top = Math.max(1e-9, largest(e)), name = net.classes[k];
  const picked = [order.filter(j => e[j] > 0).slice(0, each), order.filter(j => e[j] < 0).slice(-each).reverse()];
  const mapLimit = net.limit(l, state.view), against = not >= 0 ? ` and not ${net.classes[not]}` : '';
  setText(lists[0].title, `For ${name}${against}`);
  setText(lists[1].title, `Against ${name}${against}`);
  lists.forEach((list, i) => list.rows.forEach((r, n) => {
    const j = picked[i][n];
    r.item.hidden = j === undefined;
    if (j === undefined) return;
    r.neuron = j;
    setText(r.name, `${net.hidden > 1 ? `${l + 1}.` : ''}${j}`);
    const drawn = [state.run, l, j, state.view, now.painted, net.fetched.size].join();
    if (r.drawn !== drawn) {
      const m = net.map(l, j, state.view);
      map(r.map, m && grey(m), mapLimit, net.rows, net.cols);
      r.drawn = drawn;
    }
    r.product.hidden = l > 0;
    if (l === 0) map(r.product, grey(net.product(pass, j)), mapLimit, net.rows, net.cols);
    r.bar.style.width = `${100 * Math.abs(e[j]) / top}%`;
    r.bar.className = e[j] < 0 ? 'minus' : '';
    setText(r.number, signed(e[j], 3));
    r.row.setAttribute('aria-pressed', j === neuron());
    r.row.setAttribute('aria-label', `neuron ${j}, ${signed(e[j], 3)} ${e[j] > 0 ? 'for' : 'against'} ${name}${against}`);
  }));
  const what = exact ? 'the weight to the output times the activation' : 'the slope of the logit at this image times the activation';
  setText($('why-says'), `Evidence e of a neuron: ${what}${mean ? ', less its mean over the test images' : ''}. Beside each: its map${l ? '' : ', and its input × weight'}.`);
  const shown = picked.flat().reduce((s, j) => s + e[j], 0), others = e.reduce((s, v) => s + v, 0) - shown, count = e.length - picked.flat().length;
  const part = (state.off.length ? 'what the neurons that are off give, ' : '') + (exact ? mean ? 'b and what the means give' : 'b' : mean ? 'what the means give, biases, curvature' : 'biases and curvature');
  totals = {shown, others, rest, sum, bias};
  setText($('why-sum'), `Σ e + rest = s: ${fixed(shown, 3)} of the neurons above ${term(others)} of the other ${count} ${term(rest)} (${part}) = ${fixed(shown + others + rest, 3)}; the logit${not >= 0 ? 's' : ''} of ${name}${not >= 0 ? ` less ${net.classes[not]}` : ''}: ${fixed(sum, 3)}.`);
}

const term = v => `${v < 0 ? '−' : '+'} ${fixed(Math.abs(v), 3)}`;

// sums are the parts of the last account, in full.
export const sums = () => totals;

// strongest is the neuron that speaks for the class asked about most.
export const strongest = () => lists[0].rows[0].neuron;
