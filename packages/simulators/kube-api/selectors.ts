// Why: lists and watches are narrowed by labels and by a few fields (Kubernetes docs, "Labels and
// Selectors", "Field Selectors"); what the server cannot select by it must refuse, not ignore.
import { at, type ApiObject } from "./api-object.ts";
import { badRequest } from "./status-error.ts";

export type Matches = (object: ApiObject) => boolean;

const everything: Matches = () => true;
const keyShape = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const valueShape = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

/** A label selector such as `a=b,c!=d,e in (f,g),h,!i`. */
export function parseLabelSelector(text: string | undefined): Matches {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "") return everything;
  const parts = trimmed.split(/,(?![^(]*\))/).map((part) => parseRequirement(part.trim()));
  return (object) => parts.every((matches) => matches(object.metadata.labels ?? {}));
}

type MatchesLabels = (labels: Record<string, string>) => boolean;

function parseRequirement(text: string): MatchesLabels {
  const set = /^(\S+)\s+(in|notin)\s*\(([^)]*)\)$/.exec(text);
  if (set) {
    const key = checkedKey(set[1]);
    const values = (set[3] ?? "").split(",").map((value) => checkedValue(value.trim()));
    const among = (labels: Record<string, string>) => values.includes(labels[key] ?? "");
    if (set[2] === "in") return (labels) => Object.hasOwn(labels, key) && among(labels);
    return (labels) => !Object.hasOwn(labels, key) || !among(labels);
  }
  const compared = /^([^=!\s]+)\s*(==|=|!=)\s*([^=!]*)$/.exec(text);
  if (compared) {
    const key = checkedKey(compared[1]);
    const value = checkedValue((compared[3] ?? "").trim());
    if (compared[2] === "!=") return (labels) => labels[key] !== value;
    return (labels) => labels[key] === value;
  }
  if (text.startsWith("!")) {
    const key = checkedKey(text.slice(1).trim());
    return (labels) => !Object.hasOwn(labels, key);
  }
  const key = checkedKey(text);
  return (labels) => Object.hasOwn(labels, key);
}

function checkedKey(key = ""): string {
  if (!keyShape.test(key))
    throw badRequest(`unable to parse requirement: ${key}: invalid label key`);
  return key;
}

function checkedValue(value: string): string {
  if (valueShape.test(value)) return value;
  throw badRequest(`unable to parse requirement: values: Invalid value: "${value}"`);
}

/** A field selector; `fields` are the paths that this kind can be selected by. */
export function parseFieldSelector(text: string | undefined, fields: readonly string[]): Matches {
  const trimmed = text?.trim() ?? "";
  if (trimmed === "") return everything;
  const parts = trimmed.split(",").map((part) => {
    const found = /^([^=!]+)(==|=|!=)(.*)$/.exec(part);
    if (!found) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
    const [, field = "", operator, value = ""] = found;
    if (!fields.includes(field)) throw badRequest(`field label not supported: ${field}`);
    return (object: ApiObject) => (fieldText(object, field) === value) === (operator !== "!=");
  });
  return (object) => parts.every((matches) => matches(object));
}

function fieldText(object: ApiObject, field: string): string {
  const value = at(object, ...field.split("."));
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : "";
}
