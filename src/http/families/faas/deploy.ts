/** Owns `POST /functions` of faas: handing the archive in the body to the deploy pipeline. */
import Router from '@koa/router';
import type { Deployments } from '../../../deploy/deployments.js';
import { clientGone } from '../../calls/client-gone.js';
import { publicBase, type PublicBaseConfig } from '../../answers/public-base.js';
import { sendJson } from '../../answers/send-json.js';
import { needs } from '../../middleware/needs.js';
import { audited } from '../../requests/audited.js';
import { assertStillSender, namespaceOf, principalOf } from '../../requests/principal.js';
import type { UploadConfig } from '../../requests/upload-directory.js';
import { withFunctionUpload } from './function-upload.js';

export interface FaasDeployDeps {
  deployments: Deployments;
  config: UploadConfig & PublicBaseConfig;
}

export function faasDeployRoutes({ deployments, config }: FaasDeployDeps): Router {
  const router = new Router({ sensitive: true, strict: true });
  router.post(['/functions', '/functions/'], needs('deployer'), async (ctx) => {
    const signal = clientGone(ctx.req.socket);
    const deployed = await withFunctionUpload(ctx, config, ({ name, path }) =>
      deployments.deploy({
        source: { format: 'archive', path, packaging: 'faas' },
        ref: { namespace: namespaceOf(ctx), name },
        fields: { contract: 'faas' },
        mayBridge: principalOf(ctx).mayBridge,
        assertAllowed: () => assertStillSender(ctx),
        signal,
      }),
    );
    audited(ctx, 'function.deploy', deployed.function, { version: deployed.version });
    sendJson(ctx, 200, { invoke: `${publicBase(config, ctx.req.socket)}/functions/${deployed.function}` });
  });
  return router;
}
