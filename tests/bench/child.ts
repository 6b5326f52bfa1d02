// Why: each benchmark has a process of its own, so that none measures another's garbage. Started by run.ts, which has
// set what the pollers below it inherit.
import { benches } from "./benches.ts";
import type { BenchContext } from "./bench.ts";

const [name = "", home = "", small] = process.argv.slice(2);
const bench = benches[name];
if (!bench || !process.send) throw new Error("this file is started by tests/bench/run.ts");

const context: BenchContext = {
  home,
  small: small === "small",
  say: (line) => void process.stderr.write(`bench ${name}: ${line}\n`),
};
const result = await bench.run(context);
// The exit waits for the message; something of the world may still hold the loop.
process.send(result, undefined, undefined, () => process.exit(0));
