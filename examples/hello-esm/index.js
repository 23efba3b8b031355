// The same as an ES module: package.json says so. What stands outside the handler runs once, when the function is
// loaded, which Glambdar does ahead of the call: a good place for slow preparations, top-level await included.
import { readFile } from 'node:fs/promises';

const greetings = JSON.parse(await readFile(new URL('./greetings.json', import.meta.url), 'utf8'));

export const handler = (req, context) => ({
  headers: { 'X-Function': `${context.functionName} v${context.version}` },
  body: { message: greetings[req.query.lang] ?? greetings.en },
});
