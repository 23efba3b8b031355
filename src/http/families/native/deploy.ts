/** Owns `POST /deploy`: choosing the function's name, and handing the upload to the deploy pipeline. */
import Router from '@koa/router';
import { functionNameFromFile, parseFunctionName } from '../../../model/function/function-name.js';
import type { Deployments } from '../../../deploy/deployments.js';
import { answerWithProgress } from '../../answers/progress-lines.js';
import { clientGone } from '../../calls/client-gone.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { assertStillSender, namespaceOf, principalOf } from '../../requests/principal.js';
import { withUpload, type UploadConfig } from '../../requests/upload.js';
import { nativeEnvelope } from './native-envelope.js';

export interface DeployRoutesDeps {
  deployments: Deployments;
  config: UploadConfig;
}

export function deployRoutes({ deployments, config }: DeployRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.post('/deploy', needs('deployer'), async (ctx) => {
    const signal = clientGone(ctx.req.socket);
    await answerWithProgress(ctx, 201, nativeEnvelope, async (progress) => {
      const deployed = await withUpload(
        ctx,
        config,
        ({ path, originalName, fields: { funcName, ...fields } }) =>
          deployments.deploy({
            source: { format: 'archive', path },
            ref: {
              namespace: namespaceOf(ctx),
              name: parseFunctionName(funcName ?? functionNameFromFile(originalName)),
            },
            fields,
            mayBridge: principalOf(ctx).mayBridge,
            assertAllowed: () => assertStillSender(ctx),
            signal,
            progress,
          }),
      );
      audited(ctx, 'function.deploy', deployed.function, { version: deployed.version });
      return {
        function: deployed.function,
        status: 'deployed',
        version: deployed.version,
        digest: deployed.digest,
        ...(deployed.notes && { notes: deployed.notes }),
      };
    });
  });
  return router;
}
