import { mkdtempSync, readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileSecrets } from "@runlet/coordination/file-secrets";
import { createSeededRandom } from "@runlet/runtime/random";
import { describe, expect, it } from "vitest";
import { secretStoreSuite } from "./suite.ts";

const random = createSeededRandom(1);
const newFolder = () => join(mkdtempSync(join(tmpdir(), "runlet-secrets-")), "secrets");

describe("secrets in files", () => {
  secretStoreSuite(async () => createFileSecrets({ random }, newFolder()));

  it("can be read by their owner alone, and no name leads out of the folder", async () => {
    const folder = newFolder();
    const store = createFileSecrets({ random }, folder);
    await store.put("../../escape", "text");
    const [file = "", ...more] = readdirSync(folder);
    expect(more).toEqual([]);
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(await store.list("../")).toEqual(["../../escape"]);
  });
});
