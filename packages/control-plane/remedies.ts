// Why: a log line is read at night by somebody who did not write it. Where a person must act, the line says what to type;
// the runbooks (docs/runbooks) say more.

/** What to do about what poller and sweep warn of; the field `remedy` of their lines. */
export const remedies = {
  noAccess: (cluster: string) =>
    `what is registered leads nowhere: runlet cluster rotate ${cluster}`,
  unreachable: (cluster: string) =>
    `runlet cluster check ${cluster} says whether it is its server, the way, the token or the certificate; one that is gone for good: runlet cluster remove ${cluster} --now`,
  refuses: (cluster: string) =>
    `a right or a kind is missing: runlet cluster check ${cluster} names it`,
  foreign: (cluster: string) =>
    `another installation serves it: stop that one; if it is gone for good, runlet cluster adopt ${cluster}`,
  fought: (namespace: string, name: string) =>
    `somebody else writes its spec.replicas: kubectl -n ${namespace} get ephemeralrunnerset ${name} -o yaml --show-managed-fields names who; let nothing but Runlet write it`,
  sessionHeld:
    "ARC's listener or another installation listens: end that one; one that died lapses within two minutes",
  noCredential: (configUrl: string) => `runlet github add ${configUrl}`,
  badCredential: (configUrl: string) => `runlet github check ${configUrl}`,
  refused: {
    listener:
      "ARC's listener serves it: remove it from ARC, or take the label runlet.dev/managed from its namespace",
    "not-shared":
      'another target has this scale set: runlet.dev/share: "true" on both, or another name',
  },
} as const;
