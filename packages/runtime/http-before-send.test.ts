// Why: between a caller's check and the first byte of its request lie the connection, and perhaps minutes in which the
// process stood still. The last word is asked for when the request could be written.
import { createSecureServer } from "node:http2";
import { expect, test } from "vitest";
import { createSystemClock } from "./clock.ts";
import { createTestCa, listen } from "./http-fixture.ts";
import { createHttpFetch } from "./http.ts";

test.each(["when-offered", "never"] as const)(
  "a request that may not be sent any more when its connection is there never arrives (HTTP/2 %s)",
  async (http2) => {
    const ca = await createTestCa("Late CA");
    const { certificatePem: cert, keyPem: key } = await ca.issue("server", "IP:127.0.0.1");
    const server = createSecureServer({ cert, key, allowHTTP1: true });
    const seen: (string | undefined)[] = [];
    server.on("request", (request, response) => {
      seen.push(request.method);
      response.end("done");
    });
    const listening = await listen(server);
    const url = `https://127.0.0.1:${listening.port}/`;
    const onlyCa = [ca.certificatePem];
    const fetch = createHttpFetch({ clock: createSystemClock(), onlyCa, http2 });
    const tooLate = () => {
      throw new Error("too late");
    };
    const late = { method: "POST", body: "deed", beforeSend: tooLate };
    // On a fresh connection, and on one that is kept.
    await expect(fetch(url, late)).rejects.toThrow("too late");
    expect(await (await fetch(url)).text()).toBe("done");
    await expect(fetch(url, late)).rejects.toThrow("too late");
    expect(await (await fetch(url, { beforeSend: () => {} })).text()).toBe("done");
    expect(seen).toEqual(["GET", "GET"]);
    fetch.close();
    await listening.stop();
  },
);
