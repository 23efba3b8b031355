/**
 * Owns the row of a cold call against the least that must be done for it: create, start, connect, answer by the raw Engine
 * API with the same settings. Interleaved, nothing else at work; each side starts when the other's container is gone.
 */
import { assertEcho, BODY, callOf, ECHO } from '../functions-under-test.js';
import { HttpConnection, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import type { RawEngine } from '../raw-engine.js';
import type { ServerUnderTest } from '../server-under-test.js';
import { median, summary } from '../statistics.js';
import { NOTHING_IDLE } from '../workbench.js';

const WARM_UP = 2;

async function rawCold(engine: RawEngine): Promise<number> {
  const began = performance.now();
  const container = await engine.start();
  await engine.ask(container, BODY);
  const took = performance.now() - began;
  await engine.remove(container);
  return took;
}

async function serverCold(server: ServerUnderTest): Promise<number> {
  const connection = await HttpConnection.open(server.port);
  const answer = assertEcho(await connection.call(callOf('cold')));
  connection.close();
  await server.empty();
  if (startOf(answer) !== 'cold') throw new Error(`a call was ${startOf(answer)}, not cold`);
  return answer.ms;
}

export const cold: Measurement = {
  id: 'cold',
  rows: [
    {
      number: 4,
      title: 'cold / raw create+start+answer',
      unit: '',
      limit: 1.15,
      aim: 1.05,
      better: 'lower',
    },
  ],
  limitSeconds: 60,
  async measure(turn) {
    const server = await turn.server(NOTHING_IDLE);
    await server.deploy('cold', ECHO);
    await server.empty();
    const raw: number[] = [];
    const ours: number[] = [];
    for (let pair = 0; pair < WARM_UP + turn.pick(20, 8); pair += 1) {
      // Either side first in turn, so that neither always follows the other's clean-up.
      const sides = [
        async () => raw.push(await rawCold(turn.engine)),
        async () => ours.push(await serverCold(server)),
      ];
      for (const side of pair % 2 === 0 ? sides : sides.reverse()) await side();
    }
    await server.undeploy('cold');
    raw.splice(0, WARM_UP);
    ours.splice(0, WARM_UP);
    return [
      {
        value: median(ours) / median(raw),
        n: ours.length,
        figures: {
          'server ms': summary(ours),
          'raw ms': summary(raw),
          'ratio pair by pair': summary(ours.map((value, index) => value / raw[index]!)),
        },
      },
    ];
  },
};
