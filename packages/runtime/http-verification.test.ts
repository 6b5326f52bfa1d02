// A variable of Node's turns the check of every certificate off, for the whole process; GitHub's tokens and clusters'
// credentials must not hang on it (SEC14).
import { createServer } from "node:https";
import { afterEach, describe, expect, it } from "vitest";
import { createSystemClock } from "./clock.ts";
import { createTestCa, listen } from "./http-fixture.ts";
import { createHttpFetch } from "./http.ts";

const variable = "NODE_TLS_REJECT_UNAUTHORIZED";
afterEach(() => void delete process.env[variable]);

describe.each(["never", "when-offered"] as const)(
  "with the check of certificates turned off for Node (HTTP/2 %s)",
  (http2) => {
    it("a certificate of an unknown CA, or for another name, is refused all the same", async () => {
      process.env[variable] = "0";
      const ca = await createTestCa("test");
      const leaf = await ca.issue("elsewhere", "DNS:elsewhere.test");
      const own = { cert: leaf.certificatePem, key: leaf.keyPem };
      const server = await listen(createServer(own, (_request, response) => response.end("ok")));
      const ways = [{}, { onlyCa: [ca.certificatePem] }, { extraCa: [ca.certificatePem] }];
      for (const trust of ways) {
        const fetch = createHttpFetch({ clock: createSystemClock(), http2, ...trust });
        await expect(fetch(`https://127.0.0.1:${server.port}/`)).rejects.toMatchObject({
          code:
            "onlyCa" in trust || "extraCa" in trust
              ? "ERR_TLS_CERT_ALTNAME_INVALID"
              : "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        });
        fetch.close();
      }
      await server.stop();
    });
  },
);
