// Writes tests/golden/nsfwjs.json: what TensorFlow.js itself makes of one image with the networks of nsfwjs.
//
//   npm install @tensorflow/tfjs@4.22.0
//   node training/packaged/nsfwjs_golden.js FOLDER_OF_NODE_MODULES FOLDER_OF_THE_NSFWJS_PACKAGE > tests/golden/nsfwjs.json
const fs = require("fs");
const path = require("path");
const [modules, nsfwjs] = process.argv.slice(2).map((given) => path.resolve(given));
const tf = require(path.join(modules, "@tensorflow/tfjs"));
const SIDE = 224;

// As golden_image in training/packaged/networks.py.
function goldenImage() {
  const pixels = new Float32Array(SIDE * SIDE * 3);
  for (let y = 0; y < SIDE; y++)
    for (let x = 0; x < SIDE; x++) {
      const blue = (Math.floor(x / 16) + Math.floor(y / 16)) % 2 === 0 ? 200 : 40;
      pixels.set([Math.floor((x * 255) / SIDE), Math.floor((y * 255) / SIDE), blue], (y * SIDE + x) * 3);
    }
  return tf.tensor4d(pixels, [1, SIDE, SIDE, 3]).div(255);
}

function artifacts(name) {
  const folder = path.join(nsfwjs, "dist/models", name);
  const model = require(path.join(folder, "model.min.js"));
  const [group] = model.weightsManifest;
  const shards = group.paths.map((shard) => Buffer.from(require(path.join(folder, `${shard}.min.js`)), "base64"));
  const weightData = new Uint8Array(Buffer.concat(shards)).buffer;
  return { modelTopology: model.modelTopology, format: model.format, weightSpecs: group.weights, weightData };
}

async function main() {
  await tf.setBackend("cpu");
  const image = goldenImage();
  const layers = await tf.loadLayersModel(tf.io.fromMemory(artifacts("mobilenet_v2")));
  const dense = layers.layers.filter((layer) => layer.getClassName() === "Dense");
  const both = tf.model({ inputs: layers.inputs, outputs: [layers.outputs[0], dense[1].output] });
  const [classes, hidden] = both.predict(image).map((found) => Array.from(found.dataSync()));

  const graph = await tf.loadGraphModel(tf.io.fromMemory(artifacts("mobilenet_v2_mid")));
  const squeeze = graph.artifacts.modelTopology.node.find((node) => node.op === "Squeeze").name;
  const [output] = graph.outputs.map((found) => found.name);
  const mid = graph.execute({ [graph.inputs[0].name]: image }, [output, squeeze]).map((t) => Array.from(t.dataSync()));
  const record = {
    "made by": "node training/packaged/nsfwjs_golden.js",
    tfjs: tf.version.tfjs,
    "nsfwjs-mobilenet-v2": { classes, hidden },
    "nsfwjs-mobilenet-v2-mid": { classes: mid[0], features: mid[1].filter((_, k) => k % 16 === 0) },
  };
  console.log(JSON.stringify(record));
}

main();
