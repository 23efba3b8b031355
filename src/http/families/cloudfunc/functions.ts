/** Owns the registry of the CloudFunc gateway: functions by name, owner and image, those of other families among them. */
import Router from '@koa/router';
import type { Deployments } from '../../../deploy/deployments.js';
import { GlambdarError } from '../../../errors.js';
import type { FunctionRecord } from '../../../model/function/function.js';
import { parseFunctionName } from '../../../model/function/function-name.js';
import type { Registry } from '../../../registry/registry.js';
import type { BodyBudget } from '../../answers/body-budget.js';
import { sendJson } from '../../answers/send-json.js';
import { whileClientWaits } from '../../calls/client-gone.js';
import { needs } from '../../middleware/needs.js';
import { withJsonMembers } from '../../requests/json-members.js';
import { audited } from '../../requests/audited.js';
import { assertStillSender, namespaceOf } from '../../requests/principal.js';

export interface RegistryRoutesDeps {
  registry: Registry;
  deployments: Deployments;
  bodies: BodyBudget;
}

const ROUTE = '/registerFunction';
const MAX_BODY_BYTES = 64 * 1024;
const MAX_OWNER_LENGTH = 256;

export function registryRoutes({ registry, deployments, bodies }: RegistryRoutesDeps): Router {
  const router = new Router({ sensitive: true, strict: true });

  router.post(ROUTE, needs('deployer'), async (ctx) => {
    const options = { maxBodyBytes: MAX_BODY_BYTES, bodies, flow: ROUTE };
    const wanted = ['name', 'owner', 'image'];
    const record = await withJsonMembers(ctx.req, ctx.res, options, wanted, async (members) => {
      await assertStillSender(ctx);
      const name = members.value('name');
      if (!name) throw new GlambdarError('INVALID_REQUEST', 'name is required');
      const ref = { namespace: namespaceOf(ctx), name: parseFunctionName(name) };
      const owner = ownerOf(members.value('owner'));
      const image = imageOf(members.value('image')) ?? imageSoFar(registry.find(ref));
      const deploying = deployments.deployImage({
        ref,
        image,
        settings: { contract: 'cloudfunc' },
        ...(owner !== undefined && { owner }),
        assertAllowed: () => assertStillSender(ctx),
      });
      return await whileClientWaits(ctx.req.socket, deploying);
    });
    audited(ctx, 'function.deploy', record.ref.name, { version: record.active.version });
    const { container_image: _, ...data } = shown(record);
    sendJson(ctx, 200, { message: 'Function registered successfully', data });
  });

  router.get('/functions', needs('viewer'), (ctx) => {
    const namespace = namespaceOf(ctx);
    const records = registry.records().filter(({ ref }) => ref.namespace === namespace);
    sendJson(ctx, 200, records.map(shown));
  });

  router.get('/function/:name', needs('viewer'), (ctx) => {
    const name = ctx.params['name'] ?? '';
    // A name that no function can have is looked up in vain like any other.
    const record = registry.find({ namespace: namespaceOf(ctx), name });
    if (record === undefined) throw new GlambdarError('FUNCTION_NOT_FOUND', 'Function not found');
    sendJson(ctx, 200, shown(record));
  });

  return router;
}

/** Both names of the image are in use: clients of the original read either. */
function shown({ id, ref, createdAt, active: { source } }: FunctionRecord) {
  const { image, owner = null } = source.type === 'image' ? source : { image: null };
  return {
    id,
    name: ref.name,
    owner,
    image,
    container_image: image,
    created_at: new Date(createdAt).toISOString(),
  };
}

function ownerOf(owner: unknown): string | undefined {
  if (owner === undefined || owner === null) return undefined;
  if (typeof owner === 'string' && owner.length <= MAX_OWNER_LENGTH) return owner;
  throw new GlambdarError(
    'INVALID_REQUEST',
    `owner must be a string of at most ${MAX_OWNER_LENGTH} characters`,
  );
}

function imageOf(image: unknown): string | null {
  if (image === undefined || image === null || image === '') return null;
  if (typeof image === 'string') return image;
  throw new GlambdarError('INVALID_REQUEST', 'image must be a string such as "ghcr.io/owner/name:tag"');
}

/** A registration without an image keeps the one that the function has, and takes no code away. */
function imageSoFar(before: FunctionRecord | undefined): string | null {
  if (before === undefined) return null;
  const { source } = before.active;
  if (source.type === 'image') return source.image;
  throw new GlambdarError(
    'INVALID_REQUEST',
    `"${before.ref.name}" is a function that was deployed as an archive; register an image under another name.`,
  );
}
