// Why: a simulated day makes a million calls of the table, too many for an emulator. This answers the adapter's four
// operations out of memory, and counts capacity units by DynamoDB's own rules ("DynamoDB read and write operations",
// "Item sizes and formats"); tests/aws/capacity.test.ts holds its counts to those of an emulator.
import { AwsError, type AwsCall } from "@runlet/coordination/aws-json";
import * as z from "zod/mini";

type Value = z.infer<typeof value>;
type Item = Record<string, Value>;

const value = z.union([z.object({ S: z.string() }), z.object({ N: z.string() })]);
const text = z.object({ S: z.string() });
const keyShape = z.object({ kind: text, name: text });
const request = z.object({
  Key: z.optional(keyShape),
  Item: z.optional(z.record(z.string(), value)),
  ConditionExpression: z.optional(z.string()),
  ExpressionAttributeValues: z.optional(z.record(z.string(), value)),
});

export interface Units {
  read: number;
  write: number;
}

export interface MemoryDynamodb {
  /** Makes one call; rejects with AwsError when a condition does not hold. */
  call: AwsCall;
  /** Bytes of all items, as storage is charged. */
  bytes(): number;
}

const readUnit = 4_096;
const writeUnit = 1_024;

/** An empty table. `onUnits` hears what each call consumes, by the kind of row, also one whose condition does not hold. */
export function createMemoryDynamodb(
  onUnits: (kind: string, units: Units) => void,
): MemoryDynamodb {
  const items = new Map<string, Map<string, Item>>();
  const find = ({ kind, name }: z.infer<typeof keyShape>) => items.get(kind.S)?.get(name.S);
  const read = (kind: string, bytes: number) =>
    onUnits(kind, { read: Math.max(1, Math.ceil(bytes / readUnit)), write: 0 });
  const write = (kind: string, ...sizes: number[]) => {
    const units = Math.max(1, Math.ceil(Math.max(...sizes) / writeUnit));
    onUnits(kind, { read: 0, write: units });
  };

  function put(input: z.infer<typeof request>): object {
    const item = input.Item ?? {};
    const key = keyShape.parse(item);
    const there = find(key);
    write(key.kind.S, sizeOf(item), sizeOf(there));
    checkCondition("PutItem", input, there);
    const ofKind = items.get(key.kind.S) ?? new Map<string, Item>();
    items.set(key.kind.S, ofKind.set(key.name.S, item));
    return {};
  }
  function remove(input: z.infer<typeof request>): object {
    const key = keyShape.parse(input.Key);
    const there = find(key);
    write(key.kind.S, sizeOf(there));
    checkCondition("DeleteItem", input, there);
    items.get(key.kind.S)?.delete(key.name.S);
    return {};
  }
  function get(input: z.infer<typeof request>): object {
    const key = keyShape.parse(input.Key);
    const found = find(key);
    read(key.kind.S, sizeOf(found));
    return found ? { Item: found } : {};
  }
  function query({ ExpressionAttributeValues: values }: z.infer<typeof request>): object {
    const kind = text.parse(values?.[":kind"]).S;
    const prefix = text.safeParse(values?.[":name"]).data?.S ?? "";
    const found = [...(items.get(kind) ?? [])]
      .filter(([name]) => name.startsWith(prefix))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, item]) => item);
    // Never several pages here: DynamoDB's end at 1 MB.
    const bytes = found.reduce((sum, item) => sum + sizeOf(item), 0);
    read(kind, bytes);
    return { Items: found };
  }
  const operations: Record<string, (input: z.infer<typeof request>) => object> = {
    PutItem: put,
    DeleteItem: remove,
    GetItem: get,
    Query: query,
  };
  return {
    async call(operation, input) {
      const run = operations[operation];
      if (!run) throw new Error(`${operation} is none of the table's four operations`);
      return run(request.parse(input));
    },
    bytes: () =>
      [...items.values()]
        .flatMap((ofKind) => [...ofKind.values()])
        .reduce((sum, item) => sum + sizeOf(item), 0),
  };
}

/** The two conditions that the adapter knows: absent, and of this version. */
function checkCondition(
  operation: string,
  { ConditionExpression: condition, ExpressionAttributeValues: values }: z.infer<typeof request>,
  there: Item | undefined,
): void {
  const wanted = text.safeParse(values?.[":version"]).data?.S;
  const version = text.safeParse(there?.["version"]).data?.S;
  const holds =
    condition === "attribute_not_exists(kind)"
      ? there === undefined
      : condition === "#version = :version" && wanted !== undefined && version === wanted;
  if (holds) return;
  const error = { __type: "ConditionalCheckFailedException", ...(there && { Item: there }) };
  throw new AwsError(operation, 400, error);
}

/** Names and values in UTF-8; a number takes a byte for two digits and one more. */
function sizeOf(item: Item | undefined): number {
  return Object.entries(item ?? {}).reduce((sum, [name, one]) => {
    const bytes = "S" in one ? Buffer.byteLength(one.S) : Math.ceil(one.N.length / 2) + 1;
    return sum + Buffer.byteLength(name) + bytes;
  }, 0);
}
