/** Writes docs/glambdar.schema.json, from which editors know the settings in a glambdar.json. Run by: npm run schema */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { editorSchema } from '../src/model/function/settings-schema.js';

writeFileSync(
  join(import.meta.dirname, '../docs/glambdar.schema.json'),
  `${JSON.stringify(editorSchema(), null, 2)}\n`,
);
