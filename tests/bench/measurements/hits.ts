/**
 * Owns the rows of calls that find their code loaded in a container nobody used: against warm calls of a reused container,
 * call by call in turn, and their slowest against their median. The stock is full before each batch.
 */
import { assertEcho, callOf, ECHO } from '../functions-under-test.js';
import { HttpConnection, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { summary } from '../statistics.js';
import { STOCKED } from '../workbench.js';

const BATCH = 8;

export const hits: Measurement = {
  id: 'hits',
  rows: [
    { number: 2, title: 'loaded hit p50 / warm p50', unit: '', limit: 1.5, aim: 1.15, better: 'lower' },
    { number: 3, title: 'loaded hit p99 / p50', unit: '', limit: 5, aim: 2.5, better: 'lower' },
  ],
  limitSeconds: 60,
  async measure(turn) {
    const server = await turn.server(STOCKED);
    await server.deploy('fresh', ECHO, { standby: BATCH });
    await server.deploy('reused', ECHO, { isolation: 'function', standby: 0 });
    const fresh = callOf('fresh');
    const reused = callOf('reused');
    const loadedMs: number[] = [];
    const warmMs: number[] = [];
    /** Before the stock is filled up again, which takes the processor from the others. */
    const firstMs: number[] = [];
    let others = 0;
    const wanted = turn.pick(150, 40);
    const until = performance.now() + turn.pick(24, 10) * 1000;
    for (let batch = 0; loadedMs.length < wanted && performance.now() < until; batch += 1) {
      await server.quiet({ loaded: BATCH, stableMs: 200 });
      const connection = await HttpConnection.open(server.port);
      // Not measured: the connection's first call, and the reused container after a pause.
      for (let call = 0; call < 3; call += 1) assertEcho(await connection.call(reused));
      for (let call = 0; call < BATCH; call += 1) {
        const hit = assertEcho(await connection.call(fresh));
        const warm = assertEcho(await connection.call(reused));
        if (batch === 0) continue;
        if (startOf(hit) === 'loaded') {
          loadedMs.push(hit.ms);
          if (call === 0) firstMs.push(hit.ms);
        } else others += 1;
        if (startOf(warm) === 'warm') warmMs.push(warm.ms);
      }
      connection.close();
    }
    await server.undeploy('fresh', 'reused');
    const figures = {
      'loaded ms': summary(loadedMs),
      'warm ms': summary(warmMs),
      'first of a batch ms': summary(firstMs),
      'calls that found nothing loaded': others,
    };
    const loaded = figures['loaded ms'];
    turn.bench.loadedMs = loaded.p50;
    return [
      { value: loaded.p50 / figures['warm ms'].p50, n: loaded.n, figures },
      { value: loaded.p99 / loaded.p50, n: loaded.n, figures: { 'loaded ms': loaded } },
    ];
  },
};
