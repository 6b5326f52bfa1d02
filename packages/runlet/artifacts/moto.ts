// Why: moto stands for Secrets Manager, KMS and STS, and is faithful where we call them. It is a Python program: a machine
// without Python must be told what to install; one that has it gets moto once, in an environment of its own.
import { join } from "node:path";
import { cached } from "../programs/cache.ts";
import { runCommand } from "../programs/run-command.ts";
import { install, type InstallDeps } from "./install.ts";

const pypiPackage = "moto[server]==5.2.1";
const pythonMinor = 10;
const question =
  "import sys, venv, ensurepip; print(sys.version_info[0] * 100 + sys.version_info[1])";

/** Throws in one line when Python is missing, too old, or without what makes environments. */
export async function requirePython(): Promise<void> {
  const wanted = `install Python 3.${pythonMinor} or newer with it (Debian: apt-get install python3-venv)`;
  const version = await runCommand({ file: "python3", args: ["-c", question] }).catch(
    (cause: unknown) => {
      throw new Error(`moto needs python3 with venv, which is not there: ${wanted}`, { cause });
    },
  );
  if (Number(version) >= 300 + pythonMinor) return;
  throw new Error(`moto does not run on this python3 (3.${Number(version) % 100}): ${wanted}`);
}

/** The Python that has moto, in a virtual environment made on first use. */
export async function getMotoPython(deps: InstallDeps): Promise<string> {
  const dir = await cached("moto", [pypiPackage], async (making) => {
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", pypiPackage];
    await runCommand({ file: "python3", args: ["-m", "venv", join(making, "venv")] });
    const into = `${pypiPackage} from PyPI (half a minute, once)`;
    await install(deps, into, { file: pythonIn(making), args: pip });
  });
  return pythonIn(dir);
}

/** It may be moved: only the programs beside it, which are not called, know where it was made. */
function pythonIn(dir: string): string {
  return join(dir, "venv/bin/python3");
}
