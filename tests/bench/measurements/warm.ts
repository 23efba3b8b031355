/**
 * Owns the row of one warm call against what it is made of: an HTTP echo, and a round trip over a Unix socket to another
 * process. One connection each, one call at a time, and each call of one side followed by one of every other: what the
 * machine does to one it does to all. All are compiled before: the larger ones need thousands of calls for it.
 */
import { assertEcho, BODY, callOf, ECHO, REUSED } from '../functions-under-test.js';
import { EchoServer, SocketEcho } from '../floors.js';
import { HttpConnection, requestBytes, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { median, summary } from '../statistics.js';

const WARM_UP_CALLS = 3_000;

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
    for (let call = -WARM_UP_CALLS; call < turn.pick(3_000, 1_000); call += 1) {
      turn.signal.throwIfAborted();
      for (const side of ['server', 'http', 'socket'] as const) {
        const ms = await sides[side]();
        if (call >= 0 && ms !== null) all[side].push(ms);
      }
    }
    await server.undeploy('warm');
    return [
      {
        value: median(all.server) / (median(all.http) + median(all.socket)),
        n: all.server.length,
        figures: {
          'server ms': summary(all.server),
          'node:http echo ms': summary(all.http),
          'socket echo ms': summary(all.socket),
        },
      },
    ];
  },
};
