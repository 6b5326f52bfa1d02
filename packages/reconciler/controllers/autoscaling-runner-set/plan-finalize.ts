// Why: who deletes the scale set at the service? Its reconciler, as in ARC, unless it is shared and a
// control plane has served it: then only the control plane can see whether another cluster still uses it.

/** What is known when a set is being deleted. */
export interface Leaving {
  isShared: boolean;
  /** Decided earlier, written down before the runner set was deleted. */
  noted: "true" | "false" | undefined;
  /** The fence on the runner set; undefined when there is no runner set. */
  fence: string | undefined;
}

/** Whether the scale set stays at the service. */
export function planKept(leaving: Leaving): boolean {
  if (!leaving.isShared) return false;
  if (leaving.noted !== undefined) return leaving.noted === "true";
  // Without a runner set nobody knows whether others serve it; a scale set too many harms nobody.
  return leaving.fence !== "0";
}
