// Runs an ONNX model that the tests of package netfile have written in onnxruntime, and compares its outputs.
//
//   npm install --ignore-scripts onnxruntime-node    in some folder; the scripts would fetch a CUDA build
//   node onnxruntime.mjs FOLDER CASE.json…
//
// FOLDER has the node_modules. A case names the model, inputs (rows of pixel/255) and the outputs that are wanted.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const [folder, ...cases] = process.argv.slice(2);
const ort = createRequire(join(resolve(folder), "package.json"))("onnxruntime-node");
const limit = 1e-5;
let failed = cases.length === 0;
for (const path of cases) {
  const want = JSON.parse(readFileSync(path, "utf8"));
  const session = await ort.InferenceSession.create(join(dirname(path), want.model));
  const rows = want.inputs.length;
  const pixels = new ort.Tensor("float32", Float32Array.from(want.inputs.flat()), [rows, want.inputs[0].length]);
  const { output } = await session.run({ pixels });
  const flat = want.outputs.flat();
  let worst = output.dims[0] === rows && output.data.length === flat.length ? 0 : Infinity;
  flat.forEach((v, i) => (worst = Math.max(worst, Math.abs(v - output.data[i]))));
  if (!(worst <= limit)) failed = true;
  console.log(`${want.model}: ${rows} rows, ${session.inputNames} -> ${session.outputNames}, largest difference ${worst.toExponential(2)}`);
}
process.exit(failed ? 1 : 0);
