// Why: what a start costs is measured in a process of its own each time, as each container has one.
import { spawn } from "node:child_process";
import { pathToFileURL } from "node:url";

export interface BundleStart {
  /** The import alone, by the clock. */
  importMs: number;
  /** The import alone: time of all threads on a core. */
  importCpuMs: number;
  /** The same of the whole process, Node's own start included. */
  cpuMs: number;
  /** From before the process was started until the bundle was there. */
  wallMs: number;
}

/** Starts `node` (default: this one) and imports the file. */
export async function startBundle(path: string, node = process.execPath): Promise<BundleStart> {
  const startedAt = performance.now();
  const child = spawn(node, ["--input-type=module", "-e", scriptFor(path)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const out: { text: string; wallMs: number } = { text: "", wallMs: 0 };
  child.stdout.on("data", (chunk) => {
    out.wallMs ||= performance.now() - startedAt;
    out.text += String(chunk);
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) throw new Error(`${path} cannot be imported (exit ${String(code)})`);
  // What the script prints.
  const times = JSON.parse(out.text) as Omit<BundleStart, "wallMs">;
  return { ...times, wallMs: out.wallMs };
}

function scriptFor(path: string): string {
  return `
    const cpu = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
    const [from, fromCpu] = [performance.now(), cpu()];
    await import(${JSON.stringify(pathToFileURL(path).href)});
    const importMs = performance.now() - from;
    console.log(JSON.stringify({ importMs, importCpuMs: cpu() - fromCpu, cpuMs: cpu() }));
    process.exit(0);`;
}
