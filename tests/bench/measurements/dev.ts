/** Owns how long an edit takes under `glambdar dev`: from saving the file to the first call answered by the new code. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertOk } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { quantile, summary } from '../statistics.js';

const PROGRAM = join(import.meta.dirname, '../../../scripts/glambdar.mjs');
const EDITS = 20;
const LIMIT_MS = 10_000;

export const dev: Measurement = {
  id: 'dev',
  limitSeconds: 120,
  rows: [
    {
      number: 19,
      title: 'dev: from saving to the new code’s answer, p50',
      unit: 'ms',
      limit: 300,
      aim: 150,
      better: 'lower',
    },
  ],
  async measure(turn) {
    const server = await turn.server();
    await server.quiet({ standby: 1 });
    const folder = mkdtempSync(join(tmpdir(), 'glambdar-bench-dev-'));
    turn.atEnd(() => rmSync(folder, { recursive: true, force: true }));
    const save = (edit: number): void =>
      writeFileSync(join(folder, 'index.js'), `exports.handler = () => ({ body: { edit: ${edit} } });\n`);
    save(0);
    const child = spawn(process.execPath, [PROGRAM, 'dev', folder, '--name', 'bench-dev'], {
      env: { PATH: process.env['PATH'], HOME: folder, GLAMBDAR_URL: `http://127.0.0.1:${server.port}` },
      stdio: 'ignore',
    });
    turn.atEnd(() => server.undeploy('bench-dev'));
    turn.atEnd(() => void child.kill('SIGKILL'));
    const answeredBy = async (edit: number): Promise<void> => {
      const deadline = performance.now() + LIMIT_MS;
      for (;;) {
        const answer = await server.request('POST', '/invoke/bench-dev', '');
        if (answer.status === 200 && JSON.parse(answer.body.toString()).edit === edit) return;
        if (performance.now() > deadline) throw new Error(`edit ${edit} was not live within ${LIMIT_MS} ms`);
        if (answer.status !== 404) assertOk(answer);
        await sleep(2);
      }
    };
    await answeredBy(0);
    const times: number[] = [];
    for (let edit = 1; edit <= turn.pick(EDITS, 5); edit += 1) {
      // Nobody edits while the last deploy is still settling.
      await sleep(500);
      const from = performance.now();
      save(edit);
      await answeredBy(edit);
      times.push(performance.now() - from);
    }
    return [{ value: quantile(times, 0.5), n: times.length, figures: { edit: summary(times) } }];
  },
};
