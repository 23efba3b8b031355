import test from 'ava';
import { routesAsCommands } from '../../../src/cli/terminal/routes-as-commands.js';

/** With or without npx: that depends on the machine of the test. */
const said = (text: string) => routesAsCommands(text).replaceAll('`npx glambdar ', '`glambdar ');

test('routes in what a server says become the commands that do the same', (t) => {
  t.is(
    said('glambdar: this function has network "none"; POST /config/big {"network":"bridge"} gives it one'),
    'glambdar: this function has network "none"; `glambdar config big network=bridge` gives it one',
  );
  t.is(
    said('"a.b" has no secret of this name; GET /functions/a.b/secrets names those it has.'),
    '"a.b" has no secret of this name; `glambdar secrets list a.b` names those it has.',
  );
  t.is(said('GET /info lists the names.'), '`glambdar list` lists the names.');
  t.is(said('GET /auth/keys lists them.'), '`glambdar keys list` lists them.');
});

test('other routes, such as those of functions, stay as they are', (t) => {
  for (const text of ['GET /info/hello', 'GET /info.html', 'POST /invoke/hello', 'no route'])
    t.is(said(text), text);
});
