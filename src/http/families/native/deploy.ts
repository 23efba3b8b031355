/** Owns `POST /deploy`: choosing the function's name, and handing the upload to the deploy pipeline. */
import Router from '@koa/router';
import { functionNameFromFile, parseFunctionName } from '../../../model/function/function-name.js';
import type { Deployments } from '../../../deploy/deployments.js';
import { DEFAULT_NAMESPACE } from '../../../model/function/ref.js';
import { sendJson } from '../../answers/send-json.js';
import { withUpload, type UploadConfig } from '../../requests/upload.js';

export interface DeployRoutesDeps {
  deployments: Deployments;
  config: UploadConfig;
}

export function deployRoutes({ deployments, config }: DeployRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.post('/deploy', async (ctx) => {
    const deployed = await withUpload(
      ctx,
      config,
      ({ path, originalName, fields: { funcName, ...fields } }) =>
        deployments.deploy({
          source: { format: 'archive', path },
          ref: {
            namespace: DEFAULT_NAMESPACE,
            name: parseFunctionName(funcName ?? functionNameFromFile(originalName)),
          },
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
