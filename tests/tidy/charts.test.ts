import { readFileSync, readdirSync } from "node:fs";
import { prometheusTable } from "@runlet/reconciler/prometheus-table";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";

const reconciler = new URL("../../packages/reconciler/", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, reconciler), "utf8");

describe("what is said in a chart and elsewhere too", () => {
  test("rights in a namespace of runners are the same in both charts", () => {
    expect(read("chart-runner-set/rules/runners.yaml")).toBe(read("chart/rules/runners.yaml"));
  });

  test("the kinds are those of the code", () => {
    const crds = new URL("../kubernetes/crds/", reconciler);
    expect(readdirSync(new URL("chart/crds/", reconciler))).toEqual(readdirSync(crds));
  });

  test("versions", () => {
    const { version } = JSON.parse(read("package.json")) as { version: string };
    expect(parse(read("chart/Chart.yaml"))).toMatchObject({ version, appVersion: version });
    expect(parse(read("chart-runner-set/Chart.yaml"))).toMatchObject({ version });
  });

  test("the image holds the file that the bundle is, on the Node that the tests run on", () => {
    const { scripts } = JSON.parse(read("../../package.json")) as {
      scripts: { [name: string]: string };
    };
    const [, copied] = /^COPY (\S+) /m.exec(read("Dockerfile")) ?? [];
    expect(scripts["bundle:reconciler"]).toContain(`packages/reconciler/${copied} `);
    expect(read(".dockerignore").split("\n")).toContain(`!${copied}`);
    const [, node] = /^FROM \S+\/nodejs(\d+)-/m.exec(read("Dockerfile")) ?? [];
    expect(node).toBe(process.versions.node.split(".")[0]);
  });

  test("each value with a default has a type", () => {
    for (const chart of ["chart", "chart-runner-set"]) {
      const values = parse(read(`${chart}/values.yaml`)) as Record<string, unknown>;
      const schema = JSON.parse(read(`${chart}/values.schema.json`)) as {
        properties: Record<string, unknown>;
      };
      const untyped = Object.keys(values).filter((key) => !(key in schema.properties));
      expect(untyped).toEqual([]);
    }
  });
});

describe("metrics", () => {
  const names = new Set(prometheusTable.map(({ name }) => name));
  const used = (text: string) => [...new Set(text.match(/\b(gha|runlet|process)_[a-z_]+/g) ?? [])];
  const alerts = parse(read("chart/monitoring/alerts.yaml")) as {
    groups: { rules: { alert: string; expr: string; annotations: Record<string, string> }[] }[];
  };
  const rules = alerts.groups.flatMap((group) => group.rules);
  const dashboard = JSON.parse(read("chart/monitoring/dashboard.json")) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  const panels = dashboard.panels.map(({ targets }) => targets.map(({ expr }) => expr).join("\n"));

  test("an alert asks for metrics that exist, and says what to do", () => {
    expect(rules.length).toBeGreaterThan(5);
    for (const { expr, annotations } of rules) {
      expect(used(expr)).not.toEqual([]);
      expect(used(expr).filter((name) => !names.has(name))).toEqual([]);
      expect(annotations).toEqual({
        summary: expect.stringMatching(/./),
        description: expect.stringMatching(/./),
      });
    }
  });

  test("every panel of the dashboard has data", () => {
    for (const expr of panels) {
      expect(used(expr)).not.toEqual([]);
      expect(used(expr).filter((name) => !names.has(name))).toEqual([]);
    }
  });

  test("every metric of runner sets is on the dashboard", () => {
    const shown = used(panels.join("\n"));
    const ofSets = [...names].filter((name) => /^(gha|runlet)_/.test(name));
    expect(ofSets.filter((name) => !shown.includes(name))).toEqual([]);
  });
});
