// Why: work that is cheaper together waits until this turn of the event loop has heard all its sockets. A timer would
// wait a millisecond at least, a microtask for nothing.

/** Resolves once the callbacks of this turn's input have run (Node: `setImmediate`). */
export function afterIo(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
