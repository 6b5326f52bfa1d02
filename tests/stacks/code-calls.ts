// Why: a role should hold what the code calls, so the calls are read out of the code: the adapters name each operation where
// they make it. A file that reaches AWS in a way that is not understood here is an error, not an empty list.

/** What a function's code does to AWS. */
export interface CodeCalls {
  /** IAM's names, e.g. dynamodb:GetItem. */
  actions: Set<string>;
  /** Below the deployment's prefix: a secret's name, or a folder of them with a slash behind it. */
  secrets: Set<string>;
  /** Files that reach AWS, and nobody knows how. */
  unknown: string[];
}

/** Those that carry calls and make none of their own. */
const carriers = new Set([
  "packages/coordination/aws-json.ts",
  "packages/runlet/compose/aws-calls.ts",
  "packages/runtime/aws-fetch.ts",
  "packages/runtime/aws-sign.ts",
]);

const reachesAws = /\bAwsCall\b|\bcreateAwsFetch\b|\bpresignAws\b|\bsignAws\b|["']@aws-sdk\//;

/** Reads them out of the sources in a bundle (bundled-sources.ts). */
export function findCalls(sources: ReadonlyMap<string, string>): CodeCalls {
  const services = servicesOfMakers([...sources.values()]);
  const calls: CodeCalls = { actions: new Set(), secrets: new Set(), unknown: [] };
  for (const [path, text] of sources) {
    for (const [, name] of text.matchAll(/secretsPrefix\}\/(\w+)`/g)) calls.secrets.add(name ?? "");
    const invokes = /\/functions\/\$\{\w+\}\/invocations/.test(text);
    if (invokes) calls.actions.add("lambda:InvokeFunction");
    if (carriers.has(path) || !reachesAws.test(text)) continue;
    const found = [
      ...operationsOfAdapter(text, services),
      ...operationsOfSts(text),
      ...operationsOfSdk(text),
    ];
    // A presigned call is made by whom it is shown to.
    if (found.length === 0 && !/\bpresignAws\b/.test(text)) calls.unknown.push(path);
    for (const action of found) calls.actions.add(action);
  }
  return { ...calls, unknown: [...calls.unknown, ...signedForNothing(sources, calls.actions)] };
}

/** Whoever signs for a service has a call of it. */
function signedForNothing(sources: ReadonlyMap<string, string>, actions: Set<string>): string[] {
  const services = new Set([...actions].map((action) => action.split(":")[0]));
  return [...sources].flatMap(([path, text]) =>
    [...text.matchAll(/\bsignedFor\("(\w+)"\)/g)]
      .filter(([, service]) => !services.has(service))
      .map(([, service]) => `${path} (${service})`),
  );
}

/** createKms → kms: by the composition, which hands `aws.kms` to it, and by what aws-calls.ts calls so. */
function servicesOfMakers(texts: string[]): Map<string, string> {
  const all = texts.join("\n");
  const prefixes = new Map(
    [...all.matchAll(/\b(\w+): callsOf\("(\w+)"/g)].map(([, key, service]) => [key, service]),
  );
  const makers = all.matchAll(/\b(create[A-Z]\w*)\(\s*(?:\w+\.)?aws\.(\w+)\b/g);
  return new Map(
    [...makers].flatMap(([, maker = "", key]) => {
      const service = prefixes.get(key);
      return service === undefined ? [] : [[maker, service] as const];
    }),
  );
}

/** call("GetItem", …), and what an adapter calls its own way to it. */
function operationsOfAdapter(text: string, services: Map<string, string>): string[] {
  const makers = [...text.matchAll(/export function (create\w+)\(\s*call: AwsCall/g)];
  return makers.flatMap(([, maker = ""]) => {
    const service = services.get(maker);
    if (service === undefined) return [];
    const operations = text.matchAll(/(?<!\bnew )\b[a-z]\w*\(\s*"([A-Z][A-Za-z]+)"/g);
    return [...operations].map(([, operation]) => `${service}:${operation}`);
  });
}

function operationsOfSts(text: string): string[] {
  if (!/createAwsFetch\([^)]*service: "sts"/.test(text)) return [];
  return [...text.matchAll(/\bAction: "(\w+)"/g)].map(([, action]) => `sts:${action}`);
}

function operationsOfSdk(text: string): string[] {
  const clients = text.matchAll(/import \{([^}]*)\} from "@aws-sdk\/client-([\w-]+)"/g);
  return [...clients].flatMap(([, names = "", service]) =>
    [...names.matchAll(/\b(\w+)Command\b/g)].map(([, operation]) => `${service}:${operation}`),
  );
}
