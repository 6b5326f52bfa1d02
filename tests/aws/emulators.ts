// Why: what stands for AWS in the tests: DynamoDB Local is DynamoDB's own code; moto (Secrets Manager, KMS, STS) is
// faithful where we call it. Both forget everything when they end.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startComponent, type Component } from "@runlet/runlet/programs/component";
import { freePorts } from "@runlet/runlet/programs/free-ports";
import { getDynamodbLocal, getMotoPython } from "./tools.ts";

export interface Emulators {
  dynamodbUrl: string;
  motoUrl: string;
  stop(): Promise<void>;
}

const startsWithinMs = 60_000;

/** Starts both and waits until they answer. Throws with the end of the log of one that does not. */
export async function startEmulators(): Promise<Emulators> {
  const jar = await getDynamodbLocal();
  const python = await getMotoPython();
  const logs = mkdtempSync(join(tmpdir(), "runlet-aws-"));
  const [dynamodbPort, motoPort] = await freePorts();
  const log = (name: string) => ({ logFile: join(logs, `${name}.log`) });
  const components = [
    startComponent("DynamoDB Local", "java", {
      args: dynamodbArguments(jar, dynamodbPort),
      ...log("dynamodb"),
    }),
    startComponent("moto", python, {
      args: ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(motoPort)],
      ...log("moto"),
    }),
  ];
  const stop = async () => {
    await Promise.all(components.map((component) => component.kill()));
    rmSync(logs, { recursive: true, force: true });
  };
  const urls = [dynamodbPort, motoPort].map((port) => `http://127.0.0.1:${port}`);
  try {
    await Promise.all(components.map((component, at) => untilAnswered(component, urls[at] ?? "")));
  } catch (error) {
    await stop();
    throw error;
  }
  return { dynamodbUrl: urls[0] ?? "", motoUrl: urls[1] ?? "", stop };
}

function dynamodbArguments(folder: string, port: number): string[] {
  const small = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];
  const library = `-Djava.library.path=${join(folder, "DynamoDBLocal_lib")}`;
  const own = ["-inMemory", "-sharedDb", "-disableTelemetry", "-port", String(port)];
  return [...small, library, "-jar", join(folder, "DynamoDBLocal.jar"), ...own];
}

/** Any answer at all: both refuse a bare GET. */
async function untilAnswered(component: Component, url: string): Promise<void> {
  const until = performance.now() + startsWithinMs;
  while (performance.now() < until) {
    if (!component.running()) break;
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${component.name} does not answer; the end of its log:\n${component.tail()}`);
}
