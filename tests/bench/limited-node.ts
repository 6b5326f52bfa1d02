// Why: a function of 256 MB has a seventh of a core and a heap to fit, and what that does cannot be read off a whole machine:
// threads wait for each other, and V8 collects sooner. Linux gives a process just so much, where the user may make
// control groups.
import { existsSync, mkdirSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Limits {
  /** Of one core. */
  cpuShare?: number;
  /** Mebibytes; who takes more is killed. */
  memoryMb?: number;
}

export interface LimitedNode {
  /** To be started instead of Node: each process has a control group, and so limits, of its own. */
  path: string;
  /** Takes the groups away; their processes must have ended. */
  remove(): void;
}

/** A place for control groups, and what is written into the files of one. */
interface Place {
  folder: string;
  files: Record<string, string>;
}

/** Short, so that a start does not fit into the allowance of one period. */
const periodUs = 20_000;

/** Node under `limits`; the script is put into `home`. Undefined where no control group can be made. */
export function createLimitedNode(limits: Limits, home: string): LimitedNode | undefined {
  const places = [inVersion1(limits), inVersion2(limits)].find((some) => some.every(canMake));
  if (!places) return undefined;
  const prefix = `${namePrefix}${limits.cpuShare ?? 1}-${limits.memoryMb ?? 0}-`;
  const path = join(home, `${prefix}node`);
  const enter = places.flatMap(({ folder, files }) => [
    `mkdir ${folder}/${prefix}$$`,
    ...Object.entries(files).map(([file, text]) => `echo ${text} > ${folder}/${prefix}$$/${file}`),
    `echo $$ > ${folder}/${prefix}$$/cgroup.procs`,
  ]);
  const lines = ["#!/bin/sh", ...enter, `exec ${process.execPath} "$@"`];
  writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o700 });
  return {
    path,
    remove() {
      for (const { folder } of places) {
        const own = readdirSync(folder).filter((name) => name.startsWith(prefix));
        for (const name of own) rmdirSync(join(folder, name));
      }
    },
  };
}

const namePrefix = `runlet-bench-${process.pid}-`;

/** kernel.org, "Control Groups version 1": each controller is apart. */
function inVersion1({ cpuShare, memoryMb }: Limits): Place[] {
  const cpu = { "cpu.cfs_period_us": String(periodUs), "cpu.cfs_quota_us": quotaOf(cpuShare) };
  const memory = { "memory.limit_in_bytes": `${memoryMb ?? 0}M` };
  return [
    ...(cpuShare === undefined ? [] : [{ folder: "/sys/fs/cgroup/cpu", files: cpu }]),
    ...(memoryMb === undefined ? [] : [{ folder: "/sys/fs/cgroup/memory", files: memory }]),
  ];
}

/** kernel.org, "Control Group v2": all in one. */
function inVersion2({ cpuShare, memoryMb }: Limits): Place[] {
  const files = {
    ...(cpuShare !== undefined && { "cpu.max": `"${quotaOf(cpuShare)} ${periodUs}"` }),
    ...(memoryMb !== undefined && { "memory.max": `${memoryMb}M` }),
  };
  return [{ folder: "/sys/fs/cgroup", files }];
}

const quotaOf = (cpuShare = 1) => String(Math.round(cpuShare * periodUs));

function canMake({ folder, files }: Place): boolean {
  const group = join(folder, `${namePrefix}probe`);
  try {
    mkdirSync(group);
    for (const [file, text] of Object.entries(files)) {
      writeFileSync(join(group, file), text.replaceAll('"', ""));
    }
    return true;
  } catch {
    return false;
  } finally {
    if (existsSync(group)) rmdirSync(group);
  }
}
