// Why: a function of 256 MB has a seventh of a core, and what that does to a start cannot be read off a whole one: threads
// wait for each other. Linux gives a process just so much, where the user may make control groups.
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface CpuQuota {
  /** To be started instead of Node: each process has a control group, and so a share, of its own. */
  node: string;
  /** Takes the groups away; their processes must have ended. */
  remove(): void;
}

/** Short, so that a start does not fit into the allowance of one period. */
const periodUs = 20_000;

/** Where the controller of CPU is: apart in version 1 of control groups, with the others in version 2. */
const roots = [
  {
    folder: "/sys/fs/cgroup/cpu",
    limit: (us: number) => ({
      "cpu.cfs_period_us": String(periodUs),
      "cpu.cfs_quota_us": String(us),
    }),
  },
  { folder: "/sys/fs/cgroup", limit: (us: number) => ({ "cpu.max": `${us} ${periodUs}` }) },
];

/** Node with this share of a core; the script is put into `home`. Undefined where no group can be made. */
export function createCpuQuota(share: number, home: string): CpuQuota | undefined {
  const quotaUs = Math.round(share * periodUs);
  const prefix = `runlet-bench-${process.pid}-${quotaUs}-`;
  for (const { folder, limit } of roots) {
    const files = limit(quotaUs);
    if (!canMake(join(folder, `${prefix}probe`), files)) continue;
    const node = join(home, `node-${quotaUs}`);
    const lines = [
      "#!/bin/sh",
      `group=${folder}/${prefix}$$`,
      `mkdir $group`,
      ...Object.entries(files).map(([file, text]) => `echo ${text} > $group/${file}`),
      "echo $$ > $group/cgroup.procs",
      `exec ${process.execPath} "$@"`,
    ];
    writeFileSync(node, `${lines.join("\n")}\n`, { mode: 0o700 });
    return {
      node,
      remove() {
        const own = readdirSync(folder).filter((name) => name.startsWith(prefix));
        for (const name of own) rmdirSync(join(folder, name));
      },
    };
  }
  return undefined;
}

function canMake(group: string, files: Record<string, string>): boolean {
  try {
    mkdirSync(group);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(group, file), text);
    return true;
  } catch {
    return false;
  } finally {
    if (existsSync(group)) rmdirSync(group);
  }
}
