/**
 * Owns the row of one warm call against what it is made of: an HTTP echo, and a round trip over a Unix socket to another
 * process. One connection each, one call at a time, in alternating blocks.
 */
import { assertEcho, BODY, callOf, ECHO, REUSED } from '../functions-under-test.js';
import { EchoServer, SocketEcho } from '../floors.js';
import { HttpConnection, requestBytes, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { median, summary } from '../statistics.js';

const CALLS = 50;
const WARM_UP_BLOCKS = 4;

export const warm: Measurement = {
  id: 'warm',
  rows: [
    {
      number: 5,
      title: 'warm / (node:http echo + socket echo)',
      unit: '',
      limit: 2,
      aim: 1.3,
      better: 'lower',
    },
  ],
  limitSeconds: 30,
  async measure(turn) {
    const server = await turn.server();
    const http = await EchoServer.start('http');
    turn.atEnd(() => http.stop());
    const socket = await SocketEcho.start();
    turn.atEnd(() => socket.stop());
    await server.deploy('warm', ECHO, REUSED);
    const connections = [await HttpConnection.open(server.port), await HttpConnection.open(http.port)];
    turn.atEnd(() => connections.forEach((connection) => connection.close()));
    const [toServer, toEcho] = connections as [HttpConnection, HttpConnection];
    const serverRequest = callOf('warm');
    const echoRequest = requestBytes('POST', '/', BODY);
    const bytes = Buffer.from(BODY);
    const sides = {
      server: async () => {
        const answer = assertEcho(await toServer.call(serverRequest));
        return startOf(answer) === 'warm' ? answer.ms : null;
      },
      http: async () => assertEcho(await toEcho.call(echoRequest)).ms,
      socket: () => socket.call(bytes),
    };

    const all = { server: [] as number[], http: [] as number[], socket: [] as number[] };
    const medians = { server: [] as number[], http: [] as number[], socket: [] as number[] };
    for (let block = 0; block < WARM_UP_BLOCKS + turn.pick(16, 6); block += 1) {
      for (const side of ['server', 'http', 'socket'] as const) {
        const samples: number[] = [];
        for (let call = 0; call < CALLS; call += 1) {
          const ms = await sides[side]();
          if (ms !== null) samples.push(ms);
        }
        if (block < WARM_UP_BLOCKS) continue;
        all[side].push(...samples);
        medians[side].push(median(samples));
      }
    }
    await server.undeploy('warm');
    return [
      {
        value: median(medians.server) / (median(medians.http) + median(medians.socket)),
        n: all.server.length,
        figures: {
          'server ms': summary(all.server),
          'node:http echo ms': summary(all.http),
          'socket echo ms': summary(all.socket),
        },
        note: `medians of ${medians.server.length} block medians`,
      },
    ];
  },
};
