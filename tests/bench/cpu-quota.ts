// Why: a function of 256 MB has a seventh of a core, and what that does to a start cannot be read off a whole one: threads
// wait for each other. Linux can give a process just so much, where the user may make a control group.
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface CpuQuota {
  /** What to start instead of `node`: its path, and arguments in front. */
  command(node: string): [string, string[]];
  /** The processes must have ended. */
  remove(): void;
}

/** Short, so that a start does not fit into one period's allowance. */
const periodUs = 20_000;
/** Version 1 with its controllers apart, and version 2. */
const folders = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup"];

/** A control group with this share of a core; undefined where none can be made. */
export function createCpuQuota(share: number): CpuQuota | undefined {
  for (const folder of folders.filter((one) => existsSync(join(one, "cgroup.procs")))) {
    const group = join(folder, `runlet-bench-${process.pid}-${Math.round(share * 1_000)}`);
    const quotaUs = Math.round(share * periodUs);
    try {
      mkdirSync(group);
      if (existsSync(join(group, "cpu.max"))) write(group, "cpu.max", `${quotaUs} ${periodUs}`);
      else {
        write(group, "cpu.cfs_period_us", String(periodUs));
        write(group, "cpu.cfs_quota_us", String(quotaUs));
      }
    } catch {
      if (existsSync(group)) rmdirSync(group);
      continue;
    }
    const script = `echo $$ > ${group}/cgroup.procs && exec "$0" "$@"`;
    return {
      command: (node) => ["/bin/sh", ["-c", script, node]],
      remove: () => rmdirSync(group),
    };
  }
  return undefined;
}

function write(group: string, file: string, text: string): void {
  writeFileSync(join(group, file), text);
}
