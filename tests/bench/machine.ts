// Why: a figure belongs to a machine and to what else ran on it.
import { cpus, freemem, loadavg, release, totalmem, type } from "node:os";

export interface Machine {
  node: string;
  system: string;
  cpu: string;
  cores: number;
  memoryMb: number;
  freeMemoryMb: number;
  /** Load average of the last minute, before the benchmark. */
  load: number;
}

export function describeMachine(): Machine {
  const all = cpus();
  const mb = (bytes: number) => Math.round(bytes / 1024 / 1024);
  return {
    node: process.version,
    system: `${type()} ${release()} ${process.arch}`,
    cpu: all[0]?.model.trim() || "unknown",
    cores: all.length,
    memoryMb: mb(totalmem()),
    freeMemoryMb: mb(freemem()),
    load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  };
}

export function renderMachine(machine: Machine): string {
  const { cores, cpu, memoryMb, freeMemoryMb, system, node, load } = machine;
  return (
    `machine: ${cores} × ${cpu}, ${memoryMb} MB (${freeMemoryMb} free), ${system}, ` +
    `node ${node}, load ${load} before`
  );
}
