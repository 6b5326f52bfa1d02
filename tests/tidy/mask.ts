// Why: a rule about code must not trip over a comment or a text that mentions what it forbids. TypeScript 7
// has no parser for JavaScript callers, and for this a small scanner is enough.

type Kind = "code" | "comment" | "string";

/** `text` with each comment's characters replaced by spaces (line ends stay). */
export function maskComments(text: string): string {
  return mask(text, "comment");
}

/** `text`, free of comments, with what stands inside quotes replaced by spaces. */
export function maskStrings(text: string): string {
  return mask(text, "string");
}

function mask(text: string, what: Kind): string {
  let out = "";
  for (const { kind, from, to } of scan(text)) {
    const part = text.slice(from, to);
    out += kind === what ? part.replace(/[^\n]/g, " ") : part;
  }
  return out;
}

interface Span {
  kind: Kind;
  from: number;
  to: number;
}

const quotes = /["'`]/;
// A slash after one of these begins a regular expression; after anything else it divides.
const beforeRegex = /(^|[(,=:[!&|?{};+\-*%<>~^]|\b(return|typeof|case|in|of))\s*$/;

/** The spans of a source text, in order and without gaps. */
function* scan(text: string): Generator<Span> {
  // The braces of `${ … }` that are open: a template goes on after its closing brace.
  const templates: number[] = [];
  let depth = 0;
  let from = 0;
  let at = 0;
  const codeUpTo = (end: number): Span => ({ kind: "code", from, to: end });
  while (at < text.length) {
    const char = text[at] ?? "";
    const pair = text.slice(at, at + 2);
    let span: Span | undefined;
    if (pair === "//") span = { kind: "comment", from: at, to: endOf(text, at, "\n") };
    else if (pair === "/*") span = { kind: "comment", from: at, to: endOf(text, at + 2, "*/") + 2 };
    else if (quotes.test(char)) span = stringSpan(text, at, char);
    else if (char === "/" && beforeRegex.test(text.slice(Math.max(0, at - 40), at))) {
      span = regexSpan(text, at);
    } else if (char === "}" && templates.at(-1) === depth) {
      templates.pop();
      span = stringSpan(text, at, "`");
    }
    if (!span) {
      if (char === "{") depth++;
      if (char === "}") depth--;
      at++;
      continue;
    }
    yield codeUpTo(span.from);
    yield span;
    from = at = Math.min(span.to, text.length);
    if (span.kind === "string" && text.slice(at, at + 2) === "${") {
      templates.push(depth);
      from = at;
      at += 2;
    }
  }
  yield codeUpTo(text.length);
}

function endOf(text: string, from: number, end: string): number {
  const at = text.indexOf(end, from);
  return at < 0 ? text.length : at;
}

/** The inside of a quoted text that opens at `open`; a template's part ends before `${`. */
function stringSpan(text: string, open: number, quote: string): Span {
  let at = open + 1;
  for (; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === quote) return { kind: "string", from: open, to: at + 1 };
    else if (quote === "`" && text.slice(at, at + 2) === "${") break;
    else if (quote !== "`" && text[at] === "\n") break;
  }
  return { kind: "string", from: open, to: at };
}

function regexSpan(text: string, open: number): Span | undefined {
  let inClass = false;
  for (let at = open + 1; at < text.length && text[at] !== "\n"; at++) {
    const char = text[at];
    if (char === "\\") at++;
    else if (char === "[") inClass = true;
    else if (char === "]") inClass = false;
    else if (char === "/" && !inClass) return { kind: "string", from: open, to: at + 1 };
  }
  return undefined;
}
