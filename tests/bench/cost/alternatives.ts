// Why: a price says something only beside another: ARC's listener pods, and one container that is always on.
import { monthHours, prices } from "./prices.ts";

/** What an m7g.large (2 vCPUs, 8 GiB) has left for pods, and how many it takes. */
const node = { cpus: 1.93, mebibytes: 7_270, pods: 29 } as const;

/** US dollars a month of one ARC listener, by what it takes of a node. */
export function priceListener(): Record<"memory" | "pod" | "cpu", number> {
  const month = monthHours * prices.nodeHour.usd;
  return {
    /** No requests: 40 MB of a node that is there anyway. */
    memory: (month * 40) / node.mebibytes,
    pod: month / node.pods,
    /** 100 m, which the comment in ARC's values.yaml suggests. */
    cpu: (month * 0.1) / node.cpus,
  };
}

/**
 * US dollars a month of `runlet local` as a task of Fargate, a quarter of a vCPU and 1 GB: host, poller and, at a
 * hand-over, its successor, sweep and webhook are a process each. In a public subnet it needs an address, too.
 */
export function priceContainer(): { task: number; address: number } {
  return {
    task: monthHours * (0.25 * prices.fargateVcpuHour.usd + prices.fargateGbHour.usd),
    address: monthHours * prices.publicAddressHour.usd,
  };
}
