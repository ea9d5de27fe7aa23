// The film: the first layer's maps over training, on one fixed scale.
const film = {frames: null, at: 0, show: 'learned', timer: 0};

// unpackFilm undoes the differences from frame to frame.
async function unpackFilm() {
  const stream = new Blob([bytes(doc.film.data)]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const data = new Int8Array(await new Response(stream).arrayBuffer()), size = doc.film.neurons.length * pixels;
  for (let i = size; i < data.length; i++) data[i] += data[i - size];
  return range(doc.film.epochs.length).map(f => data.subarray(f * size, (f + 1) * size));
}

function buildFilm() {
  const f = doc.film, last = f.epochs.length - 1;
  if (typeof DecompressionStream === 'undefined') {
    $('film-page').replaceChildren(el('p', {class: 'missing'}, 'This browser cannot unpack the film: it lacks DecompressionStream, which browsers have since 2023.'));
    return;
  }
  const c = canvas(async x => { film.frames = film.frames || await unpackFilm(); paintFilm(x); }, {class: 'film', style: {'--w': Math.min(46, 16 * Math.ceil(Math.sqrt(f.neurons.length))) + 'rem'}, id: 'film-canvas', role: 'img', 'aria-hidden': null, 'aria-label': 'The maps at the epoch chosen below'});
  const go = at => {
    film.at = at;
    $('film-at').value = at;
    $('film-at').setAttribute('aria-valuetext', filmText(at));
    $('film-says').textContent = filmText(at);
    if (film.frames) paintFilm(c);
  };
  const stop = () => { clearInterval(film.timer); film.timer = 0; $('play').textContent = '▶ Play'; };
  const play = () => {
    if (film.timer) return stop();
    if (film.at === last) go(0);
    $('play').textContent = '❚❚ Pause';
    film.timer = setInterval(() => { go(Math.min(last, film.at + 1)); if (film.at === last) stop(); }, 250);
  };
  $('film-page').replaceChildren(
    el('p', {class: 'caption'}, `${f.neurons.length === f.of ? `All ${count(f.of, 'neuron')}` : `The ${f.neurons.length} most important of ${count(f.of, 'neuron')}`} of the first layer, in the order of their numbers, on one fixed scale.`),
    el('div', {class: 'tools'}, el('button', {type: 'button', id: 'play', onclick: play}, '▶ Play'),
      el('label', {}, 'Epoch ', el('input', {type: 'range', id: 'film-at', min: 0, max: last, value: 0, oninput: e => { stop(); go(Number(e.target.value)); }})),
      el('span', {id: 'film-says'}),
      choice('film-show', 'Show', [['learned', 'learned'], ['raw', 'raw']], film.show, v => { film.show = v; filmLegend(); if (film.frames) paintFilm(c); })),
    el('div', {class: 'legend', id: 'film-legend'}), c);
  filmLegend();
  go(0);
}

const filmText = at => `epoch ${doc.film.epochs[at]}${doc.film.epochs[at] ? '' : ', before the first image'}` + (missing(doc.film.accuracy[at]) ? '' : `, ${doc.film.accurate} ${percent(doc.film.accuracy[at], 2)}`);

// filmLimit is the end of the colours: for raw maps, what the start adds is in it too.
const filmLimit = () => film.show === 'learned' ? doc.film.limit : Math.max(views(doc.layers[0]).raw.limit(), views(doc.layers[0]).init.limit());

function filmLegend() { $('film-legend').replaceChildren(...legend(filmLimit(), 'ink lowers it', 'ink raises it')); }

function paintFilm(c) {
  const f = doc.film, n = f.neurons.length, wide = Math.ceil(Math.sqrt(n * doc.rows / doc.cols)), high = Math.ceil(n / wide);
  const w = wide * (doc.cols + 1) - 1, h = high * (doc.rows + 1) - 1, limit = filmLimit(), gamma = f.gamma[film.at], frame = film.frames[film.at];
  const colour = palette(), start = film.show === 'raw' ? views(doc.layers[0]).init : null;
  c.width = w;
  c.height = h;
  const ctx = c.getContext('2d'), img = ctx.createImageData(w, h);
  f.neurons.forEach((j, t) => {
    const x0 = t % wide * (doc.cols + 1), y0 = Math.floor(t / wide) * (doc.rows + 1), before = start && start.values(j);
    for (let p = 0; p < pixels; p++) {
      let v = frame[t * pixels + p] / 127 * f.limit;
      if (before) v += gamma * before[p];
      const q = 127 + Math.round(127 * Math.max(-1, Math.min(1, limit > 0 ? v / limit : 0)));
      const at = 4 * ((y0 + Math.floor(p / doc.cols)) * w + x0 + p % doc.cols);
      img.data[at] = colour[3 * q];
      img.data[at + 1] = colour[3 * q + 1];
      img.data[at + 2] = colour[3 * q + 2];
      img.data[at + 3] = 255;
    }
  });
  ctx.putImageData(img, 0, 0);
}
