/** Owns knowing what does not belong in a data directory while no call and no deploy is under way. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from './server-process.js';

/** Everything in `tmp/`, `run/` and `functions/` that the running server cannot explain, a sentence each. */
export async function strays(server: ServerProcess): Promise<string[]> {
  const { functions } = (await server.request('/info')).json as {
    functions: { name: string; version: number }[];
  };
  const active = new Map(functions.map(({ name, version }) => [name, version]));
  const found = [
    ...readdirSync(join(server.dir, 'tmp')).map((entry) => `tmp/${entry}`),
    ...(await straySlots(server, functions.length > 0)).map((entry) => `run/${entry}`),
  ];
  for (const name of readdirSync(join(server.dir, 'functions'))) {
    const version = active.get(name);
    if (version === undefined) found.push(`functions/${name}, of no function`);
    else found.push(...strayVersions(join(server.dir, 'functions', name), version));
  }
  for (const [name, version] of active) {
    const code = join(server.dir, 'functions', name, `${version}`);
    if (!existsSync(code)) found.push(`${name} without its code`);
  }
  return found;
}

/**
 * How long a slot may be there before its container, or after it: standbys come and go while nobody calls. Trees of a function
 * that was deleted go a moment later, too.
 */
const ALONE_MS = 3_000;

/** A slot has its container; trees are kept ready while there is a function. */
async function straySlots(server: ServerProcess, keepsTrees: boolean): Promise<string[]> {
  const trees = (): string[] => (keepsTrees ? [] : server.trees());
  let alone = server.slots();
  const until = Date.now() + ALONE_MS;
  while ((alone.length > 0 || trees().length > 0) && Date.now() < until) {
    const instances = new Set((await server.containers()).map(({ Labels }) => Labels['glambdar.instance']));
    const slots = new Set(server.slots());
    alone = alone.filter((slot) => slots.has(slot) && !instances.has(slot));
    if (alone.length > 0 || trees().length > 0) await sleep(50);
  }
  return [...alone, ...trees()];
}

/** A version is a directory and its sidecar; none is newer than the active one, and five are kept. */
function strayVersions(dir: string, active: number): string[] {
  const entries = readdirSync(dir);
  const has = new Set(entries);
  const odd = entries.filter((entry) => {
    const [, number, json] = /^(\d+)(\.json)?$/.exec(entry) ?? [];
    if (number === undefined) return true;
    return (
      Number(number) > active || Number(number) <= active - 5 || !has.has(json ? number : `${number}.json`)
    );
  });
  return odd.map((entry) => `${dir}/${entry} while version ${active} is active`);
}
