import test from 'ava';
import { nearName } from '../../../src/model/near-name.js';

const near = (written: string, ...known: string[]) => nearName(written, known);

test('the near name is one that differs by a character more, less, changed or swapped', (t) => {
  t.is(near('conff', 'config-of-all', 'conf', 'other'), 'conf');
  t.is(near('helo', 'hello'), 'hello');
  t.is(near('hallo', 'hello'), 'hello');
  t.is(near('hlelo', 'hello'), 'hello');
  t.is(near('GLAMBDAR_PRT', 'GLAMBDAR_HOST', 'GLAMBDAR_PORT', 'GLAMBDAR_DIR'), 'GLAMBDAR_PORT');
});

test('the nearest of several names is taken, whatever their order', (t) => {
  t.is(near('images', 'imagine', 'image'), 'image');
  t.is(near('images', 'image', 'imagine'), 'image');
});

test('a name that differs in case alone is near', (t) => {
  t.is(near('TODO', 'todo'), 'todo');
});

test('names that differ in more than a third of their characters are not near', (t) => {
  t.is(near('a', 'b'), undefined);
  t.is(near('todo', 'list'), undefined);
  t.is(near('mail', 'map'), undefined);
  t.is(near('x'.repeat(100), 'x'.repeat(99)), undefined);
  t.is(near('nothing'), undefined);
});
