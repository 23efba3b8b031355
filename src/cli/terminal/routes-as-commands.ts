/** Owns saying by commands what a server says by its routes: whoever uses this program writes no HTTP. */
import { typed } from '../own-name.js';

const NAME = '([A-Za-z0-9][A-Za-z0-9._-]*)';

/** A route with its arguments → the words of the command that does the same. */
const COMMANDS: readonly [route: RegExp, words: string][] = [
  [new RegExp(`POST /config/${NAME} \\{"(\\w+)":"?([\\w.-]+)"?\\}`, 'g'), 'config $1 $2=$3'],
  [new RegExp(`GET /functions/${NAME}/secrets`, 'g'), 'secrets list $1'],
  [new RegExp(`GET /functions/${NAME}/versions`, 'g'), 'versions $1'],
  [/GET \/info(?![\w/.])/g, 'list'],
  [/DELETE \/auth\/keys\/(<id>)/g, 'keys rm $1'],
  [/GET \/auth\/(keys|users)(?![\w/.])/g, '$1 list'],
];

/** The text with commands in the place of routes, such as `glambdar config hello network=bridge`. */
export function routesAsCommands(text: string): string {
  if (!/(?:GET|POST|DELETE) \//.test(text)) return text;
  return COMMANDS.reduce((said, [route, words]) => said.replace(route, `\`${typed(words)}\``), text);
}
