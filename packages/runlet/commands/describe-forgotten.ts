// Why: a cluster that an earlier start has registered stays registered. Started again without its kubeconfig, nobody can
// reach it, and its runner sets would wait without a word.

/** A line for each registered cluster that no --kubeconfig gives, with what to do. */
export function describeForgotten(
  registered: readonly string[],
  given: readonly string[],
  stateFile: string,
): string[] {
  return registered
    .filter((name) => !given.includes(name))
    .map(
      (name) =>
        `cluster ${name} is registered, but no --kubeconfig leads to it, so its runner sets are not served: ` +
        `give --kubeconfig ${name}=FILE again, or npx runlet cluster remove ${name} --now --state ${stateFile}`,
    );
}
