/** Owns how long a short command takes: `glambdar list`, from its start to its end, beside a Node.js that does nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Measurement } from '../measurement.js';
import { summary } from '../statistics.js';

const PROGRAM = join(import.meta.dirname, '../../../scripts/glambdar.mjs');
const RUNS = 15;
/** What a command may take of a bare Node.js; the limit of the row is what it may take beside it. */
const SHARE = 1.5;

export const cliStart: Measurement = {
  id: 'cli-start',
  limitSeconds: 60,
  rows: [
    {
      number: 20,
      title: 'glambdar list, p50, less 1.5 × node -e 0',
      unit: 'ms',
      limit: 60,
      aim: 30,
      better: 'lower',
    },
  ],
  async measure(turn) {
    const server = await turn.server();
    await server.quiet();
    const home = mkdtempSync(join(tmpdir(), 'glambdar-bench-cli-'));
    turn.atEnd(() => rmSync(home, { recursive: true, force: true }));
    const env = { PATH: process.env['PATH'], HOME: home, GLAMBDAR_URL: `http://127.0.0.1:${server.port}` };
    const timed = async (args: string[]): Promise<number> => {
      const from = performance.now();
      const [code] = (await once(spawn(process.execPath, args, { env, stdio: 'ignore' }), 'exit')) as [
        number,
      ];
      if (code !== 0) throw new Error(`node ${args.join(' ')} ended with code ${code}`);
      return performance.now() - from;
    };
    const [list, bare]: [number[], number[]] = [[], []];
    // The first of each reads its files from the disk.
    await timed([PROGRAM, 'list']);
    await timed(['-e', '0']);
    for (let run = 0; run < turn.pick(RUNS, 5); run += 1) {
      bare.push(await timed(['-e', '0']));
      list.push(await timed([PROGRAM, 'list']));
    }
    const figures = { list: summary(list), bare: summary(bare) };
    return [{ value: figures.list.p50 - SHARE * figures.bare.p50, n: list.length, figures }];
  },
};
