// Why: without a scheduler somebody must say on which node a pod runs. It matters: the API server deletes
// an unbound pod at once and a bound one only with its kubelet's consent
// (kubernetes pkg/registry/core/pod/strategy.go, CheckGracefulDelete).
import type { KubernetesObject, Resource } from "@runlet/kubernetes/client";
import { KubernetesError } from "@runlet/kubernetes/client";
import { pods } from "@runlet/kubernetes/resources";
import type { Pod } from "./pod.ts";
import { untilDone, type KubeletCallDeps } from "./status-writer.ts";

/** The subresource `pods/NAME/binding`, addressed as a collection of its own. */
function bindingOf(pod: string): Resource {
  const plural = `pods/${encodeURIComponent(pod)}/binding`;
  return { group: "", version: "v1", plural, kind: "Binding", namespaced: true };
}

interface Binding extends KubernetesObject {
  target: { apiVersion: "v1"; kind: "Node"; name: string };
}

/** Binds `pod` to `node`, unless it is bound already. */
export async function bindPod(
  deps: KubeletCallDeps,
  pod: Pod,
  node: string,
  life: AbortSignal,
): Promise<"done" | "gone"> {
  if (pod.spec?.nodeName) return "done";
  const { namespace = "", name, uid = "" } = pod.metadata;
  const binding: Binding = {
    metadata: { namespace, name, uid },
    target: { apiVersion: "v1", kind: "Node", name: node },
  };
  return untilDone(deps, life, async () => {
    try {
      await deps.client.create(bindingOf(name), binding, { signal: life });
    } catch (error) {
      const conflict = error instanceof KubernetesError && error.status === 409;
      if (!conflict) throw error;
      // 409: bound already (an answer was lost, or a scheduler was faster), or another pod of this name.
      const there = await deps.client.find<Pod>(pods, { namespace, name }, { signal: life });
      if (there?.metadata.uid !== uid || !there.spec?.nodeName) throw error;
    }
  });
}
