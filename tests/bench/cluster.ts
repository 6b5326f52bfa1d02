// Why: what a runner costs an API server, how fast runners come and go, and what the reconciler itself takes, on the
// real thing: kube-apiserver and etcd, the reconciler's bundle as a process under its own account, and our kubelet, whose
// pods start at once, so that only the reconciler and the API server are measured.
import type { ReconcilerBed } from "../cluster/reconciler-bed.ts";
import { startReconcilerBed } from "../cluster/reconciler-bed.ts";
import type { ReconcilerProcess } from "../cluster/reconciler-process.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { countCalls, describeCalls, type Calls } from "./cluster-calls.ts";
import { followRunners, type RunnerWatch } from "./cluster-runners.ts";
import type { Figure } from "./figures.ts";
import { percentile } from "./percentile.ts";

interface Stage {
  context: BenchContext;
  bed: ReconcilerBed;
  reconciler: ReconcilerProcess;
  watch: RunnerWatch;
}

const jitMs = 100;
const second = 1_000;

export const cluster: Bench = {
  summary: "the reconciler on a real API server: calls a runner, 0 → 400, 300 finished, churn",
  async run(context) {
    const bed = await startReconcilerBed({
      plane: { audit: true },
      scenario: () => ({ imagePullMs: 0, startMs: 0, stopMs: 0 }),
      knobs: { requestsKept: 1_000_000 },
    });
    const watch = followRunners(bed);
    try {
      bed.github.control.addFault({ route: "generateJitConfig", delayMs: jitMs, times: 1e9 });
      const reconciler = await bed.startReconciler();
      await bed.eventually("readiness", async () => {
        return (await reconciler.page("/readyz")).status === 200;
      });
      const stage = { context, bed, reconciler, watch };
      const figures = [
        ...(await measureCalls(stage)),
        ...(await measureRise(stage)),
        ...(await measureChurn(stage)),
      ];
      return {
        settings:
          `kube-apiserver and etcd beside it, priority and fairness on; a JIT config after ${jitMs} ms; ` +
          "pods start at once; 1 MB = 10⁶ bytes",
        varied: "once each; every stage has an organisation of its own",
        figures,
      };
    } finally {
      watch.stop();
      await bed.stop();
    }
  },
};

/** Runners that each do one job, from the order until nothing of them is left. */
async function measureCalls(stage: Stage): Promise<Figure[]> {
  const most = stage.context.small ? 20 : 500;
  await stage.bed.serve("calls", "", "calls");
  const lone = await callsOf(stage, 1, 1);
  const many = await callsOf(stage, most, 2);
  return [
    { what: "a lone runner: Kubernetes calls", value: lone.kubernetes, unit: "count" },
    { what: "a lone runner: service calls", value: lone.service, unit: "count" },
    {
      what: `Kubernetes calls per runner, mean of ${most}`,
      value: round(many.kubernetes / most),
      unit: "count",
      bar: 9,
    },
    {
      what: `service calls per runner, mean of ${most}`,
      value: round(many.service / most),
      unit: "count",
      bar: 2,
    },
    {
      what: "status writes of a set in its busiest second",
      value: many.statusWritesMax,
      unit: "count",
      // Two may fall into one second of the clock though they are a second apart.
      bar: 2,
    },
  ];
}

async function callsOf({ bed, context, watch }: Stage, count: number, patchId: number) {
  const { control } = bed.github;
  // So long that all of them are there before the first is done.
  const durationMs = 1_000 + count * 30;
  control.queueJobs({ scaleSet: "calls", owner: "calls", count, durationMs });
  const fromMs = bed.clock.nowMs();
  await bed.order("calls", count, patchId);
  await bed.eventually(`${count} runners to be done`, () => watch.gone() >= count, 180_000);
  await bed.order("calls", 0, 0);
  watch.reset();
  // The last status of the set.
  await bed.clock.sleep(2 * second);
  const calls: Calls = countCalls(bed, bed.clock.nowMs() - fromMs);
  context.say(`${count} runners: ${describeCalls(calls)}`);
  return calls;
}

