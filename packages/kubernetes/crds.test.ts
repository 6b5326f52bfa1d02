import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { readCrds } from "./crds.ts";

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
}

interface Definition {
  spec: {
    names: { kind: string };
    versions: {
      additionalPrinterColumns: { name: string; jsonPath: string }[];
      schema: { openAPIV3Schema: Schema };
    }[];
  };
}

// ARC's show "Finished Runners" and "Deleting Runners" out of fields that no status has.
test("every column that kubectl prints is a field that the kind has", () => {
  const definitions = parseAllDocuments(readCrds()).map((one) => one.toJS() as Definition);
  const columns = definitions.flatMap(({ spec: { names, versions } }) =>
    versions.flatMap(({ additionalPrinterColumns, schema }) =>
      additionalPrinterColumns.map(({ name, jsonPath }) => ({
        column: `${names.kind} ${name}`,
        // One of a list: `.status.conditions[?(@.type=="Registered")].status`.
        path: jsonPath
          .slice(1)
          .replace(/\[\?\(.*\)\]/, ".[]")
          .split("."),
        schema: schema.openAPIV3Schema,
      })),
    ),
  );
  expect(columns.length).toBeGreaterThan(20);
  const empty = columns.filter(({ path, schema }) => {
    // Its fields are the API server's own.
    if (path[0] === "metadata") return false;
    let at: Schema | undefined = schema;
    for (const field of path) at = field === "[]" ? at?.items : at?.properties?.[field];
    return at === undefined;
  });
  expect(empty.map(({ column }) => column)).toEqual([]);
});
