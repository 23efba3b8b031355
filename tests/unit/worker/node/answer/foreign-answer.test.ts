import test from 'ava';
import { FunctionProcess } from '../../../../helpers/function-process.js';

const evaluator = "exports.handler = async (req) => new Function('return ' + req.body)();";
const advice = 'The contract "lambda" understands such answers: POST /config/hello {"contract":"lambda"}\n';
const jsonText = "({ headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ a: 1 }) })";

const foreign: [code: string, seen: string][] = [
  [
    "({ statusCode: 200, body: '[1]', isBase64Encoded: true })",
    'its body is JSON text already, which was encoded as JSON once more (return the object itself); its "isBase64Encoded" was not read, so the text was sent',
  ],
  [
    "({ headers: { 'content-type': 'image/png' }, body: 'iVBORw==', isBase64Encoded: true })",
    'its "isBase64Encoded" was not read, so the text was sent',
  ],
  [
    "({ body: 'x', cookies: ['a=1'], multiValueHeaders: { a: ['1'] } })",
    'its "cookies" were not sent; its "multiValueHeaders" were not sent',
  ],
];

test('a Lambda-style answer is sent as it is, with a line in the log that names the contract', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [code, seen] of foreign) {
    await fn.answer({ body: code });
    t.is(fn.logs.stderr, `glambdar: this answer looks like one for AWS Lambda: ${seen}. ${advice}`, code);
  }
});

test('an answer whose body alone is JSON text is told to return the object, and not taken for one of AWS Lambda', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const code of [jsonText, "({ statusCode: 200, body: '[1]' })"]) {
    await fn.answer({ body: code });
    t.is(
      fn.logs.stderr,
      'glambdar: the answer\'s body is JSON text already, which was encoded as JSON once more: return the object itself (code for AWS Lambda needs contract "lambda")\n',
      code,
    );
  }
  const { text } = await fn.answer({ body: jsonText });
  t.is(text, '"{\\"a\\":1}"');
});

test('an answer with status instead of statusCode is told so', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { message } = await fn.answer({ body: '({ status: 404, body: 1 })' });
  t.is(message.statusCode, 200);
  t.regex(fn.logs.stderr, /^glambdar: the answer's key "status" is not read/);
});

const unread = (key: string, meant: string): string =>
  `glambdar: the answer's key "${key}" is not read; use "${meant}"\n`;

/** Answers with a key that is not read, and the lines that name it. */
const misnamed: [code: string, lines: string][] = [
  ["({ header: { 'x-a': '1' }, body: 1 })", unread('header', 'headers')],
  ["({ Headers: { 'x-a': '1' }, body: 1 })", unread('Headers', 'headers')],
  ["({ haeders: { 'x-a': '1' }, body: 1 })", unread('haeders', 'headers')],
  ['({ status: 404, body: 1 })', unread('status', 'statusCode')],
  ['({ statuscode: 404, body: 1 })', unread('statuscode', 'statusCode')],
  ['({ status_code: 404, body: 1 })', unread('status_code', 'statusCode')],
  ['({ StatusCode: 404, body: 1 })', unread('StatusCode', 'statusCode')],
  ['({ statusCod: 404, body: 1 })', unread('statusCod', 'statusCode')],
  ['({ code: 404, body: 1 })', unread('code', 'statusCode')],
  ['({ statusCode: 201, Body: 1 })', unread('Body', 'body')],
  ['({ statusCode: 201, data: 1 })', unread('data', 'body')],
  ["({ statusCode: 201, text: 'a' })", unread('text', 'body')],
  ['({ statusCode: 201, json: {} })', unread('json', 'body')],
  [
    '({ status: 404, header: {}, body: 1, headers: undefined })',
    unread('status', 'statusCode') + unread('header', 'headers'),
  ],
  ['({ statusCode: 201, data: 1, json: 2 })', unread('data', 'body')],
];

test('a key of an answer that is not read is named, with the one that is', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const [code, lines] of misnamed) {
    await fn.answer({ body: code });
    t.is(fn.logs.stderr, lines, code);
  }
});

test('an answer whose keys throw when they are listed is sent all the same', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  const { text } = await fn.answer({
    body: "new Proxy({ body: 'a' }, { ownKeys() { throw new Error('no'); } })",
  });
  t.is(text, '"a"');
  t.is(fn.logs.stderr, '');
});

test('an ordinary answer leaves no line in the log', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const code of [
    "({ body: '{a' })",
    "({ body: '{}', headers: { 'content-type': 'text/plain' } })",
    "({ body: '{not json}', headers: { 'content-type': 'application/json' } })",
    "({ body: 'text', headers: { 'content-type': 'application/json' } })",
    "({ body: 'x', isBase64Encoded: false })",
    '({ statusCode: 200, status: 200, body: 1 })',
    "({ statusCode: 200, code: 'OK', body: 1, data: 2, header: undefined })",
    "({ body: 1, code: 'E_NONE', requestId: 'a', time: 1 })",
    '({ headers: {}, header: {}, body: 1 })',
    "new Response('{}', { headers: { 'content-type': 'application/json' } })",
  ]) {
    await fn.answer({ body: code });
    t.is(fn.logs.stderr, '', code);
  }
});

for (const [what, code] of [
  ['throw', "process.stderr.write = () => { throw new Error('of the stream'); };"],
  ['are ended', 'process.stderr.end();'],
] as const)
  test(`an answer is remarked on, and stays as it is, though the function's own streams ${what}`, async (t) => {
    const fn = await FunctionProcess.load(
      t,
      `${code} exports.handler = async () => ({ status: 404, body: 'x' });`,
    );
    for (let call = 0; call < 2; call += 1) t.is((await fn.answer()).text, '"x"');
    t.is(fn.logs.stderr, 'glambdar: the answer\'s key "status" is not read; use "statusCode"\n');
  });
