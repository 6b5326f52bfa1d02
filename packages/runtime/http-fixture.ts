// Why: TLS is tested against certificates of CAs made for the test and servers on real sockets. For tests only.
import type { AddressInfo, Server, Socket } from "node:net";
import { generate } from "selfsigned";

export interface Certificate {
  certificatePem: string;
  keyPem: string;
}

/** A certificate authority. */
export interface TestCa extends Certificate {
  /** `alternatives` as OpenSSL writes them: `DNS:localhost,IP:127.0.0.1`. */
  issue(name: string, alternatives: string): Promise<Certificate>;
}

const ec = { keyType: "ec", algorithm: "sha256" } as const;
const named = (value: string) => [{ name: "commonName", value }];

/** A fresh CA named `name`. */
export async function createTestCa(name: string): Promise<TestCa> {
  const ca = await generate(named(name), {
    ...ec,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return {
    certificatePem: ca.cert,
    keyPem: ca.private,
    async issue(common, alternatives) {
      const leaf = await generate(named(common), {
        ...ec,
        ca: { key: ca.private, cert: ca.cert },
        extensions: [
          { name: "basicConstraints", cA: false, critical: true },
          { name: "subjectAltName", altNames: alternatives.split(",").map(toAlternative) },
        ],
      });
      return { certificatePem: leaf.cert, keyPem: leaf.private };
    },
  };
}

function toAlternative(text: string) {
  const [kind, value = ""] = text.split(/:(.*)/s);
  return kind === "IP" ? { type: 7 as const, ip: value } : { type: 2 as const, value };
}

/** A listening server, the sockets it was given, and its end. */
export interface Listening {
  port: number;
  /** Every connection so far, open or not. */
  sockets: Socket[];
  stop: () => Promise<void>;
}

/** Listens on a free loopback port. `stop` cuts what is still open. */
export async function listen(server: Server): Promise<Listening> {
  const sockets: Socket[] = [];
  server.on("connection", (socket: Socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // A TCP server's address is never a string or null while it listens.
  const { port } = server.address() as AddressInfo;
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { port, sockets, stop };
}
