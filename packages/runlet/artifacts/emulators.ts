// Why: what stands for AWS on one machine: DynamoDB Local and moto, as processes that forget everything when they end.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createHttpFetch } from "@runlet/runtime/http";
import { startComponent, type Component } from "../programs/component.ts";
import { freePorts } from "../programs/free-ports.ts";
import { dynamodbArguments, getDynamodbLocal, requireJava } from "./dynamodb-local.ts";
import type { InstallDeps } from "./install.ts";
import { getMotoPython, requirePython } from "./moto.ts";

export interface EmulatorPlaces {
  dynamodbUrl: string;
  motoUrl: string;
}

export interface Emulators extends EmulatorPlaces {
  /** Kills both. */
  stop(): Promise<void>;
}

const startsWithinMs = 60_000;
const lookEveryMs = 50;

/**
 * Starts both and waits until they answer; the first time they are installed. Their logs are kept in `folder`. Throws in
 * one line when Java or Python is missing, and with the end of the log of one that does not start.
 */
export async function startEmulators(deps: InstallDeps, folder: string): Promise<Emulators> {
  // Both before anything is installed: what is missing is best heard at once.
  await requireJava();
  await requirePython();
  const jar = await getDynamodbLocal(deps);
  const python = await getMotoPython(deps);
  deps.say("starting DynamoDB Local and moto");
  mkdirSync(folder, { recursive: true });
  const [dynamodbPort, motoPort] = await freePorts();
  const start = (name: string, file: string, args: string[]) =>
    startComponent(name, file, { args, logFile: join(folder, `${name}.log`) });
  const motoArguments = ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(motoPort)];
  const started = [
    {
      component: start("dynamodb-local", "java", dynamodbArguments(jar, dynamodbPort)),
      url: `http://127.0.0.1:${dynamodbPort}`,
    },
    {
      component: start("moto", python, motoArguments),
      url: `http://127.0.0.1:${motoPort}`,
    },
  ] as const;
  const stop = async () => {
    await Promise.all(started.map(({ component }) => component.kill()));
  };
  try {
    await Promise.all(started.map(({ component, url }) => untilAnswered(deps, component, url)));
  } catch (error) {
    await stop();
    throw error;
  }
  const [dynamodb, moto] = started;
  return { dynamodbUrl: dynamodb.url, motoUrl: moto.url, stop };
}

/** Any answer at all: both refuse a bare GET. */
async function untilAnswered({ clock }: InstallDeps, component: Component, url: string) {
  const fetch = createHttpFetch({ clock, http2: "never" });
  const until = clock.nowMs() + startsWithinMs;
  try {
    while (clock.nowMs() < until && component.running()) {
      const answer = await fetch(url).catch(() => undefined);
      if (answer) return void (await answer.text());
      await clock.sleep(lookEveryMs);
    }
  } finally {
    fetch.close();
  }
  throw new Error(`${component.name} does not answer; the end of its log:\n${component.tail()}`);
}
