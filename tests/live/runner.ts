// Why: the reconciler registers each runner by a JIT config, looks it up by name after a lost answer, and removes it.
import { judge, type CheckRun, type Finding, type LiveCheck } from "./live-check.ts";
import {
  describe,
  githubNeeds,
  must,
  withScratchScaleSet,
  type Scratch,
} from "./scratch-scale-set.ts";

export const runner: LiveCheck = {
  name: "runner",
  asks: "Is a runner registered, found and removed as the reconciler does it?",
  does: [
    "makes a scale set and a JIT config (nothing is started with it)",
    "asks for the same name again, looks the runner up by name and by id, removes it twice",
    "deletes the scale set",
  ],
  needs: githubNeeds,
  run: (run) => withScratchScaleSet(run, (scratch) => look(run, scratch)),
};

async function look({ tell }: CheckRun, { service, id, name }: Scratch): Promise<Finding[]> {
  const request = { name: `${name}-runner-1`, workFolder: "_work" };
  const jit = must(await service.generateJitConfig(id, request), "a JIT config");
  const again = await service.generateJitConfig(id, request);
  const byName = await service.findRunnerByName(request.name);
  const byId = await service.findRunner(jit.runner.id);
  const removed = await service.removeRunner(jit.runner.id);
  const twice = await service.removeRunner(jit.runner.id);
  tell(`runner ${request.name} (${jit.runner.id}): ${describe(removed)}`);
  const isTaken = !again.ok && again.failure.reason === "runner-exists";
  const found = byName.ok ? byName.value?.id : describe(byName);
  return [
    judge("a JIT config names its runner", jit.runner.name === request.name, jit.runner.name),
    judge("a name in use is refused as such", isTaken, describe(again)),
    judge("a runner is found by its name", found === jit.runner.id, found ?? "nothing"),
    judge("a runner is found by its id", byId.ok && byId.value !== undefined, describe(byId)),
    judge(
      "an idle runner is removed",
      removed.ok && removed.value === "removed",
      describe(removed),
    ),
    judge("a runner that is gone may be removed again without an error", twice.ok, describe(twice)),
  ];
}
