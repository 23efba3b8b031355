/** Owns `POST /deploy`: which name an upload gets, and handing it to the registry. */
import Router from '@koa/router';
import { functionNameFromFile, parseFunctionName } from '../../../model/function-name.js';
import type { Registry } from '../../../registry/registry.js';
import { sendJson } from '../../answers/send-json.js';
import { withUpload, type UploadConfig } from '../../requests/upload.js';

export interface DeployRoutesDeps {
  registry: Registry;
  config: UploadConfig;
}

export function deployRoutes({ registry, config }: DeployRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.post('/deploy', async (ctx) => {
    const deployed = await withUpload(
      ctx,
      config,
      ({ path, originalName, fields: { funcName, ...fields } }) =>
        registry.deploy({
          zipPath: path,
          name: parseFunctionName(funcName ?? functionNameFromFile(originalName)),
          fields,
        }),
    );
    sendJson(ctx, 201, {
      function: deployed.function,
      status: 'deployed',
      version: deployed.version,
      digest: deployed.digest,
    });
  });
  return router;
}
