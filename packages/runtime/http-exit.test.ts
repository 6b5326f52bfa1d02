// Why: a command that has done its work must end. Connections kept for later must not hold it.
import { spawn } from "node:child_process";
import { createSecureServer } from "node:http2";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createTestCa, listen } from "./http-fixture.ts";

const script = `
  import { createSystemClock } from "./clock.ts";
  import { createHttpFetch } from "./http.ts";
  const [url, ca, http2] = process.argv.slice(1);
  const fetch = createHttpFetch({ clock: createSystemClock(), onlyCa: [ca], http2 });
  const response = await fetch(url);
  process.stdout.write(await response.text());
`;

test.each(["when-offered", "never"])(
  "a process with idle connections ends (HTTP/2 %s)",
  async (http2) => {
    const ca = await createTestCa("Exit CA");
    const { certificatePem: cert, keyPem: key } = await ca.issue("server", "IP:127.0.0.1");
    const server = createSecureServer({ cert, key, allowHTTP1: true });
    server.on("request", (_request, response) => response.end("done"));
    const listening = await listen(server);
    const url = `https://127.0.0.1:${listening.port}/`;
    const args = ["--input-type=module-typescript", "-e", script, url, ca.certificatePem, http2];
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    child.stdout.on("data", (chunk) => (out += String(chunk)));
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect([code, out]).toEqual([0, "done"]);
    await listening.stop();
  },
);
