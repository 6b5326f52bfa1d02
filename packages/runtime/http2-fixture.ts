// Why: a server that can be stopped with SIGSTOP has to be a process of its own. For tests only: it is
// given a certificate by message, says its port and how many streams are open, and never answers.
import { createSecureServer } from "node:http2";

process.on("message", (given: { cert: string; key: string }) => {
  let streams = 0;
  const server = createSecureServer(given);
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    process.send?.({ streams: ++streams });
  });
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address && typeof address === "object") process.send?.({ port: address.port });
  });
});
process.on("disconnect", () => process.exit(0));
