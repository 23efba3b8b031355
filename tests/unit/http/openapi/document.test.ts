import { Validator } from '@seriousme/openapi-schema-validator';
import test from 'ava';
import { openApiDocument } from '../../../../src/http/openapi/document.js';
import { DEFAULT_SETTINGS } from '../../../../src/model/function/settings.js';
import { startServer } from '../server-fixture.js';

interface Document {
  paths: Record<string, Record<string, { operationId: string; description: string }>>;
  components: { schemas: { Settings: { properties: Record<string, { maximum?: number }> } } };
}

test('the description of the API is valid OpenAPI and has every route of the server with its role', async (t) => {
  const { app, get } = await startServer(t);
  const { response, json } = await get('/openapi.json');
  t.is(response.status, 200);
  const result = await new Validator().validate(structuredClone(json));
  t.true(result.valid, JSON.stringify(result.errors));
  const { paths } = json as unknown as Document;
  for (const { method, path, need } of app.routes) {
    const template = path.split(' ').at(-1)!.replace('[/…]', '').replace('<path>', '{path}');
    const operation = paths[template.replaceAll(/:(\w+)/g, '{$1}')]?.[(method ?? 'POST').toLowerCase()];
    t.truthy(operation, `${method} ${path}`);
    if (need !== 'open') t.true(operation?.description.includes(`"${need}"`), path);
  }
  const ids = Object.values(paths).flatMap((item) =>
    Object.values(item).map(({ operationId }) => operationId),
  );
  t.is(new Set(ids).size, ids.length);
});

test('the description has every setting, and no limit that depends on the machine', async (t) => {
  const { get } = await startServer(t);
  const { Settings } = ((await get('/openapi.json')).json as unknown as Document).components.schemas;
  t.deepEqual(Object.keys(Settings.properties), Object.keys(DEFAULT_SETTINGS));
  t.is(Settings.properties['cpus']?.maximum, undefined);
  t.is(Settings.properties['memoryMb']?.maximum, 10_240);
});

test('a route that nobody has described is refused', (t) => {
  const info = { name: 'x', version: '1.0.0', hasAccounts: false };
  t.throws(() => openApiDocument([{ method: 'GET', path: '/new', need: 'viewer' }], info), {
    message: /GET \/new is not described/,
  });
});
