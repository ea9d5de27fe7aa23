// Links, theme, printing, and the first drawing.

// follow goes along a link to a neuron, a class or an explained image.
function follow() {
  const m = /^#(neuron|class|why)-(\d+)(?:-(\d+))?$/.exec(location.hash);
  if (!m) return;
  const n = Number(m[2]);
  if (m[1] === 'neuron' && doc.layers[n - 1] && Number(m[3]) < doc.layers[n - 1].units) {
    current.neuron = Number(m[3]);
    if (current.layer !== n - 1) chooseLayer(n - 1);
    else buildNeuron();
    markRow();
  } else if (m[1] === 'class' && n < doc.classes.length) {
    current.class = n;
    buildClass();
  } else if (m[1] === 'why' && doc.why && n < doc.why.length) {
    current.why = n;
    account.for = -1;
    current.against = doc.why[n].label === doc.why[n].predicted ? -1 : doc.why[n].label;
    buildWhy();
  } else return;
  // Who goes from neuron to neuron stays on the button, which says where it leads.
  if (['previous', 'next'].includes(document.activeElement.id)) return;
  $(m[1]).scrollIntoView();
  $(m[1] + '-name').focus({preventScroll: true});
}

// chooseLayer shows another hidden layer.
function chooseLayer(i) {
  i = Number(i);
  if (i !== current.layer && current.neuron >= doc.layers[i].units) current.neuron = 0;
  current.layer = i;
  buildLayer();
}

function buildLayer() {
  buildSheet();
  buildTable();
  buildNeuron();
  buildClass();
  if (layer().ablation) buildAblation();
}

const themes = [['', 'Theme: as the system'], ['light', 'Theme: light'], ['dark', 'Theme: dark']];
$('theme').addEventListener('click', () => {
  const now = themes.findIndex(t => t[0] === (document.documentElement.dataset.theme || ''));
  const [name, text] = themes[(now + 1) % themes.length];
  if (name) document.documentElement.dataset.theme = name;
  else delete document.documentElement.dataset.theme;
  $('theme').textContent = text;
  repaint(false);
});
systemDark.addEventListener('change', () => repaint(false));
addEventListener('beforeprint', () => { printing = true; repaint(true); });
addEventListener('afterprint', () => { printing = false; repaint(false); });
addEventListener('hashchange', follow);

buildLayer();
if (doc.why) { current.why = 0; buildWhy(); }
if (doc.errors) buildErrors();
if (doc.metrics) buildTraining();
if (doc.film) buildFilm();
follow();
