import { describe, expect, it } from "vitest";
import type { ActionsService } from "@runlet/actions-service/service";
import type { KubernetesClient } from "@runlet/kubernetes/client";
import { createVirtualClock } from "@runlet/runtime/virtual-clock";
import { createServices, type Connection } from "./services.ts";

const plain: Connection = {
  githubConfigUrl: "https://github.com/my-org",
  githubConfigSecret: "secret",
};
const trusting: Connection = {
  ...plain,
  proxy: { https: { url: "http://proxy.test:3128", credentialSecretRef: "login" } },
};

/** Services over a cluster whose proxy login can be taken away and changed. */
function createBench() {
  const clock = createVirtualClock();
  let login: string | undefined = "first";
  let made = 0;
  const find = async () => {
    await clock.sleep(100);
    const data = { username: btoa("user"), password: btoa(login ?? "") };
    return login === undefined ? undefined : { metadata: { name: "login" }, data };
  };
  const services = createServices({
    // All that services.ts calls.
    client: { find } as unknown as KubernetesClient,
    clock,
    // Nobody calls it.
    serviceFor: () => ({ number: ++made }) as unknown as ActionsService,
  });
  /** Which client each of `count` askers at once gets. */
  const ask = async (connection: Connection, count: number) => {
    const asked = Array.from({ length: count }, () => services.find("runners", connection));
    const answers = Promise.allSettled(asked);
    await clock.runFor(1_000);
    return (await answers).map((one) => {
      return one.status === "fulfilled" ? Object.values(one.value.service)[0] : "refused";
    });
  };
  return { clock, ask, setLogin: (value: string | undefined) => void (login = value) };
}

describe("clients of the service", () => {
  it("are one for all who ask at once, whatever must be read first", async () => {
    for (const connection of [plain, trusting]) {
      const { ask } = createBench();
      expect(new Set(await ask(connection, 24))).toEqual(new Set([1]));
      expect(await ask(connection, 1)).toEqual([1]);
    }
  });

  it("are one for all who ask when the CA or proxy is due to be read again, another if it has changed", async () => {
    const { ask, clock, setLogin } = createBench();
    await ask(trusting, 1);
    await clock.runFor(600_000);
    expect(new Set(await ask(trusting, 24))).toEqual(new Set([1]));
    setLogin("second");
    expect(await ask(trusting, 1)).toEqual([1]);
    await clock.runFor(600_000);
    expect(new Set(await ask(trusting, 24))).toEqual(new Set([2]));
  });

  it("that could not be made are made when they are asked for again", async () => {
    const { ask, setLogin } = createBench();
    setLogin(undefined);
    expect(new Set(await ask(trusting, 3))).toEqual(new Set(["refused"]));
    setLogin("first");
    expect(await ask(trusting, 1)).toEqual([1]);
  });

  it("of sets that are gone are forgotten after an hour, those in use are kept", async () => {
    const { ask, clock } = createBench();
    expect(await ask(plain, 1)).toEqual([1]);
    const gone = { ...plain, githubConfigUrl: "https://github.com/gone" };
    expect(await ask(gone, 1)).toEqual([2]);
    for (let minutes = 0; minutes < 65; minutes += 5) {
      await clock.runFor(300_000);
      expect(await ask(plain, 1)).toEqual([1]);
    }
    expect(await ask(gone, 1)).toEqual([3]);
  });
});
