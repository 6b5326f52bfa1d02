// Why: mistakes on the way to AWS and into clusters, where no emulator would notice them.
import type { Mutant } from "./mutants.ts";

const coordination = "packages/coordination";
const kubernetes = "packages/kubernetes";
const runtime = "packages/runtime";

export const cloudMutants: Mutant[] = [
  {
    name: "a session thrown away when KMS does not answer",
    in: `${coordination}/checkpoint-row.ts`,
    find: "    if (!(error instanceof Undecryptable)) throw error;\n",
    replace: "    if (!(error instanceof Error)) throw error;\n",
    file: `${coordination}/data-keys.test.ts`,
    test: "costs no session",
  },
  {
    name: "a data key drawn anew whatever KMS says",
    in: `${coordination}/data-keys.ts`,
    find: "if (error instanceof AwsError && lostForGood.has(error.code)) return undefined;",
    replace: "if (error instanceof AwsError) return undefined;",
    file: `${coordination}/data-keys.test.ts`,
    test: "costs no session",
  },
  {
    name: "a throttled write taken as unknown",
    in: `${coordination}/dynamodb-table.ts`,
    find: "  if (error.throttled) return new TableBusy(error.message, { cause: error });\n",
    replace: "",
    file: `${coordination}/dynamodb-table.test.ts`,
    test: "nothing has happened, later is sensible",
  },
  {
    name: "a refused credential taken for the newest",
    in: "packages/actions-service/registration.ts",
    find: "findCredential(deps, { fresh: true })",
    replace: "findCredential(deps, { fresh: false })",
    file: "packages/actions-service/credential.test.ts",
    test: "that is refused is looked for anew at once",
  },
  {
    name: "an address without TLS taken from a server with it",
    in: "packages/actions-service/server-address.ts",
    find: 'if (isSecure && protocol !== "https:")',
    replace: 'if (!isSecure && protocol === "")',
    file: "packages/actions-service/server-address.test.ts",
    test: "an address without TLS, given by a server that is reached over TLS > as the service's is refused",
  },
  {
    name: "whether certificates are checked left to the environment",
    in: `${runtime}/http-dial.ts`,
    find: "    rejectUnauthorized: true,\n",
    replace: "",
    file: `${runtime}/http-verification.test.ts`,
    test: "(HTTP/2 never) > a certificate of an unknown CA",
  },
  {
    name: "names followed wherever they lead",
    in: `${runtime}/http-dial.ts`,
    find: "  const lookup = guard && { lookup: guardedLookup(guard) };\n",
    replace: "  const lookup = guard && {};\n  void guardedLookup;\n",
    file: `${runtime}/address-guard.test.ts`,
    test: "connects to nothing that is refused, by address or by name",
  },
  {
    name: "a role's credentials that end before the token made with them",
    in: `${kubernetes}/assumed-role.ts`,
    find: "const marginMs = 15 * 60_000;",
    replace: "const marginMs = 60_000;",
    file: `${kubernetes}/eks-access.test.ts`,
    test: "described and reached with the role there, borrowed once an hour",
  },
  {
    name: "a rotated kubeconfig not looked at",
    in: `${kubernetes}/stored-access.ts`,
    find: "    if (last?.text !== text) {",
    replace: "    if (!last) {",
    file: `${kubernetes}/stored-access.test.ts`,
    test: "that was rotated counts for the next call",
  },
  {
    name: "each container's webhooks invoke a poller of their own",
    in: `${coordination}/invoke-once.ts`,
    find: "Math.abs(at - last.at) < againMs) return false;",
    replace: "Math.abs(at - last.at) < 0) return false;",
    file: `${coordination}/wake.test.ts`,
    test: "invoke one poller, and another if it does not come",
  },
  {
    name: "a failing poller tried again without a wait",
    in: "packages/control-plane/sweep/follow-failure.ts",
    find: "const failures = before + 1;",
    replace: "const failures = 1;",
    file: "packages/control-plane/sweep/follow-failure.test.ts",
    test: "is tried seven times within ten seconds",
  },
];
