// Why: what takes minutes must say that it is at work. Standard error, since standard output belongs to the tests.

export function progress(line: string): void {
  process.stderr.write(`cluster bed: ${line}\n`);
}
