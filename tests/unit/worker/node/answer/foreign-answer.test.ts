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

test('an ordinary answer leaves no line in the log', async (t) => {
  const fn = await FunctionProcess.load(t, evaluator);
  for (const code of [
    "({ body: '{a' })",
    "({ body: '{}', headers: { 'content-type': 'text/plain' } })",
    "({ body: '{not json}', headers: { 'content-type': 'application/json' } })",
    "({ body: 'text', headers: { 'content-type': 'application/json' } })",
    "({ body: 'x', isBase64Encoded: false })",
    '({ statusCode: 200, status: 200, body: 1 })',
    "new Response('{}', { headers: { 'content-type': 'application/json' } })",
  ]) {
    await fn.answer({ body: code });
    t.is(fn.logs.stderr, '', code);
  }
});
