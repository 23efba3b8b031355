/**
 * Owns the rows of calls that find their code loaded in a container nobody used: against warm calls of a reused container,
 * call by call in turn, a pause between them, and their slowest against their median. The stock is full before each batch.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { assertEcho, callOf, ECHO } from '../functions-under-test.js';
import { HttpConnection, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { summary } from '../statistics.js';
import { STOCKED } from '../workbench.js';

const BATCH = 8;
/** Fewer than there are loaded, in less time than refilling is put off: the stock is not being filled up meanwhile. */
const CALLS = 6;
/** Between two calls. Back to back, a warm call finds its process in the processor's caches, which nobody else's calls do. */
const PAUSE_MS = 10;

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
    let others = 0;
    const wanted = turn.pick(150, 40);
    const until = performance.now() + turn.pick(24, 10) * 1000;
    for (let batch = 0; loadedMs.length < wanted && performance.now() < until; batch += 1) {
      await server.quiet({ loaded: BATCH, stableMs: 200 });
      const connection = await HttpConnection.open(server.port);
      // Not measured: the connection's first call, and the reused container after a pause.
      for (let call = 0; call < 3; call += 1) assertEcho(await connection.call(reused));
      for (let call = 0; call < CALLS; call += 1) {
        await sleep(PAUSE_MS);
        const hit = assertEcho(await connection.call(fresh));
        await sleep(PAUSE_MS);
        const warm = assertEcho(await connection.call(reused));
        if (batch === 0) continue;
        if (startOf(hit) === 'loaded') loadedMs.push(hit.ms);
        else others += 1;
        if (startOf(warm) === 'warm') warmMs.push(warm.ms);
      }
      connection.close();
    }
    await server.undeploy('fresh', 'reused');
    const figures = {
      'loaded ms': summary(loadedMs),
      'warm ms': summary(warmMs),
      'calls that found nothing loaded': others,
    };
    const loaded = figures['loaded ms'];
    turn.bench.loadedMs = loaded.p50;
    return [
      {
        value: loaded.p50 / figures['warm ms'].p50,
        n: loaded.n,
        figures,
        note: `${PAUSE_MS} ms between calls`,
      },
      { value: loaded.p99 / loaded.p50, n: loaded.n, figures: { 'loaded ms': loaded } },
    ];
  },
};
