import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, it } from "vitest";
import { claimFolder, isClaimed } from "./claim-folder.ts";

const program = fileURLToPath(new URL("./fixtures/claim.ts", import.meta.url));
const children: ChildProcess[] = [];
afterEach(() => children.splice(0).forEach((child) => child.kill("SIGKILL")));

const newFolder = () => join(mkdtempSync(join(tmpdir(), "runlet-claim-")), "demo");

/** A process that claims the folder and stays; resolves with what it says. */
async function claimElsewhere(home: string): Promise<{ child: ChildProcess; says: string }> {
  const child = spawn(process.execPath, [program, home], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  return { child, says: said.toString().trim() };
}

describe("a folder", () => {
  it("goes to exactly one of four processes that claim it at once", async () => {
    const home = newFolder();
    const all = await Promise.all(Array.from({ length: 4 }, () => claimElsewhere(home)));
    const winners = all.filter(({ says }) => says === "claimed");
    expect(winners).toHaveLength(1);
    const told = all.filter((one) => !winners.includes(one)).map(({ says }) => says);
    for (const says of told) expect(says).toMatch(/process( \d+)? runs in .* already: stop it/);
    expect(() => claimFolder(home)).toThrow(`process ${winners[0]?.child.pid} runs in ${home}`);
  });

  it("is free at once when its holder was killed", async () => {
    const home = newFolder();
    const { child } = await claimElsewhere(home);
    child.kill("SIGKILL");
    await once(child, "exit");
    const release = claimFolder(home);
    expect(statSync(home).mode & 0o777).toBe(0o700);
    release();
    expect(existsSync(join(home, "pid"))).toBe(false);
    claimFolder(home)();
  });

  it("is known to be claimed while its holder lives, however often one asks, and no longer", async () => {
    const home = newFolder();
    expect(isClaimed(home)).toBe(false);
    expect(existsSync(home)).toBe(false);
    const { child } = await claimElsewhere(home);
    expect([isClaimed(home), isClaimed(home)]).toEqual([true, true]);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect([isClaimed(home), isClaimed(home)]).toEqual([false, false]);
    claimFolder(home)();
  });

  it("that is none is refused with a remedy", () => {
    const home = newFolder();
    writeFileSync(home, "a file");
    expect(() => claimFolder(home)).toThrow(`${home} cannot be written: choose another folder`);
  });
});
