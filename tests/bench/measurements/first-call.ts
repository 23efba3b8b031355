/** Owns the row of a function's first call ever when only an empty standby container is there for it. */
import { assertEcho, callOf, ECHO } from '../functions-under-test.js';
import { HttpConnection, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { summary } from '../statistics.js';
import { STOCKED } from '../workbench.js';

export const firstCall: Measurement = {
  id: 'first',
  rows: [{ number: 1, title: 'first call ever, p50', unit: 'ms', limit: 8, aim: 4, better: 'lower' }],
  limitSeconds: 40,
  async measure(turn) {
    const server = await turn.server(STOCKED);
    const count = turn.pick(12, 5);
    const names = Array.from({ length: count }, (_, index) => `first${index}`);
    // Standby 0: what the load check leaves behind is not kept, so the first call finds nothing loaded.
    for (const name of names) await server.deploy(name, ECHO, { standby: 0 });
    const all: number[] = [];
    const onStandby: number[] = [];
    const loads: number[] = [];
    for (const name of names) {
      await server.quiet({ standby: 1, stableMs: 250 });
      const connection = await HttpConnection.open(server.port);
      const answer = assertEcho(await connection.call(callOf(name)));
      connection.close();
      all.push(answer.ms);
      if (startOf(answer) !== 'standby') continue;
      onStandby.push(answer.ms);
      loads.push(Number(/load;dur=([\d.]+)/.exec(answer.head)?.[1] ?? 0));
    }
    await server.undeploy(...names);
    if (onStandby.length === 0) throw new Error('no first call was served by a standby container');
    const figures = {
      'on standby ms': summary(onStandby),
      'of it load ms': summary(loads),
      'any start ms': summary(all),
      'share on standby %': (100 * onStandby.length) / count,
    };
    return [{ value: figures['on standby ms'].p50, n: onStandby.length, figures }];
  },
};
