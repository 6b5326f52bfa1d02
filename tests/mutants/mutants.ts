// Why: the list of mistakes. Each is one textual change and the test, by file and full name, that must fail with it.

export interface Mutant {
  name: string;
  /** File that is changed. */
  in: string;
  /** Stands exactly once in that file. */
  find: string;
  replace: string;
  /** Test file (a vitest filter) and test (full name or a part that only it has). */
  file: string;
  test: string;
}

export const mutants: Mutant[] = [];
