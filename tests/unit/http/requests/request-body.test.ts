/** How a body is taken: at once if all of it is there, as it comes if not. */
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import test from 'ava';
import { GlambdarError } from '../../../../src/errors.js';
import { BodyBudget } from '../../../../src/http/answers/body-budget.js';
import { readBody, rejectBody } from '../../../../src/http/requests/request-body.js';
import { answer } from '../fakes.js';
import { head, startServer, turns } from '../server-fixture.js';

const stopping = new GlambdarError('STOPPING', 'The server stops.');

/** A request that announces five bytes, and the reading of its body, before any of them has come. */
function begin() {
  const req = new IncomingMessage(new Socket());
  req.headers = { 'content-length': '5' };
  const budget = new BodyBudget(1000);
  const reading = Promise.resolve(readBody(req, new ServerResponse(req), 100, budget, 'f'));
  return { req, budget, reading };
}

test('a body that has not arrived is rejected, whenever that is', async (t) => {
  for (const turnsBefore of [0, 1]) {
    const { req, budget, reading } = begin();
    req.push('123');
    await turns(turnsBefore);
    rejectBody(req, stopping);
    t.is(await t.throwsAsync(reading), stopping);
    t.is(budget.usedBytes, 0);
  }
});

test('a body that has arrived is not rejected', async (t) => {
  const { req, budget, reading } = begin();
  req.push('12345');
  rejectBody(req, stopping);
  t.is(String(await reading), '12345');
  t.is(budget.usedBytes, 5);
});

test('bodies of two calls behind one another arrive whole, wherever the bytes are cut', async (t) => {
  const { raw, invoker } = await startServer(t);
  invoker.handler = ({ body }) => answer({ body });
  const post = (body: string): string => head('POST /invoke/hello', `Content-Length: ${body.length}`) + body;
  const bytes = post('the first body') + post('second');
  const client = await raw();
  client.socket.setNoDelay(true);
  for (let cut = 1; cut < bytes.length; cut += 1) {
    client.send(bytes.slice(0, cut));
    await turns(cut % 4);
    client.send(bytes.slice(cut));
    t.is((await client.response()).body, 'the first body');
    t.is((await client.response()).body, 'second');
  }
});
