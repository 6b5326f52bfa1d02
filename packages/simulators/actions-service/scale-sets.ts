// Why: the scale sets of every scope, as GitHub keeps them. Ids count per scope, so two
// organisations have a scale set 1 each: whoever keys by the id alone is found out.
import type { Clock } from "@runlet/runtime/clock";
import { addScaleSet, relabelScaleSet, removeScaleSet } from "../job-ledger/scale-sets.ts";
import type { Events } from "./events.ts";
import type { JobDesk } from "./job-desk.ts";
import type { Knobs } from "./knobs.ts";

export interface SimulatedScaleSet {
  /** `<scope>:<id>`: its key in the ledger and in events. */
  key: string;
  /** Lower-cased `org`, `org/repo` or `enterprises/name`. */
  scope: string;
  id: number;
  name: string;
  runnerGroupId: number;
  labels: { id: number; name: string; type: string }[];
  setting: Record<string, unknown>;
  /** Milliseconds since 1970. */
  createdOn: number;
}

export interface ScaleSetOrder {
  name: string;
  runnerGroupId: number;
  labels: string[];
  setting: Record<string, unknown>;
}

export interface ScaleSets {
  /** "taken": another set of the group has the name, in any case of letters. */
  create(scope: string, order: ScaleSetOrder): SimulatedScaleSet | "taken";
  update(set: SimulatedScaleSet, change: Partial<ScaleSetOrder>): SimulatedScaleSet | "taken";
  remove(set: SimulatedScaleSet): void;
  get(key: string): SimulatedScaleSet | undefined;
  find(scope: string, id: number): SimulatedScaleSet | undefined;
  list(scope?: string): SimulatedScaleSet[];
}

export function createScaleSets(deps: {
  clock: Clock;
  events: Events;
  desk: JobDesk;
  knobs: () => Knobs;
}): ScaleSets {
  const { clock, events, desk, knobs } = deps;
  const sets = new Map<string, SimulatedScaleSet>();
  const lastIds = new Map<string, number>();
  let lastLabelId = 0;

  const isTaken = (scope: string, name: string, group: number, except?: string) =>
    [...sets.values()].some(
      (set) =>
        set.scope === scope &&
        set.runnerGroupId === group &&
        set.name.toLowerCase() === name.toLowerCase() &&
        set.key !== except,
    );
  function make(scope: string, order: ScaleSetOrder): SimulatedScaleSet {
    const id = (lastIds.get(scope) ?? 0) + 1;
    lastIds.set(scope, id);
    const wanted = knobs().customLabels && order.labels.length > 0 ? order.labels : [order.name];
    const labels = wanted.map((name) => ({ id: (lastLabelId += 1), name, type: "System" }));
    return { ...order, key: `${scope}:${id}`, scope, id, labels, createdOn: clock.wallMs() };
  }
  const names = (set: SimulatedScaleSet) => set.labels.map((label) => label.name);

  return {
    create(scope, order) {
      if (isTaken(scope, order.name, order.runnerGroupId)) return "taken";
      const set = make(scope, order);
      const { key, name } = set;
      sets.set(key, set);
      events.publish({ kind: "scale-set-created", scaleSet: key, name });
      const { firstMessageId } = knobs();
      desk.commit(
        addScaleSet(desk.ledger(), desk.rules(), {
          key,
          scope,
          labels: names(set),
          firstMessageId,
        }),
      );
      return set;
    },
    update(set, change) {
      const name = change.name ?? set.name;
      const runnerGroupId = change.runnerGroupId ?? set.runnerGroupId;
      if (isTaken(set.scope, name, runnerGroupId, set.key)) return "taken";
      // A set is targeted by its name; the label of that name follows it, the others stay as
      // created.
      const labels = set.labels.map((label) =>
        label.name.toLowerCase() === set.name.toLowerCase() ? { ...label, name } : label,
      );
      const setting = { ...set.setting, ...change.setting };
      const updated = { ...set, name, runnerGroupId, labels, setting };
      sets.set(set.key, updated);
      desk.commit(relabelScaleSet(desk.ledger(), desk.rules(), set.key, names(updated)));
      return updated;
    },
    remove(set) {
      sets.delete(set.key);
      events.publish({ kind: "scale-set-deleted", scaleSet: set.key, name: set.name });
      desk.commit(removeScaleSet(desk.ledger(), desk.rules(), set.key));
    },
    get: (key) => sets.get(key),
    find: (scope, id) => sets.get(`${scope}:${id}`),
    list: (scope) => [...sets.values()].filter((set) => scope === undefined || set.scope === scope),
  };
}
