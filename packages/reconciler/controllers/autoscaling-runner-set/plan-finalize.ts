// Why: who deletes the scale set at the service? Its reconciler, as in ARC, with two exceptions. A shared one
// that a control plane has served: only the control plane can see whether another cluster still uses it. And
// one that was found there by its name and never served from here: it is somebody else's until then.

/** What is known when a set is being deleted. */
export interface Leaving {
  isShared: boolean;
  /** Found by its name when this set was registered, not made by it. */
  isFound: boolean;
  /** Decided earlier, written down before the runner set was deleted. */
  noted: "true" | "false" | undefined;
  /** The fence on the runner set; undefined when there is no runner set. */
  fence: string | undefined;
}

/** Whether the scale set stays at the service. */
export function planKept(leaving: Leaving): boolean {
  if (leaving.noted !== undefined) return leaving.noted === "true";
  const isServed = leaving.fence !== undefined && leaving.fence !== "0";
  if (!leaving.isShared) return leaving.isFound && !isServed;
  // Without a runner set nobody knows whether others serve it; a scale set too many harms nobody.
  return leaving.fence !== "0";
}
