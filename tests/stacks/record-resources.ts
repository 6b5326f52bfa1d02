// Why: Pulumi's mocks answer for the provider but keep the options of a resource to themselves (retainOnDelete, protect); the raw
// request has them. So each request is noted on its way to the mock.
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Resource } from "./deployment.ts";
import { answerCall, describeCreated, type MockedCall, type MockedResource } from "./mocked-aws.ts";
import { platform } from "./platform.ts";

/** What is used of the platform's own @pulumi/pulumi, whose types lie outside of this project. */
interface Pulumi {
  runtime: {
    setMocks(mocks: object, project: string, stack: string, preview: boolean, org: string): unknown;
    getMonitor(): Monitor;
    runInPulumiStack(program: () => Promise<unknown>): Promise<Record<string, unknown> | undefined>;
    disconnect(): Promise<void>;
  };
}
interface Monitor {
  registerResource(request: RegisterRequest, done: unknown): unknown;
  newUrn(parent: string | undefined, type: string, name: string): string;
}
/** A message of Pulumi's protocol (pulumi, proto/pulumi/resource.proto, RegisterResourceRequest). */
interface RegisterRequest {
  getType(): string;
  getName(): string;
  getCustom(): boolean;
  getRetainondelete(): boolean;
  getProtect(): boolean;
  getDependenciesList(): string[];
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
}

export interface Recorder {
  /** Runs the program to its end, and all that it has left to do. */
  run(program: () => Promise<unknown>): Promise<Record<string, unknown>>;
  resources: Resource[];
}

/** Takes the place of Pulumi's engine and provider for this process. */
export async function createRecorder(app: string, stage: string): Promise<Recorder> {
  // `as`: the parts of it that are written down above.
  const { runtime } = createRequire(join(platform, "package.json"))("@pulumi/pulumi") as Pulumi;
  const mocks = {
    newResource: (made: MockedResource) => ({
      id: `${made.name}-id`,
      state: describeCreated(made),
    }),
    call: (call: MockedCall) => answerCall(call),
  };
  await runtime.setMocks(mocks, app, stage, false, "organization");
  const resources: Resource[] = [];
  const monitor = runtime.getMonitor();
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, done) => {
    resources.push({
      type: request.getType(),
      name: request.getName(),
      custom: request.getCustom(),
      // `as`: an object stays one.
      inputs: unwrap(request.getObject()?.toJavaScript() ?? {}) as Resource["inputs"],
      retainOnDelete: request.getRetainondelete(),
      isProtected: request.getProtect(),
      after: request.getDependenciesList().map((urn) => urn.split("::").at(-1) ?? ""),
    });
    return register(request, done);
  };
  // The engine leaves the root stack out of a URN's chain of types; the mock does not, and SST reads types off URNs.
  monitor.newUrn = (parent, type, name) => {
    const chain = parent?.split("::")[2];
    const qualified = chain && chain !== "pulumi:pulumi:Stack" ? `${chain}$${type}` : type;
    return [`urn:pulumi:${stage}`, app, qualified, name].join("::");
  };
  return {
    resources,
    async run(program) {
      const outputs = (await runtime.runInPulumiStack(program)) ?? {};
      await runtime.disconnect();
      return outputs;
    },
  };
}

/** Pulumi's mark of a secret on the wire (sdk/nodejs/runtime/rpc.ts, specialSigKey and specialSecretSig). */
const signature = "4dabf18193072939515e22adb298388d";
const secret = "1b47061264138c4ac30d75fd1eb44270";

/** Values as they were before they were marked as secret. */
function unwrap(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrap);
  if (typeof value !== "object" || value === null) return value;
  // `as`: an object that is no list.
  const values = value as Record<string, unknown>;
  if (values[signature] === secret) return unwrap(values["value"]);
  return Object.fromEntries(Object.entries(values).map(([key, one]) => [key, unwrap(one)]));
}
