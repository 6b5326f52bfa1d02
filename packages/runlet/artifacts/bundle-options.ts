// Why: how the functions are bundled is decided once: for SST (stacks/function.ts, `nodejs`), and for the same bundles made
// without it (bundle-function.ts).

/**
 * SST's own default is not to minify, whatever its docs say. "aws" leads #root and #webhook-root (package.json, "imports").
 * Without a word about them SST keeps source maps in its bucket for good, also when the stage is removed; nothing reads
 * them, and the names of functions stay in the bundle.
 */
export const bundleOptions = {
  minify: true,
  esbuild: { conditions: ["aws"], sourcemap: false },
};
