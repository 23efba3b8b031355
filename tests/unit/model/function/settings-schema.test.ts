import { readFileSync } from 'node:fs';
import test from 'ava';
import { DEFAULT_SETTINGS } from '../../../../src/model/function/settings.js';
import { editorSchema } from '../../../../src/model/function/settings-schema.js';

interface EditorSchema {
  additionalProperties: boolean;
  properties: Record<string, { maximum?: number; minimum?: number; description?: string; default?: unknown }>;
}

test('the schema for editors in docs/ is that of the settings; npm run schema writes it anew', (t) => {
  const file = new URL('../../../../docs/glambdar.schema.json', import.meta.url);
  t.deepEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(editorSchema())));
});

test('the schema has every setting with its default and its limits, apart from the cores of this machine', (t) => {
  const { properties, additionalProperties } = editorSchema() as unknown as EditorSchema;
  t.false(additionalProperties);
  t.deepEqual(Object.keys(properties), ['$schema', ...Object.keys(DEFAULT_SETTINGS)]);
  for (const [name, value] of Object.entries(DEFAULT_SETTINGS)) t.deepEqual(properties[name]?.default, value);
  t.is(properties['timeoutMs']?.maximum, 900_000);
  t.is(properties['cpus']?.minimum, 0.1);
  t.is(properties['cpus']?.maximum, undefined);
  t.notRegex(properties['cpus']?.description ?? '', /this machine/);
});
