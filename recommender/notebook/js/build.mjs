// Turns src/ into the one module and the one style sheet that are committed: `npm ci && npm run build`.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const to = process.argv[2] ?? join(here, "..", "static");
const licence = readFileSync(join(here, "node_modules", "preact", "LICENSE"), "utf8").trim();
const note = `/*! podfence's review widget, made from recommender/notebook/js by \`make widget\`; Apache-2.0.
It contains Preact:

${licence}
*/`;

await build({
  absWorkingDir: here, // so that no path of this machine is in the output
  entryPoints: { review: "src/index.jsx" },
  outdir: to,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "ascii", // so that no server's idea of an encoding changes it
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "inline",
  banner: { js: note },
  logLevel: "warning",
});
