// Why: a role that grants more than is used is a risk, one that grants less is an outage. Poller and sweep live this
// day with exactly the shipped role, and without any verb of it a part of the day does not come about in time.
import { autoscalingListeners } from "@runlet/kubernetes/resources";
import { readRole, runnersNamespace } from "@runlet/runlet/world/manifests";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { modes, startWorld, type RunningWorld } from "./running-world.ts";

interface Rule {
  apiGroups: string[];
  resources: string[];
  verbs: string[];
}
interface Role {
  rules: Rule[];
}

const role = parse(readRole("runlet-control-plane")) as Role; // the simulator validates it when it is applied
const account = "system:serviceaccount:runlet-system:runlet-control-plane";
const actions = "actions.github.com/v1alpha1";

function eastOf({ clusters }: RunningWorld) {
  const east = clusters.get("east");
  if (!east) throw new Error("there is no east");
  return east;
}

const start = (mode: (typeof modes)[number], rules: Rule[]) =>
  startWorld({ mode }, ({ clusters }) => {
    const { api } = clusters.get("east") ?? {};
    api?.applyManifests(stringify({ ...role, rules }));
  });

/** Throws as soon as a part of the day does not come about. */
async function playDay(world: RunningWorld): Promise<void> {
  const { api } = eastOf(world);
  const runnerSet = () => api.objects(actions, "EphemeralRunnerSet")[0];
  const replicas = () => (runnerSet()?.["spec"] as { replicas?: number } | undefined)?.replicas;
  const told = () =>
    api
      .objects(actions, "EphemeralRunner")
      .some(({ status }) => Boolean((status as { jobDisplayName?: string })?.jobDisplayName));

  // Whoever must list again and again, for want of a watch, is slow by now.
  await world.clock.runFor(120_000);
  // JobStarted protects the busy runner by its status.
  world.queue("linux", { count: 2, durationMs: 2_000 });
  await world.until(told, 3_000, "a runner whose status names its job");
  await world.jobsEnd(10_000);
  // A change of the spec acts by watch, within two seconds; so does one of the runner set by hand.
  await world.patchSet("east", "linux", { minRunners: 2 });
  await world.until(() => world.runnersIn("east", "linux") === 2, 2_000, "two idle runners");
  await world.until(() => replicas() === 2, 2_000, "two replicas");
  await inRounds(async (round) => {
    edit(world, { spec: { replicas: 5 + round } });
    // The first at once; who comes back is put right later each time, by 1 s, 2 s, 4 s.
    const waitMs = round === 0 ? 0 : 1_000 * 2 ** (round - 1);
    await world.until(() => replicas() === 2, waitMs + 300, "the edit by hand to be undone");
    await world.clock.runFor(700);
  });
  // A fence edited by hand while the watch is deaf: refused, read again, overtaken.
  const deaf = api.addFault({
    effect: { kind: "status", status: 500 },
    verb: "watch",
    user: account,
  });
  api.cutWatches({ broken: true });
  const installation = fenceOf(world).split(":")[0];
  edit(world, { metadata: { annotations: { "runlet.dev/fence": `${installation}:900` } } });
  world.queue("linux", { count: 3, durationMs: 500 });
  await world.until(() => replicas() === 3, 3_000, "three replicas in spite of the fence");
  deaf();
  await world.jobsEnd(20_000);
  await world.clock.runFor(5_000);
  // A token that GitHub does not take any more is told to the set's owner, in the cluster.
  const { control } = world.service;
  // One that was good is asked about again after ten minutes.
  await world.clock.runFor(Math.max(0, 590_000 - world.clock.nowMs()));
  control.setKnobs({ patExpiresAt: world.clock.wallMs() });
  const warned = () =>
    api.objects("v1", "Event").some(({ reason }) => reason === "CredentialRefused");
  await world.until(warned, 130_000, "an event on the runner set");
  control.setKnobs({ patExpiresAt: 0 });
  await world.clock.runFor(10_000);
  // A namespace that is no longer managed is left alone, at once; and served again when it is.
  await inRounds(() =>
    leftAlone(world, { stop: () => manage(world, false), goOn: () => manage(world, true) }),
  );
  // What ARC serves as well, too.
  await inRounds(() =>
    leftAlone(world, {
      stop: () => api.applyManifests(listener),
      goOn: () => void eastOf(world).admin.remove(autoscalingListeners, arcs),
    }),
  );
}

