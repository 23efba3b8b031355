/**
 * Owns how long an edit takes under `glambdar dev`: from saving the file to the first call answered by the new code. The call
 * is made when `dev` says that the code is live. Calls before that would each use up a container, and the starts of others
 * would compete with the deploy that is measured.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertOk } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { quantile, summary } from '../statistics.js';

const PROGRAM = join(import.meta.dirname, '../../../scripts/glambdar.mjs');
const EDITS = 20;

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
    const child = spawn(process.execPath, [PROGRAM, 'dev', folder, '--name', 'bench-dev', '--json'], {
      env: { PATH: process.env['PATH'], HOME: folder, GLAMBDAR_URL: `http://127.0.0.1:${server.port}` },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    turn.atEnd(() => server.undeploy('bench-dev'));
    turn.atEnd(() => void child.kill('SIGKILL'));
    const told = createInterface(child.stdout)[Symbol.asyncIterator]();
    const deploys: number[] = [];
    /** What somebody does who edits: waits until `dev` says that the new code is live, and calls it. */
    const answeredBy = async (edit: number): Promise<void> => {
      for (;;) {
        const { value, done } = await told.next();
        if (done === true) throw new Error(`dev ended before edit ${edit} was live`);
        const { deployed, ms } = JSON.parse(value);
        if (deployed === undefined) continue; // the record of a call
        deploys.push(ms);
        break;
      }
      const answer = assertOk(await server.request('POST', '/invoke/bench-dev', ''));
      const seen: unknown = JSON.parse(answer.body.toString()).edit;
      if (seen !== edit) throw new Error(`edit ${edit} was said to be live, and ${String(seen)} answered`);
    };
    await answeredBy(0);
    deploys.length = 0;
    const times: number[] = [];
    for (let edit = 1; edit <= turn.pick(EDITS, 5); edit += 1) {
      // Nobody edits while the last deploy is still settling.
      await sleep(500);
      const from = performance.now();
      save(edit);
      await answeredBy(edit);
      times.push(performance.now() - from);
    }
    return [
      {
        value: quantile(times, 0.5),
        n: times.length,
        figures: { 'edit ms': summary(times), 'of it packing and deploying ms': summary(deploys) },
      },
    ];
  },
};
