/**
 * Owns what telling the caller costs a warm call when accounts are on: calls of one public function with a key, with a
 * token, without either, and without either but with a header as long as the key's, each in turn on a connection of its own.
 * All of them end in the same container. The rows are about all that a key or a token changes, its length included.
 */
import { assertEcho, BODY, ECHO, REUSED } from '../functions-under-test.js';
import { assertOk, HttpConnection, requestBytes, startOf } from '../http-connection.js';
import type { Measurement } from '../measurement.js';
import { median, summary } from '../statistics.js';

const WARM_UP_CALLS = 3_000;

export const accounts: Measurement = {
  id: 'accounts',
  rows: [
    {
      number: 20,
      title: 'warm call with an API key / anonymous, p50',
      unit: '',
      limit: 1.05,
      aim: 1.02,
      better: 'lower',
    },
    {
      number: 20,
      title: 'warm call with a token / anonymous, p50',
      unit: '',
      limit: 1.05,
      aim: 1.02,
      better: 'lower',
    },
  ],
  limitSeconds: 60,
  async measure(turn) {
    const server = await turn.server({ GLAMBDAR_AUTH: 'on' });
    const post = async <T>(path: string, body: object, headers?: Record<string, string>): Promise<T> => {
      const answer = await server.request('POST', path, JSON.stringify(body), undefined, headers);
      return JSON.parse(assertOk(answer).body.toString()) as T;
    };
    const account = { email: 'bench@example.com', password: 'correct horse battery' };
    const { token, user } = await post<{ token: string; user: { uuid: string } }>('/auth/register', account);
    const signedIn = { Authorization: `Bearer ${token}` };
    const { key } = await post<{ key: string }>('/auth/keys', { name: 'bench', role: 'invoker' }, signedIn);
    await server.deploy('keyed', ECHO, { ...REUSED, public: 'true' }, {}, signedIn);
    const path = `/invok/${user.uuid}/keyed`;
    const callWith = (headers: Record<string, string>): Buffer =>
      requestBytes('POST', path, BODY, undefined, headers);
    const requests = {
      anonymous: callWith({}),
      key: callWith({ 'X-API-Key': key }),
      token: callWith(signedIn),
      'as long as the key': callWith({ 'X-Other': key }),
    };
    const sides = await Promise.all(
      Object.entries(requests).map(async ([side, request]) => {
        const connection = await HttpConnection.open(server.port);
        turn.atEnd(() => connection.close());
        return { side, request, connection, times: [] as number[] };
      }),
    );
    for (let call = -WARM_UP_CALLS; call < turn.pick(6_000, 1_000); call += 1) {
      turn.signal.throwIfAborted();
      // Each side follows each other one equally often: what a call leaves in the caches is found by the next.
      sides.sort(() => Math.random() - 0.5);
      for (const { request, connection, times } of sides) {
        const answer = assertEcho(await connection.call(request));
        if (call >= 0 && startOf(answer) === 'warm') times.push(answer.ms);
      }
    }
    assertOk(await server.request('DELETE', '/del/keyed', undefined, undefined, signedIn));
    const figures = Object.fromEntries(sides.map(({ side, times }) => [`${side} ms`, summary(times)]));
    const p50 = (name: keyof typeof requests): number =>
      median(sides.find(({ side }) => side === name)!.times);
    return (['key', 'token'] as const).map((side) => ({
      value: p50(side) / p50('anonymous'),
      n: sides[0]!.times.length,
      figures: side === 'key' ? figures : {},
    }));
  },
};