/** Without a watch the news comes by a list now and then, in time once, but not each time. */
async function inRounds(run: (round: number) => Promise<void>) {
  for (let round = 0; round < 4; round++) await run(round);
}

/** After `stop` nothing is written, although there is a reason; after `goOn` it is. */
async function leftAlone(world: RunningWorld, { stop, goOn }: { stop(): void; goOn(): void }) {
  const { api } = eastOf(world);
  const pair = () => JSON.stringify(api.objects(actions, "EphemeralRunnerSet")[0]?.["spec"]);
  stop();
  await world.clock.runFor(200);
  const before = pair();
  world.queue("linux", { count: 3, durationMs: 200 });
  await world.clock.runFor(1_500);
  if (pair() !== before) throw new Error("what must be left alone was written to");
  goOn();
  await world.until(() => pair() !== before, 10_000, "the jobs to be seen when it is ours again");
  await world.jobsEnd(20_000);
  await world.clock.runFor(3_000);
}

const arcs = { namespace: "default", name: "linux-listener" };
const listener = `
apiVersion: ${actions}
kind: AutoscalingListener
metadata: { name: linux-listener, namespace: default }
spec: { autoscalingRunnerSetName: linux, autoscalingRunnerSetNamespace: ${runnersNamespace} }
`;

function fenceOf(world: RunningWorld): string {
  const [runnerSet] = eastOf(world).api.objects(actions, "EphemeralRunnerSet");
  return runnerSet?.metadata.annotations?.["runlet.dev/fence"] ?? "";
}

function edit(world: RunningWorld, change: Record<string, Record<string, unknown>>) {
  const { api } = eastOf(world);
  const [found] = api.objects(actions, "EphemeralRunnerSet");
  if (!found) throw new Error("there is no runner set");
  const spec = { ...(found["spec"] as object), ...change["spec"] };
  const { annotations = {}, ...metadata } = found.metadata;
  const edited = { ...annotations, ...(change["metadata"]?.["annotations"] as object | undefined) };
  api.applyManifests(stringify({ ...found, metadata: { ...metadata, annotations: edited }, spec }));
}

function manage(world: RunningWorld, managed: boolean) {
  eastOf(world).api.applyManifests(
    stringify({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: runnersNamespace, labels: { "runlet.dev/managed": String(managed) } },
    }),
  );
}

const grants = role.rules.flatMap((rule, index) =>
  rule.resources.flatMap((resource) => rule.verbs.map((verb) => ({ index, rule, resource, verb }))),
);

describe.each(modes)("the role of the control plane, in %s mode", (mode) => {
  it("is enough for a day: nothing is ever refused, and each verb of it is used", async () => {
    const world = await start(mode, role.rules);
    await playDay(world);
    const ours = eastOf(world)
      .api.auditLog()
      .filter(({ user }) => user === account);
    expect(ours.filter(({ status }) => status === 403)).toEqual([]);
    const used = new Set(
      ours.map(
        ({ verb, plural, subresource }) => `${verb} ${plural}${subresource && "/"}${subresource}`,
      ),
    );
    expect(
      grants.map(({ verb, resource }) => `${verb} ${resource}`).filter((one) => !used.has(one)),
    ).toEqual([]);
    await world.stop();
  });

  for (const { index, rule, resource, verb } of grants) {
    it(`without ${verb} of ${resource} a part of the day does not come about`, async () => {
      const left = [
        { ...rule, resources: rule.resources.filter((one) => one !== resource) },
        { ...rule, resources: [resource], verbs: rule.verbs.filter((one) => one !== verb) },
      ].filter(({ resources, verbs }) => resources.length > 0 && verbs.length > 0);
      const day = async () => playDay(await start(mode, role.rules.toSpliced(index, 1, ...left)));
      await expect(day()).rejects.toThrow();
    });
  }
});
