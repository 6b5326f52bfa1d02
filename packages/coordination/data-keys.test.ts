import { describe, expect, it } from "vitest";
import { AwsError } from "./aws-json.ts";
import { createCheckpoints } from "./checkpoints.ts";
import { Undecryptable } from "./cipher.ts";
import { createShardCiphers, type KeyContext, type KeyWrapping } from "./data-keys.ts";
import { createTableWorld } from "./testing/table-world.ts";

/** Wraps by writing the context beside the key, and can be told to fail. */
function createWrapping() {
  let drawn = 0;
  const state = { calls: [] as string[], refuse: undefined as string | undefined };
  const place = (context: KeyContext) => `${context.stage}/${context.shard}`;
  const wrapping: KeyWrapping = {
    async generate(context) {
      state.calls.push(`generate ${place(context)}`);
      const key = new Uint8Array(32).fill(++drawn);
      return { key, wrapped: `${place(context)}=${drawn}` };
    },
    async unwrap(wrapped, context) {
      state.calls.push(`unwrap ${place(context)}`);
      const { refuse } = state;
      if (refuse) throw new AwsError("Decrypt", 400, { __type: refuse });
      const [at, n] = wrapped.split("=");
      if (at !== place(context)) {
        throw new AwsError("Decrypt", 400, { __type: "InvalidCiphertextException" });
      }
      return new Uint8Array(32).fill(Number(n));
    },
  };
  return { wrapping, state };
}

/** Two invocations on one table, each with a container of its own. */
function createKeys() {
  const world = createTableWorld();
  const { wrapping, state } = createWrapping();
  const start = () => createShardCiphers({ ...world, wrapping, stage: "prod" });
  return { world, state, start };
}

describe("the data key of a shard", () => {
  it("is drawn once, and opened once a container, by however many sets", async () => {
    const { start, state, world } = createKeys();
    const cipher = start()("shard-1");
    const sealed = await world.inTime(
      Promise.all(Array.from({ length: 200 }, (_, n) => cipher.seal(`token ${n}`, `set/${n}`))),
    );
    expect(state.calls).toEqual(["generate prod/shard-1"]);
    const next = start()("shard-1");
    const texts = await world.inTime(
      Promise.all(sealed.map((one, n) => next.open(one, `set/${n}`))),
    );
    expect(texts[199]).toBe("token 199");
    expect(state.calls).toEqual(["generate prod/shard-1", "unwrap prod/shard-1"]);
  });
  it("is one for two containers that want it first at the same time, one of them without an answer", async () => {
    const { start, world } = createKeys();
    world.faults.loseAnswer = 0.3;
    const [a, b] = [start()("shard-1"), start()("shard-1")];
    const [fromA, fromB] = await world.inTime(Promise.all([a.seal("a", "x"), b.seal("b", "x")]));
    expect(await world.inTime(b.open(fromA, "x"))).toBe("a");
    expect(await world.inTime(a.open(fromB, "x"))).toBe("b");
  });
  it("differs from shard to shard, and what a set brings along from another shard is still opened", async () => {
    const { start, world, state } = createKeys();
    const sealed = await world.inTime(start()("shard-1").seal("token", "set/a"));
    expect(await world.inTime(start()("shard-2").open(sealed, "set/a"))).toBe("token");
    await world.inTime(start()("shard-2").seal("token", "set/a"));
    expect(state.calls).toContain("generate prod/shard-2");
    await expect(world.inTime(start()("shard-2").open(sealed, "set/b"))).rejects.toThrow(
      Undecryptable,
    );
  });
  it("of another shard, put in the place of this one, opens nothing", async () => {
    const { start, world } = createKeys();
    const sealed = await world.inTime(start()("shard-1").seal("token", "set/a"));
    await world.inTime(start()("shard-2").seal("other", "set/b"));
    const other = await world.truth.get("key/shard-2");
    const mine = await world.truth.get("key/shard-1");
    if (!other || !mine) throw new Error("no keys");
    await world.truth.put(
      { ...mine, version: "forged", value: other.value },
      { version: mine.version },
    );
    await expect(world.inTime(start()("shard-1").open(sealed, "set/a"))).rejects.toThrow(
      Undecryptable,
    );
  });
  it.each(["IncorrectKeyException", "KMSInvalidStateException", "NotFoundException"])(
    "is drawn anew when the KMS key is gone (%s), and old texts are undecryptable (F45)",
    async (refuse) => {
      const { start, world, state } = createKeys();
      const sealed = await world.inTime(start()("shard-1").seal("token", "set/a"));
      state.refuse = refuse;
      const cipher = start()("shard-1");
      await expect(world.inTime(cipher.open(sealed, "set/a"))).rejects.toThrow(Undecryptable);
      const anew = await world.inTime(cipher.seal("token", "set/a"));
      expect(await world.inTime(cipher.open(anew, "set/a"))).toBe("token");
    },
  );
});

it("a KMS that does not answer, or may not be asked, costs no session", async () => {
  const { start, world, state } = createKeys();
  const session = { sessionId: "s", queueUrl: "https://queue", queueToken: "token" };
  const checkpoint = { fence: "a:1", scaleSetId: 1, session, lastMessageId: 0, targets: {} };
  const checkpoints = () => createCheckpoints({ ...world, cipher: start()("shard-1") });
  await world.inTime(checkpoints().put("github.com/my-org:1", checkpoint, undefined));
  for (const refuse of ["AccessDeniedException", "KMSInternalException", "ThrottlingException"]) {
    state.refuse = refuse;
    const later = checkpoints();
    const load = world.inTime(later.load("github.com/my-org:1"));
    await expect(load).rejects.toMatchObject({ name: "AwsError", code: refuse });
    state.refuse = undefined;
    // The failure is not remembered either.
    const found = await world.inTime(later.load("github.com/my-org:1"));
    expect(found?.checkpoint.session).toEqual(session);
  }
});
