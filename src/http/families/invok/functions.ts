/** Owns `/invok/list` and `/invok/deploy`. */
import Router from '@koa/router';
import type { Deployments } from '../../../deploy/deployments.js';
import { functionNameFromFile, parseFunctionName } from '../../../model/function/function-name.js';
import type { Registry } from '../../../registry/registry.js';
import { sendJson } from '../../answers/send-json.js';
import { clientGone } from '../../calls/client-gone.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { assertStillSender, namespaceOf, principalOf } from '../../requests/principal.js';
import { withUpload, type UploadConfig } from '../../requests/upload.js';

export interface InvokFunctionsDeps {
  registry: Pick<Registry, 'list'>;
  deployments: Deployments;
  config: UploadConfig;
}

export function invokFunctionsRoutes({ registry, deployments, config }: InvokFunctionsDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.get('/invok/list', needs('viewer'), (ctx) => {
    const uuid = namespaceOf(ctx);
    const functions = registry.list(uuid);
    sendJson(
      ctx,
      200,
      functions.map(({ name }) => ({ uuid, name, runtime: 'nodejs' })),
    );
  });

  router.post('/invok/deploy', needs('deployer'), async (ctx) => {
    const namespace = namespaceOf(ctx);
    const signal = clientGone(ctx.req.socket);
    const deployed = await withUpload(
      ctx,
      config,
      ({ path, originalName, fields }) =>
        deployments.deploy({
          source: { format: 'archive', path, packaging: 'invok' },
          ref: { namespace, name: parseFunctionName(functionNameFromFile(originalName)) },
          fields,
          mayBridge: principalOf(ctx).mayBridge,
          assertAllowed: () => assertStillSender(ctx),
          signal,
        }),
      'first zip',
    );
    audited(ctx, 'function.deploy', deployed.function, { version: deployed.version });
    ctx.status = 200;
    ctx.type = 'text/plain; charset=utf-8';
    ctx.body = `Function '${deployed.function}' deployed successfully\nFunction: ${deployed.function}\nUser UUID: ${namespace}\n`;
  });

  return router;
}
