/** Owns `POST /deploy`: choosing the function's name, and handing the upload to the deploy pipeline. */
import Router from '@koa/router';
import { functionNameFromFile, parseFunctionName } from '../../../model/function/function-name.js';
import type { Deployments } from '../../../deploy/deployments.js';
import type { PublicAddressOf } from '../../answers/public-address.js';
import { answerWithProgress } from '../../answers/progress-lines.js';
import { clientGone } from '../../calls/client-gone.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { assertStillSender, namespaceOf, principalOf } from '../../requests/principal.js';
import { withUpload, type UploadConfig } from '../../requests/upload.js';
import { nativeEnvelope } from './native-envelope.js';

export interface DeployRoutesDeps {
  deployments: Deployments;
  publicAddress: PublicAddressOf;
  config: UploadConfig;
}

export function deployRoutes({ deployments, publicAddress, config }: DeployRoutesDeps): Router {
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
      const ref = { namespace: namespaceOf(ctx), name: deployed.function };
      const { publicUrl, note } = publicAddress(ref, ctx.req.socket);
      const notes = [...(deployed.notes ?? []), ...(note === undefined ? [] : [note])];
      return {
        function: deployed.function,
        status: 'deployed',
        version: deployed.version,
        digest: deployed.digest,
        ...(publicUrl !== undefined && { publicUrl }),
        ...(notes.length > 0 && { notes }),
        ...(deployed.hints && { hints: deployed.hints }),
      };
    });
  });
  return router;
}
