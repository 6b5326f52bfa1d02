// Why: a price says something only beside another: ARC's listener pods, and one container that is always on.
import { monthHours, prices } from "./prices.ts";

/** US dollars a month of one ARC listener, by what it asks of a node (m7g.large: 1.93 CPUs, 7.1 GiB, 29 pods to give). */
export function priceListener(): Record<"memory" | "pod" | "cpu", number> {
  const node = monthHours * prices.nodeHour.usd;
  return {
    /** No requests: 40 MB of a node that is there anyway. */
    memory: (node * 40) / (7.1 * 1_073.7),
    /** A place of its 29 pods. */
    pod: node / 29,
    /** The chart's suggestion, 100 m. */
    cpu: (node * 0.1) / 1.93,
  };
}

/** US dollars a month of Fargate with a quarter of a vCPU, 0.5 GB and, in a public subnet, an address. */
export function priceContainer(): { task: number; address: number } {
  return {
    task: monthHours * (0.25 * prices.fargateVcpuHour.usd + 0.5 * prices.fargateGbHour.usd),
    address: monthHours * prices.publicAddressHour.usd,
  };
}
