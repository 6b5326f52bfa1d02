#!/usr/bin/env node
// Why: `npx runlet …` in a clone. npm links this into node_modules/.bin; start.mjs finds Node 24 for it. Plain
// JavaScript, since the caller's node may be older.
process.argv.splice(2, 0, "packages/runlet/main.ts");
await import("../start.mjs");
