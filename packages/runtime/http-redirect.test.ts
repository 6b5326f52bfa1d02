// A server that is allowed to receive a token may send us on to one that is not (SEC12).
import { createServer } from "node:http";
import { expect, it } from "vitest";
import { createSystemClock } from "./clock.ts";
import { listen } from "./http-fixture.ts";
import { createHttpFetch } from "./http.ts";

it.each([301, 302, 303, 307, 308])(
  "a redirect (%i) is an answer: nobody is asked at the other place",
  async (status) => {
    const other = await listen(createServer((_request, response) => response.end("welcome")));
    const server = await listen(
      createServer((_request, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${other.port}/` }).end();
      }),
    );
    const fetch = createHttpFetch({ clock: createSystemClock() });
    const headers = { authorization: "Bearer secret" };
    for (const method of ["GET", "POST"]) {
      const answer = await fetch(`http://127.0.0.1:${server.port}/`, { method, headers });
      await answer.body?.cancel();
      expect([answer.status, answer.headers.get("location")]).toEqual([
        status,
        `http://127.0.0.1:${other.port}/`,
      ]);
    }
    expect(other.sockets).toEqual([]);
    fetch.close();
    await Promise.all([server.stop(), other.stop()]);
  },
);
