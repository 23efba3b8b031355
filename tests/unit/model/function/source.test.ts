import test from 'ava';
import { handlerInBundle, type Source } from '../../../../src/model/function/source.js';

const stripped: Source = { type: 'bundle', runtime: 'node', folder: 'app' };

for (const [handler, source, expected] of [
  ['app/index.handler', stripped, 'index.handler'],
  ['./app/src/index.handler', stripped, 'src/index.handler'],
  ['index.handler', stripped, 'index.handler'],
  ['app.handler', stripped, 'app.handler'],
  ['application/index.handler', stripped, 'application/index.handler'],
  ['src/app/index.handler', stripped, 'src/app/index.handler'],
  ['app/../../x.handler', stripped, '../../x.handler'],
  [null, stripped, null],
  ['app/index.handler', { type: 'bundle', runtime: 'node' }, 'app/index.handler'],
] as const) {
  test(`handler ${handler} is ${expected} where ${source === stripped ? 'app' : 'no folder'} was stripped`, (t) => {
    t.is(handlerInBundle(handler, source), expected);
  });
}
