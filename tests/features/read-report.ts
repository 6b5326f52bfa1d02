// Why: that a test exists is half of it; a report of a run says whether it passed.
import * as z from "zod";

export interface RunTest {
  /** Below the repository's root. */
  file: string;
  title: string;
  status: string;
}

const reportShape = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      assertionResults: z.array(z.object({ title: z.string(), status: z.string() })),
    }),
  ),
});

/** The tests in a report of `vitest --reporter=json`; throws an Error in one line if it is none. */
export function readReport(text: string, root: string): RunTest[] {
  const parsed = reportShape.safeParse(parseJson(text));
  if (!parsed.success) throw new Error("is no report of vitest --reporter=json");
  return parsed.data.testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ title, status }) => ({
      file: name.startsWith(`${root}/`) ? name.slice(root.length + 1) : name,
      title,
      status,
    })),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
