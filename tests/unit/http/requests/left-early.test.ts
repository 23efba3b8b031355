import { once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import type { Context } from 'koa';
import { BodyBudget } from '../../../../src/http/answers/body-budget.js';
import { readBody } from '../../../../src/http/requests/request-body.js';
import { withUpload } from '../../../../src/http/requests/upload.js';
import { temporaryDirectory } from '../../../helpers/temporary-directory.js';

/** A request whose client left in the middle of its body, and whose `close` nobody heard. */
async function left(type: string) {
  const req = new IncomingMessage(new Socket());
  req.headers = { 'content-type': type, 'content-length': '200' };
  req.destroy();
  await once(req, 'close');
  return { req, res: new ServerResponse(req) };
}

test('a body is not waited for whose client has left already', async (t) => {
  const { req, res } = await left('text/plain');
  const error = t.throws(() => readBody(req, res, 1000, new BodyBudget(1000), 'f'));
  t.like(error, { code: 'CANCELLED' });
});

test('an upload is not waited for whose client has left already, and its directory is removed', async (t) => {
  const uploadDir = join(temporaryDirectory(t), 'uploads');
  mkdirSync(uploadDir);
  const ctx = (await left('multipart/form-data; boundary=x')) as unknown as Context;
  const uploading = withUpload(ctx, { uploadDir, maxBundleBytes: 1000 }, () => Promise.resolve());
  t.like(await t.throwsAsync(uploading), { code: 'CANCELLED' });
  t.deepEqual(readdirSync(uploadDir), []);
});
