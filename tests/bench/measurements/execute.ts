/**
 * Owns the row of `POST /execute` of an image with an HTTP server, against the least that must be done for it where nothing is
 * ready: create, start, connect, post, by the raw Engine API with the same image, on Docker's own network because there is
 * no other way to the server. Calls come one at a time: to a server that has nothing ready, interleaved with the raw ones,
 * then to a server as it is by default.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeImage, removeImages } from '../../helpers/test-images.js';
import { assertOk, HttpConnection, requestBytes, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { median, summary } from '../statistics.js';
import { NOTHING_IDLE } from '../workbench.js';

const WARM_UP = 2;
const IMAGE = 'glambdar-bench-execute/hello:1';
const PORT = 5000;
const SERVER = `require('node:http').createServer((_, res) => res.end('{"message":"Hello"}')).listen(${PORT});`;
const BODY = JSON.stringify({ image: IMAGE, payload: {} });
const EXPECTED = '{"output":{"message":"Hello"},"status":"success"}\n';
/** Between calls to a server that makes the next container ready meanwhile. */
const PAUSE_MS = 600;

/** @returns how long one execution took, milliseconds, and how it found its container */
async function executed(port: number): Promise<{ ms: number; start: string | null }> {
  const connection = await HttpConnection.open(port);
  const answer = assertOk(await connection.call(requestBytes('POST', '/execute', BODY)));
  connection.close();
  if (answer.body.toString() !== EXPECTED) throw new Error(`the image answered ${answer.body.toString()}`);
  return { ms: answer.ms, start: startOf(answer) };
}

export const execute: Measurement = {
  id: 'execute',
  rows: [
    {
      number: 18,
      title: '/execute of an image / raw create+start+connect+POST',
      unit: '',
      limit: null,
      aim: null,
      better: 'lower',
    },
  ],
  limitSeconds: 60,
  async measure(turn) {
    nodeImage(IMAGE, SERVER, [`EXPOSE ${PORT}`]);
    turn.atEnd(() => removeImages([IMAGE]));
    const nothingReady = await turn.server(NOTHING_IDLE);
    const raw: number[] = [];
    const cold: number[] = [];
    for (let pair = 0; pair < WARM_UP + turn.pick(20, 8); pair += 1) {
      const sides = [
        async () => raw.push((await turn.engine.serveOnce(IMAGE, PORT, '/run', '{}')).ms),
        async () => {
          cold.push((await executed(nothingReady.port)).ms);
          await nothingReady.empty();
        },
      ];
      for (const side of pair % 2 === 0 ? sides : sides.reverse()) await side();
    }
    const server = await turn.server();
    await executed(server.port);
    const ready: number[] = [];
    let found = 0;
    for (let call = 0; call < WARM_UP + turn.pick(20, 8); call += 1) {
      await sleep(PAUSE_MS);
      const { ms, start } = await executed(server.port);
      ready.push(ms);
      if (start === 'loaded') found += 1;
    }
    for (const samples of [raw, cold, ready]) samples.splice(0, WARM_UP);
    return [
      {
        value: median(ready) / median(raw),
        n: ready.length,
        figures: {
          'server ms': summary(ready),
          'nothing ready ms': summary(cold),
          'raw ms': summary(raw),
          'found it ready': found,
        },
      },
    ];
  },
};
