#!/usr/bin/env node
// `npx cdk …` in a fresh clone: npm finds this program by package.json's `bin`, where it would otherwise fetch whatever
// version of the CDK is the newest. It installs the pinned one first and hands over; from then on npm finds that itself.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const pinned = join(root, "node_modules", "aws-cdk", "bin", "cdk");

function run(program, words) {
  const ended = spawnSync(program, words, { cwd: root, stdio: "inherit" });
  if (ended.error) console.error(`${program} cannot be started: ${ended.error.message}`);
  if (ended.status !== 0) process.exit(ended.status ?? 1);
}

if (!existsSync(pinned)) run("npm", ["ci", "--loglevel=error"]);
run(process.execPath, [pinned, ...process.argv.slice(2)]);