async function measureRise(stage: Stage): Promise<Figure[]> {
  const { bed, context, watch } = stage;
  const [many, some] = context.small ? [20, 10] : [400, 300];
  await bed.serve("rise", "", "rise");
  watch.reset();
  await bed.order("rise", many, 1);
  const orderedAt = bed.clock.nowMs();
  await bed.eventually(`${many} runners to run`, () => watch.running() === many, 180_000);
  const riseMs = Math.max(...watch.runningAt()) - orderedAt;
  const refused = bed.github.control.requests().filter(({ status }) => status === 429).length;
  context.say(`0 → ${many} in ${riseMs.toFixed(0)} ms`);
  const fall = await measureFall(stage, some);
  return [
    {
      what: `0 → ${many} runners that run (30 a second)`,
      value: riseMs / second,
      unit: "s",
      bar: many / 30,
    },
    { what: "runners a second on the way", value: (many * second) / riseMs, unit: "per second" },
    { what: "registrations refused with 429", value: refused, unit: "count", bar: 0 },
    ...fall,
  ];
}

/** Jobs of `count` runners end in one moment. */
async function measureFall({ bed, watch }: Stage, count: number): Promise<Figure[]> {
  const { control } = bed.github;
  control.queueJobs({ scaleSet: "rise", owner: "rise", count, durationMs: 3_600_000 });
  const busy = () => control.ledger().jobs.filter(({ state }) => state === "running");
  await bed.eventually(`${count} jobs to run`, () => busy().length === count, 120_000);
  watch.reset();
  const endedAt = bed.clock.nowMs();
  for (const { key, runnerName } of busy()) {
    control.finishJob(key);
    bed.kubelet.faults.exit({ namespace: "runners", name: runnerName ?? "" }, 0);
  }
  await bed.eventually(`${count} runners to be gone`, () => watch.gone() === count, 120_000);
  const tookMs = watch.goneAt().map((at) => at - endedAt);
  const secrets = await bed.eventually("their Secrets to go", async () => {
    return (await bed.leftovers()).secrets.length <= (await bed.runners()).length;
  });
  await bed.order("rise", 0, 0);
  await bed.eventually("the rest to go", async () => (await bed.runners()).length === 0);
  return [
    {
      what: `finished → gone, ${count} at once: p50`,
      value: percentile(tookMs, 0.5) / second,
      unit: "s",
      bar: 3,
    },
    { what: `finished → gone: p99`, value: percentile(tookMs, 0.99) / second, unit: "s" },
    {
      what: "their Secrets, after the last of them",
      value: secrets / second,
      unit: "s",
      bar: 60,
    },
  ];
}

/** Jobs that come at a steady rate; the order follows them four times a second, as a poller's would. */
async function measureChurn({ bed, context, reconciler, watch }: Stage): Promise<Figure[]> {
  const [total, rate] = context.small ? [20, 10] : [1_000, 20];
  const { control } = bed.github;
  await bed.serve("churn", "", "churn");
  watch.reset();
  const before = await readFigures(reconciler);
  const begunAt = bed.clock.nowMs();
  let [queued, patchId, rssMax] = [0, 0, before.rss];
  while (watch.gone() < total) {
    const passedMs = bed.clock.nowMs() - begunAt;
    if (passedMs > 300 * second) throw new Error(`churn: ${watch.gone()} of ${total} in 300 s`);
    const due = Math.min(total, Math.floor((passedMs / second) * rate)) - queued;
    if (due > 0) {
      control.queueJobs({ scaleSet: "churn", owner: "churn", count: due, durationMs: 2_000 });
      queued += due;
    }
    const open = control.ledger().jobs.filter(({ state }) => state !== "completed").length;
    await bed.order("churn", open, open === 0 ? 0 : ++patchId);
    rssMax = Math.max(rssMax, (await readFigures(reconciler)).rss);
    await bed.clock.sleep(250);
  }
  const after = await readFigures(reconciler);
  const tookS = (bed.clock.nowMs() - begunAt) / second;
  return [
    { what: `${total} runners, ${rate} a second: took`, value: tookS, unit: "s" },
    { what: "resident memory at most", value: rssMax / 1e6, unit: "MB", bar: 150 },
    { what: "CPU of a runner", value: ((after.cpu - before.cpu) / total) * second, unit: "ms" },
  ];
}

async function readFigures(reconciler: ReconcilerProcess): Promise<{ rss: number; cpu: number }> {
  const { text } = await reconciler.page("/metrics");
  const read = (name: string) => Number(new RegExp(`^${name} (.+)$`, "m").exec(text)?.[1]);
  return { rss: read("process_resident_memory_bytes"), cpu: read("process_cpu_seconds_total") };
}

const round = (value: number) => Math.round(value * 100) / 100;
