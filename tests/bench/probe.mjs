// Why: memory is measured in the very process that serves, unmodified: this file is preloaded into it (`--import`) and
// answers SIGUSR2 with one line about its memory after full collections. Plain JavaScript: what strips types would stay
// resident in a process that needs none stripped.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc"); // the flag has just put it there

process.on("SIGUSR2", () => {
  // The first collection lets finalizers run, whose garbage the later ones take.
  collect();
  setTimeout(() => {
    collect();
    collect();
    const memory = process.memoryUsage();
    process.stdout.write(
      `${JSON.stringify({ event: "bench_memory", pid: process.pid, memory })}\n`,
    );
  }, 200);
});
